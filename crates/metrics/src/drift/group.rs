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

use super::column::Column;
use super::median;
use super::null::BlockNull;
use super::profile::Blocks;
use super::usual::{Columns, Usual};

/// Entities without which a group is not tested.
pub const LEAST_ENTITIES: usize = 5;

/// Chance that [`Tested::threshold`] belongs to.
const THRESHOLD_CHANCE: f64 = 0.01;

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
    /// Chance of what this window and the one before hold together, as one longer block; `None` of the
    /// first window, and where too few entities have a value or too few blocks of that length count.
    pub together: Option<f64>,
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
    /// What is usual of blocks as long as a window.
    usual: Usual,
    /// The same of a window and the one before, as one block; `None` where too few of these count.
    usual_pairs: Option<Usual>,
}

impl<'a> Group<'a> {
    /// Learns the null of both statistics from the entities' reference blocks.
    ///
    /// `None` with too few entities or blocks.
    pub fn new(entities: &[&'a Blocks], kinds: Kinds<'_>) -> Option<Self> {
        if entities.len() < LEAST_ENTITIES {
            return None;
        }
        let columns = Columns::of(kinds.reference.iter().copied(), |block| {
            entities.iter().map(move |entity| at(&entity.reference, block))
        });
        // A pair counts where both of its blocks do.
        let pairs = kinds.reference.windows(2).map(|pair| pair[1].and(pair[0]));
        let pairs = Columns::of(pairs, |block| {
            entities.iter().map(move |entity| at(&entity.reference_pairs, block))
        });
        Some(Self {
            entities: entities.to_vec(),
            kinds: kinds.windows.to_vec(),
            range: columns.range()?,
            usual: Usual::of(&columns)?,
            usual_pairs: Usual::of(&pairs),
        })
    }

    /// The statistic in the blocks of the reference that count: (place, value).
    pub fn history(&self, statistic: Statistic) -> &[(usize, f64)] {
        match statistic {
            Statistic::Level => &self.usual.history[0],
            Statistic::Part => &self.usual.history[1],
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
        let kept: Vec<&Blocks> = self
            .entities
            .iter()
            .enumerate()
            .filter(|(place, _)| !left_out(*place))
            .map(|(_, entity)| *entity)
            .collect();
        let Some(column) = Column::of(kept.iter().map(|entity| at(&entity.windows, window))) else {
            return Vec::new();
        };
        let kind = self.kinds.get(window);
        let mut answers = vec![self.level(&column)];
        answers.extend(self.part(&column, kind));
        let halves: Vec<(f32, f32)> =
            kept.iter().filter_map(|entity| halves(entity, window)).collect();
        let spread = kind.and_then(|kind| self.usual.spread.get(kind)).copied();
        let together = self.together(&kept, window);
        for answer in &mut answers {
            answer.persists = self.persists(answer, spread, &halves);
            answer.together =
                together.and_then(|of| of[usize::from(answer.statistic == Statistic::Part)]);
        }
        answers
    }

    /// Chances of what the window and the one before hold together: of the level, and of a part.
    ///
    /// Two windows that are both unsure can be sure together, and a mean over more days is known
    /// better. Combining the p-values of the two (Vovk and Wang 2020) needs no longer blocks and finds
    /// a little less at as many false ones (`docs/LOG.md`, 2026-11-28).
    fn together(&self, kept: &[&Blocks], window: usize) -> Option<[Option<f64>; 2]> {
        let first = window.checked_sub(1)?;
        let column = Column::of(kept.iter().map(|entity| at(&entity.window_pairs, first)))?;
        let usual = self.usual_pairs.as_ref()?;
        let part = usual.part(&column, self.kinds.get(first));
        Some([Some(usual.level.p_value(column.level)), part.map(|value| usual.part.p_value(value))])
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
            let newest = newest - self.usual.level.mean();
            return newest * tested.moved.signum() >= PERSISTS * tested.moved.abs();
        }
        let far = self.usual.far;
        let own = |value: f32, level: f64| (f64::from(value) - level).clamp(-far, far);
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
        let null = &self.usual.level;
        let effect = (column.level - null.mean()).abs() / self.range;
        tested(Statistic::Level, column, column.level, effect, null)
    }

    fn part(&self, column: &Column, kind: Option<&u8>) -> Option<Tested> {
        let (value, null) = (self.usual.part(column, kind)?, &self.usual.part);
        // Independent movements add their variances: what is more than usual came on top.
        let usual = column.spread(self.usual.far) - value;
        let more = ((value - null.mean()).exp() - 1.0).max(0.0) * usual.exp();
        Some(tested(Statistic::Part, column, value, more.sqrt() / self.range, null))
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
        together: None,
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
