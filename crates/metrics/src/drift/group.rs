//! One channel of one group of entities: did all move together, and did some move against the rest?
//!
//! Both questions are asked, because either hides the other. When everything is 3 % up on a warm
//! Sunday, a fifth of the cells being 10 % down does not show in the pooled values; and the median of
//! the group hardly notices a fifth of the cells at all.
//!
//! The second question is answered by the spread of the entities about their median. A part that moves
//! by less than its own noise hardly changes the shape of the distribution: on the made-up network of
//! `examples/drift_figures` the Kolmogorov-Smirnov distance against the same null found none of the
//! shifts of 10 % on a fifth of the cells. It widens it, though, and a spread over a thousand cells is
//! known to a few percent.

use std::collections::BTreeMap;

use super::column::{Column, beside_its_kind, by_kind};
use super::median;
use super::null::{BlockNull, Tail};
use super::profile::Blocks;
use super::quantile;

/// Entities without which a group is not tested.
pub const LEAST_ENTITIES: usize = 5;

/// Chance that [`Tested::threshold`] belongs to.
const THRESHOLD_CHANCE: f64 = 0.01;

/// Standard deviations of both statistics that are not gone below: less is a last digit.
const LEAST_SCALE: f64 = 0.01;

/// Robust spreads beyond which an entity counts no further: one that fell silent is no drift of the
/// group.
const FAR: f64 = 4.0;

/// Share of a movement that the newest stride has to show on its own.
const PERSISTS: f64 = 0.25;

/// Standard errors that the agreement of a part has to reach: the 99 % point of a normal value.
const SURE: f64 = 2.326;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// The median of all entities moved.
    Level,
    /// Some entities moved against the others.
    Part,
    /// No entity has a value any more: nothing is left to test.
    Gone,
}

impl Statistic {
    /// The word stored in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Part => "part",
            Self::Gone => "gone",
        }
    }
}

/// The answer for one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// What was asked.
    pub statistic: Statistic,
    /// Median standardised residual; or the logarithm of the entities' variance about their median,
    /// over its mean in the reference.
    pub value: f64,
    /// The value beside what it is on average without drift.
    pub moved: f64,
    /// The value that one block in a hundred passes without drift (on either side, of a level).
    pub threshold: f64,
    /// How far the entities moved, together or against each other, in interquartile ranges of the
    /// reference.
    pub effect: f64,
    /// Chance of such a value without drift.
    pub p_value: f64,
    /// The same by rank among the reference's blocks.
    pub rank: f64,
    /// Entities with a value in the window.
    pub entities: usize,
    /// Reference blocks behind the null.
    pub blocks: usize,
    /// Whether the window's newest stride, which no window before has seen, says the same: a bad day
    /// lies in every window that holds it. A stride that too few entities have says nothing.
    pub persists: bool,
}

/// Which blocks may be compared: a Sunday's traffic is less, and so is its noise.
#[derive(Debug, Clone, Copy)]
pub struct Kinds<'a> {
    /// Kind of every block of the reference (its weekday); `None` does not count: a holiday, a hole.
    pub reference: &'a [Option<u8>],
    /// Kind of every window.
    pub windows: &'a [u8],
}

/// A group's reference, ready for windows.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    entities: Vec<&'a Blocks>,
    kinds: Vec<u8>,
    /// Interquartile range of all entities in all blocks.
    range: f64,
    /// Beyond this an entity's own movement counts no further.
    far: f64,
    /// Mean logarithm of the variance, by kind of block.
    usual_spread: BTreeMap<u8, f64>,
    level: BlockNull,
    part: BlockNull,
    history: [Vec<(usize, f64)>; 2],
}

impl<'a> Group<'a> {
    /// Learns the null of both statistics from the entities' reference blocks.
    ///
    /// `None` with too few entities or blocks.
    pub fn new(entities: &[&'a Blocks], kinds: Kinds<'_>) -> Option<Self> {
        if entities.len() < LEAST_ENTITIES {
            return None;
        }
        let counted = kinds.reference.iter().enumerate();
        let (blocks, columns): (Vec<usize>, Vec<(u8, Column)>) = counted
            .filter_map(|(block, kind)| {
                let values = entities.iter().map(|entity| at(&entity.reference, block));
                Some((block, ((*kind)?, Column::of(values)?)))
            })
            .unzip();
        let range = range(columns.iter().flat_map(|(_, column)| column.all.iter().copied()))?;
        let own = columns.iter().flat_map(|(_, column)| column.own());
        let far = FAR * self::range(own)? / 1.349;
        let spreads: Vec<(u8, f64)> =
            columns.iter().map(|(kind, column)| (*kind, column.spread(far))).collect();
        let levels = columns.iter().map(|(_, column)| column.level);
        let levels: Vec<(usize, f64)> = blocks.iter().copied().zip(levels).collect();
        let parts: Vec<(usize, f64)> = blocks
            .iter()
            .enumerate()
            .filter_map(|(at, block)| Some((*block, beside_its_kind(&spreads, at)?)))
            .collect();
        let null = |of: &[(usize, f64)], tail| {
            let values: Vec<f64> = of.iter().map(|(_, value)| *value).collect();
            BlockNull::new(&values, tail, LEAST_SCALE)
        };
        Some(Self {
            entities: entities.to_vec(),
            kinds: kinds.windows.to_vec(),
            range,
            far,
            usual_spread: by_kind(&spreads),
            level: null(&levels, Tail::Both)?,
            part: null(&parts, Tail::Upper)?,
            history: [levels, parts],
        })
    }

    /// The statistic in the blocks of the reference that count: (place, value).
    pub fn history(&self, statistic: Statistic) -> &[(usize, f64)] {
        match statistic {
            Statistic::Level => &self.history[0],
            Statistic::Part => &self.history[1],
            Statistic::Gone => &[],
        }
    }

    /// Both answers for window `window`; none where too few entities have a value.
    pub fn test(&self, window: usize) -> Vec<Tested> {
        self.test_without(window, |_| false)
    }

    /// The same without the entities that `left_out` names (by their place): whether the finding
    /// hangs on them.
    pub fn test_without(&self, window: usize, left_out: impl Fn(usize) -> bool) -> Vec<Tested> {
        let kept = self.entities.iter().enumerate().filter(|(place, _)| !left_out(*place));
        let Some(column) = Column::of(kept.map(|(_, entity)| at(&entity.windows, window))) else {
            return Vec::new();
        };
        let mut answers = vec![self.level(&column)];
        let usual = self.kinds.get(window).and_then(|kind| self.usual_spread.get(kind));
        answers.extend(usual.map(|usual| self.part(&column, *usual)));
        let kept = self.entities.iter().enumerate().filter(|(place, _)| !left_out(*place));
        let halves: Vec<(f32, f32)> =
            kept.filter_map(|(_, entity)| halves(entity, window)).collect();
        for answer in &mut answers {
            answer.persists = self.persists(answer, usual.copied(), &halves);
        }
        answers
    }

    /// Whether the older and the newest part of a window agree: in sign and a quarter of the size, of a
    /// level; in which entities moved, of a part.
    fn persists(&self, tested: &Tested, usual: Option<f64>, halves: &[(f32, f32)]) -> bool {
        let strides = self.entities.first().and_then(|of| strides(of)).unwrap_or(1);
        if strides < 2 {
            // Windows do not overlap: none before has seen any of this one.
            return true;
        }
        if halves.len() < LEAST_ENTITIES {
            return false;
        }
        let middle = |of: fn(&(f32, f32)) -> f32| {
            median(&mut halves.iter().map(of).collect()).unwrap_or(0.0)
        };
        let (older, newest) = (middle(|half| half.0), middle(|half| half.1));
        if tested.statistic == Statistic::Level {
            let newest = newest - self.level.mean();
            return newest * tested.moved.signum() >= PERSISTS * tested.moved.abs();
        }
        let own = |value: f32, level: f64| (f64::from(value) - level).clamp(-self.far, self.far);
        let pairs = halves.iter().map(|(a, b)| (own(*a, older), own(*b, newest)));
        let (sum, squares) = pairs.fold((0.0, 0.0), |(s, q), (a, b)| (s + a * b, q + a * a));
        let usual = usual.unwrap_or(0.0).exp();
        let more = (tested.moved.exp() - 1.0) * usual;
        // Were the newest stride as usual, its noise alone would decide: that of a window, or more by
        // as many strides as it has.
        let noise = usual * strides as f64;
        sum / halves.len() as f64 >= PERSISTS * more && sum >= SURE * (squares * noise).sqrt()
    }

    /// Median change of the entities in a window, in the unit of the channel.
    pub fn shift(&self, window: usize) -> Option<f64> {
        let moved = |entity: &&Blocks| entity.moved(at(&entity.windows, window)) as f32;
        median(&mut self.entities.iter().map(moved).collect())
    }

    /// Median level of the entities' references, in the unit of the channel.
    pub fn usual(&self) -> Option<f64> {
        median(&mut self.entities.iter().map(|entity| entity.level as f32).collect())
    }

    fn level(&self, column: &Column) -> Tested {
        let effect = (column.level - self.level.mean()).abs() / self.range;
        tested(Statistic::Level, column, column.level, effect, &self.level)
    }

    fn part(&self, column: &Column, usual: f64) -> Tested {
        let value = column.spread(self.far) - usual;
        // Independent movements add their variances: what is more than usual came on top.
        let more = ((value - self.part.mean()).exp() - 1.0).max(0.0) * usual.exp();
        tested(Statistic::Part, column, value, more.sqrt() / self.range, &self.part)
    }
}

fn tested(
    statistic: Statistic,
    column: &Column,
    value: f64,
    effect: f64,
    null: &BlockNull,
) -> Tested {
    Tested {
        statistic,
        value,
        moved: value - null.mean(),
        threshold: null.threshold(THRESHOLD_CHANCE),
        effect,
        p_value: null.p_value(value),
        rank: null.rank(value),
        entities: column.all.len(),
        blocks: null.blocks(),
        persists: true,
    }
}

fn at(blocks: &[f32], index: usize) -> f32 {
    blocks.get(index).copied().unwrap_or(f32::NAN)
}

/// Strides of a window.
fn strides(entity: &Blocks) -> Option<usize> {
    (entity.strides.len() + 1).checked_sub(entity.windows.len())
}

/// Mean of a window's older strides, and its newest one; `None` where windows do not overlap, or a
/// part has no value.
fn halves(entity: &Blocks, window: usize) -> Option<(f32, f32)> {
    let (newest, older) = entity.strides.get(window..window + strides(entity)?)?.split_last()?;
    let mean = older.iter().sum::<f32>() / older.len() as f32;
    (mean.is_finite() && newest.is_finite()).then_some((mean, *newest))
}

/// Interquartile range; of a channel that rests on its profile, one spread of an entity.
fn range(values: impl Iterator<Item = f32>) -> Option<f64> {
    let mut values: Vec<f32> = values.collect();
    let iqr = -quantile(&mut values, 0.25)? + quantile(&mut values, 0.75)?;
    Some(if iqr > 1e-6 { iqr } else { 1.0 })
}
