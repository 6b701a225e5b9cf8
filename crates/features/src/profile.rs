//! What an hour of the week usually looks like, per entity and channel.
//!
//! Median and spread are robust: a week of outage among eight does not move them. Short histories
//! are shrunk towards the group with weight `n / (n + 14 d)`: a new cell borrows the shape of the
//! others, placed on its own level as soon as it has one.
//!
//! **Units**: those of the channel. **Nulls**: NaN where neither the entity nor its group was
//! observed at that hour.

mod build;
mod table;

use std::collections::BTreeMap;

use crate::clock::{HOURS_OF_WEEK, LocalClock};
use crate::cube::Cube;
use crate::task::Micros;

pub(crate) use build::quantile;
pub use build::{LOOK_BACK, build, group_of};
pub use table::{SET_COLUMNS, first_needed, read, rows};

/// Deviations beyond this many spreads say nothing more and only upset a model.
pub const MOST_SPREADS: f64 = 20.0;

/// The profile of one channel of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// `[168]`: usual value by hour of the local week.
    pub median: Vec<f32>,
    /// `[168]`: interquartile range / 1.349, never zero.
    pub spread: Vec<f32>,
    /// `[168]`: values of the entity itself that entered.
    pub observations: Vec<u16>,
}

impl Profile {
    /// A profile that knows nothing.
    pub fn unknown() -> Self {
        Self {
            median: vec![f32::NAN; HOURS_OF_WEEK],
            spread: vec![f32::NAN; HOURS_OF_WEEK],
            observations: vec![0; HOURS_OF_WEEK],
        }
    }

    /// Distance of a value from the usual in spreads, clipped at [`MOST_SPREADS`].
    pub fn deviation(&self, hour_of_week: usize, value: f64) -> f64 {
        let (median, spread) = (self.median[hour_of_week], self.spread[hour_of_week]);
        ((value - f64::from(median)) / f64::from(spread)).clamp(-MOST_SPREADS, MOST_SPREADS)
    }
}

/// Profiles of many entities that became usable at the same moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileSet {
    /// The cutoff at which they were built.
    pub valid_from: Micros,
    /// Channel names, in the order of the profiles of an entity.
    pub channels: Vec<String>,
    /// `[channels]` by entity.
    pub entities: BTreeMap<String, Vec<Profile>>,
}

impl ProfileSet {
    /// The profile of a channel of an entity.
    pub fn get(&self, entity: &str, channel: &str) -> Option<&Profile> {
        let index = self.channels.iter().position(|have| have == channel)?;
        self.entities.get(entity)?.get(index)
    }
}

/// Profiles over time; a cutoff sees the newest set built at or before it.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    /// Ascending by `valid_from`.
    sets: Vec<ProfileSet>,
}

impl Profiles {
    /// Orders the sets by time.
    pub fn new(mut sets: Vec<ProfileSet>) -> Self {
        sets.sort_by_key(|set| set.valid_from);
        Self { sets }
    }

    /// Sets built from a cube every `refresh` from `first` to `last`, each from what was known
    /// then: what the table `profiles` would hold had it been kept all the while.
    pub fn over(
        cube: &Cube,
        clock_of: impl Fn(&str) -> LocalClock,
        (first, last): (Micros, Micros),
        refresh: Micros,
    ) -> Self {
        let refresh = refresh.max(1);
        let count = (last - first).div_euclid(refresh).max(0);
        let sets = (0..=count).map(|n| build(cube, &clock_of, first + n * refresh));
        Self::new(sets.collect())
    }

    /// Only the sets that cutoffs from `start` on may see.
    #[must_use]
    pub fn since(mut self, start: Micros) -> Self {
        let later = self.sets.partition_point(|set| set.valid_from <= start);
        self.sets.drain(..later.saturating_sub(1));
        self
    }

    /// The newest set built at or before the cutoff.
    pub fn at(&self, cutoff: Micros) -> Option<&ProfileSet> {
        let later = self.sets.partition_point(|set| set.valid_from <= cutoff);
        later.checked_sub(1).map(|index| &self.sets[index])
    }
}

#[cfg(test)]
mod tests;
