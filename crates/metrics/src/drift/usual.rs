//! What is usual of a group's blocks: where all entities lie, how far they spread about it, and how
//! far both move from block to block without drift.

use std::collections::BTreeMap;

use super::column::{Column, beside_its_kind, by_kind};
use super::null::{BlockNull, Tail};
use super::quantile;

/// Standard deviations of both statistics that are not gone below: less is a last digit.
const LEAST_SCALE: f64 = 0.01;

/// Robust spreads beyond which an entity counts no further: one that fell silent is no drift of the
/// group.
const FAR: f64 = 4.0;

/// All entities of a group in the blocks of a reference that count.
pub(super) struct Columns {
    /// Places of the blocks.
    pub(super) blocks: Vec<usize>,
    /// Their kinds and values.
    of: Vec<(u8, Column)>,
}

impl Columns {
    /// `values` gives what the entities have in a block; `kinds` as [`super::group::Kinds::reference`].
    pub(super) fn of<I: Iterator<Item = f32>>(
        kinds: impl Iterator<Item = Option<u8>>,
        values: impl Fn(usize) -> I,
    ) -> Self {
        let counted = kinds.enumerate();
        let (blocks, of) = counted
            .filter_map(|(block, kind)| Some((block, (kind?, Column::of(values(block))?))))
            .unzip();
        Self { blocks, of }
    }

    /// Interquartile range of all entities in all blocks.
    pub(super) fn range(&self) -> Option<f64> {
        range(self.of.iter().flat_map(|(_, column)| column.all.iter().copied()))
    }

    /// What both statistics are in each block: (place, value).
    fn statistics(&self, far: f64) -> [Vec<(usize, f64)>; 2] {
        let levels = self.of.iter().map(|(_, column)| column.level);
        let spreads = self.spreads(far);
        let parts = self.blocks.iter().enumerate();
        [
            self.blocks.iter().copied().zip(levels).collect(),
            parts
                .filter_map(|(at, block)| Some((*block, beside_its_kind(&spreads, at)?)))
                .collect(),
        ]
    }

    fn spreads(&self, far: f64) -> Vec<(u8, f64)> {
        self.of.iter().map(|(kind, column)| (*kind, column.spread(far))).collect()
    }
}

/// What is usual of blocks of one length.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    /// Beyond this an entity's own movement counts no further.
    pub(super) far: f64,
    /// Mean logarithm of the variance, by kind of block.
    pub(super) spread: BTreeMap<u8, f64>,
    pub(super) level: BlockNull,
    pub(super) part: BlockNull,
    /// Both statistics in the blocks that count: (place, value).
    pub(super) history: [Vec<(usize, f64)>; 2],
}

impl Usual {
    /// `None` with too few blocks.
    pub(super) fn of(columns: &Columns) -> Option<Self> {
        let own = columns.of.iter().flat_map(|(_, column)| column.own());
        let far = FAR * range(own)? / 1.349;
        let history = columns.statistics(far);
        let null = |of: &[(usize, f64)], tail| {
            let values: Vec<f64> = of.iter().map(|(_, value)| *value).collect();
            BlockNull::new(&values, tail, LEAST_SCALE)
        };
        Some(Self {
            far,
            spread: by_kind(&columns.spreads(far)),
            level: null(&history[0], Tail::Both)?,
            part: null(&history[1], Tail::Upper)?,
            history,
        })
    }

    /// How far a block's spread lies beside what is usual of its kind; `None` where no block of the
    /// reference is of that kind.
    pub(super) fn part(&self, column: &Column, kind: Option<&u8>) -> Option<f64> {
        Some(column.spread(self.far) - self.spread.get(kind?)?)
    }
}

/// Interquartile range; of a channel that rests on its profile, one spread of an entity.
fn range(values: impl Iterator<Item = f32>) -> Option<f64> {
    let mut values: Vec<f32> = values.collect();
    let iqr = -quantile(&mut values, 0.25)? + quantile(&mut values, 0.75)?;
    Some(if iqr > 1e-6 { iqr } else { 1.0 })
}
