//! `[entities, time, channels]` on a regular grid, with what was known when.
//!
//! Training and scoring gather windows from a cube by index; lags are never stored. A cell of the
//! grid holds the version that was known first; corrections that came later lie in an overlay, so
//! that a window at a cutoff sees exactly the rows with `known_at <= cutoff`, whether the cube was
//! built for one hour or for years.
//!
//! **Nulls**: NaN is "not observed". Nothing is filled here.

mod batch;
mod coarsen;

use std::ops::Range;

use crate::task::Micros;

pub use batch::{Added, Rows};
pub use coarsen::coarsen;

/// Known at no time.
const NEVER: Micros = Micros::MAX;

/// Equally long steps, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Start of the first step; a multiple of `step`.
    pub start: Micros,
    /// Length of a step.
    pub step: Micros,
    /// Number of steps.
    pub steps: usize,
}

impl Grid {
    /// The steps that lie wholly in `[start, end)`.
    pub fn covering(start: Micros, end: Micros, step: Micros) -> Self {
        let first = -(-start).div_euclid(step);
        let steps = end.div_euclid(step) - first;
        Self { start: first * step, step, steps: usize::try_from(steps).unwrap_or(0) }
    }

    /// Number of the first step since the epoch.
    pub fn origin(&self) -> i64 {
        self.start.div_euclid(self.step)
    }

    /// The step that a moment lies in.
    pub fn index(&self, at: Micros) -> Option<usize> {
        usize::try_from((at - self.start).div_euclid(self.step))
            .ok()
            .filter(|index| *index < self.steps)
    }

    /// Start of a step.
    pub fn at(&self, index: usize) -> Micros {
        self.start + self.step * i64::try_from(index).unwrap_or(0)
    }

    /// The steps that end at or before `end`, at most `k` of them, newest last; none where the
    /// grid stops before the newest one, because older steps must not pass for it.
    pub fn before(&self, end: Micros, k: usize) -> Range<usize> {
        let complete = (end - self.start).div_euclid(self.step);
        let complete = usize::try_from(complete).unwrap_or(0);
        if complete > self.steps {
            return self.steps..self.steps;
        }
        complete.saturating_sub(k)..complete
    }
}

/// Which of two versions of a step is preferred; the greater wins, whenever it was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A coarser row that stands for the step.
    Coarse,
    /// A row of the step itself, imported by a mapping.
    Imported,
    /// A row of the step itself, derived from counters.
    Derived,
}

/// A version other than the one known first.
#[derive(Debug, Clone)]
struct Correction {
    step: usize,
    rank: Rank,
    known_at: Micros,
    values: Box<[f32]>,
}

/// Values of entities over time. See the module.
#[derive(Debug, Clone)]
pub struct Cube {
    grid: Grid,
    entities: Vec<String>,
    channels: Vec<String>,
    /// `[entities, time, channels]`
    values: Vec<f32>,
    /// `[entities, time]`
    known: Vec<Micros>,
    /// `[entities, time]`
    rank: Vec<Rank>,
    /// By entity, sorted by step once [`Cube::finish`] ran.
    corrections: Vec<Vec<Correction>>,
}

impl Cube {
    /// An empty cube; entities are sorted so that the order of rows never matters.
    pub fn new(
        grid: Grid,
        entities: impl IntoIterator<Item = String>,
        channels: Vec<String>,
    ) -> Self {
        let mut entities: Vec<String> = entities.into_iter().collect();
        entities.sort_unstable();
        entities.dedup();
        let cells = entities.len() * grid.steps;
        Self {
            grid,
            values: vec![f32::NAN; cells * channels.len()],
            known: vec![NEVER; cells],
            rank: vec![Rank::Coarse; cells],
            corrections: vec![Vec::new(); entities.len()],
            entities,
            channels,
        }
    }

    /// Bytes that a cube of this shape takes, corrections aside.
    pub fn bytes(entities: usize, steps: usize, channels: usize) -> usize {
        entities * steps * (channels * size_of::<f32>() + size_of::<Micros>() + size_of::<Rank>())
    }

    /// The grid.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Entity ids in order.
    pub fn entities(&self) -> &[String] {
        &self.entities
    }

    /// Channel names in order.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// Index of an entity.
    pub fn entity(&self, id: &str) -> Option<usize> {
        self.entities.binary_search_by(|have| have.as_str().cmp(id)).ok()
    }

    /// Index of a channel.
    pub fn channel(&self, name: &str) -> Option<usize> {
        self.channels.iter().position(|have| have == name)
    }

    /// Puts a version of a step in place. `values` has one element per channel.
    pub fn insert(&mut self, entity: usize, step: usize, version: (Rank, Micros), values: &[f32]) {
        let (rank, known_at) = version;
        let cell = entity * self.grid.steps + step;
        let slot = cell * self.channels.len()..(cell + 1) * self.channels.len();
        if self.known[cell] == NEVER {
            self.known[cell] = known_at;
            self.rank[cell] = rank;
            self.values[slot].copy_from_slice(values);
            return;
        }
        // The version known first stays in the grid, in whatever order rows arrive.
        let mut correction = Correction { step, rank, known_at, values: values.into() };
        if (known_at, rank) < (self.known[cell], self.rank[cell]) {
            std::mem::swap(&mut correction.known_at, &mut self.known[cell]);
            std::mem::swap(&mut correction.rank, &mut self.rank[cell]);
            correction.values.swap_with_slice(&mut self.values[slot]);
        }
        self.corrections[entity].push(correction);
    }

    /// Sorts the overlay; to be called once after the last [`Cube::insert`].
    pub fn finish(&mut self) {
        for corrections in &mut self.corrections {
            corrections.sort_by_key(|c| (c.step, c.rank, c.known_at));
        }
    }

    /// The version of a step that was valid at `cutoff`: when it became known, and its values, one
    /// per channel; `None` where nothing was known.
    pub fn version(&self, entity: usize, step: usize, cutoff: Micros) -> Option<(Micros, &[f32])> {
        let cell = entity * self.grid.steps + step;
        let width = self.channels.len();
        let first = (self.known[cell] <= cutoff).then(|| {
            let values = &self.values[cell * width..(cell + 1) * width];
            (self.rank[cell], self.known[cell], values)
        });
        let later = self
            .corrections_of(entity, step..step + 1)
            .iter()
            .filter(|correction| correction.known_at <= cutoff)
            .map(|c| (c.rank, c.known_at, &*c.values));
        first
            .into_iter()
            .chain(later)
            .max_by_key(|(rank, known_at, _)| (*rank, *known_at))
            .map(|(_, known_at, values)| (known_at, values))
    }

    /// The values of a step as known at `cutoff`, one per channel; `None` where nothing was known.
    pub fn visible(&self, entity: usize, step: usize, cutoff: Micros) -> Option<&[f32]> {
        self.version(entity, step, cutoff).map(|(_, values)| values)
    }

    /// One value as known at `cutoff`; NaN where nothing was known.
    pub fn value(&self, entity: usize, step: usize, channel: usize, cutoff: Micros) -> f32 {
        self.visible(entity, step, cutoff).map_or(f32::NAN, |values| values[channel])
    }

    /// Appends `[time, channels]` of the steps as known at `cutoff`.
    pub fn gather(&self, entity: usize, steps: Range<usize>, cutoff: Micros, into: &mut Vec<f32>) {
        let (width, cell) = (self.channels.len(), entity * self.grid.steps);
        let from = into.len();
        into.extend_from_slice(
            &self.values[(cell + steps.start) * width..(cell + steps.end) * width],
        );
        let window = &mut into[from..];
        for (row, step) in steps.clone().enumerate() {
            if self.known[cell + step] > cutoff {
                window[row * width..(row + 1) * width].fill(f32::NAN);
            }
        }
        for (step, values) in self.overrides(entity, steps.clone(), cutoff) {
            let row = step - steps.start;
            window[row * width..(row + 1) * width].copy_from_slice(values);
        }
    }

    /// One channel over the steps as known at `cutoff`.
    pub fn series(
        &self,
        entity: usize,
        channel: usize,
        steps: Range<usize>,
        cutoff: Micros,
    ) -> Vec<f64> {
        let (width, cell) = (self.channels.len(), entity * self.grid.steps);
        let first = |step: usize| match self.known[cell + step] <= cutoff {
            true => f64::from(self.values[(cell + step) * width + channel]),
            false => f64::NAN,
        };
        let mut series: Vec<f64> = steps.clone().map(first).collect();
        for (step, values) in self.overrides(entity, steps.clone(), cutoff) {
            series[step - steps.start] = f64::from(values[channel]);
        }
        series
    }

    /// Steps whose valid version at `cutoff` is not the one known first, with that version.
    fn overrides(
        &self,
        entity: usize,
        steps: Range<usize>,
        cutoff: Micros,
    ) -> impl Iterator<Item = (usize, &[f32])> {
        let cell = entity * self.grid.steps;
        let of_step = self.corrections_of(entity, steps).chunk_by(|a, b| a.step == b.step);
        of_step.filter_map(move |corrections| {
            // Sorted by preference: the last one that was known is the best of them.
            let best = corrections.iter().rfind(|c| c.known_at <= cutoff)?;
            let at = cell + best.step;
            let beaten = (self.rank[at], self.known[at]) < (best.rank, best.known_at);
            let unknown = self.known[at] > cutoff;
            (beaten || unknown).then_some((best.step, &*best.values))
        })
    }

    /// One channel over the steps in the version known first, whenever that was.
    pub fn first_versions(
        &self,
        entity: usize,
        channel: usize,
        steps: Range<usize>,
    ) -> impl Iterator<Item = f64> + '_ {
        let (width, first) = (self.channels.len(), entity * self.grid.steps);
        steps.map(move |step| f64::from(self.values[(first + step) * width + channel]))
    }

    /// Whether the first versions of the steps are exactly what was known at `cutoff`.
    pub fn is_plain(&self, entity: usize, steps: Range<usize>, cutoff: Micros) -> bool {
        let cells = entity * self.grid.steps + steps.start..entity * self.grid.steps + steps.end;
        let all_known = self.known[cells].iter().all(|known| *known <= cutoff || *known == NEVER);
        all_known && self.corrections_of(entity, steps).is_empty()
    }

    /// Every moment at which a version of the steps became known, ascending, once.
    pub fn known_times(&self, entity: usize, steps: Range<usize>) -> Vec<Micros> {
        let first = entity * self.grid.steps;
        let known = self.known[first + steps.start..first + steps.end].iter();
        let mut times: Vec<Micros> = known.copied().filter(|known| *known != NEVER).collect();
        let later = self.corrections_of(entity, steps);
        times.extend(later.iter().map(|correction| correction.known_at));
        times.sort_unstable();
        times.dedup();
        times
    }

    /// The first and last step of an entity that hold any row.
    pub fn extent(&self, entity: usize) -> Option<(usize, usize)> {
        let first = entity * self.grid.steps;
        let known = &self.known[first..first + self.grid.steps];
        let begin = known.iter().position(|at| *at != NEVER)?;
        let end = known.iter().rposition(|at| *at != NEVER)?;
        Some((begin, end))
    }

    fn corrections_of(&self, entity: usize, steps: Range<usize>) -> &[Correction] {
        let all = &self.corrections[entity];
        let begin = all.partition_point(|correction| correction.step < steps.start);
        let end = all.partition_point(|correction| correction.step < steps.end);
        &all[begin..end]
    }
}

#[cfg(test)]
mod tests;
