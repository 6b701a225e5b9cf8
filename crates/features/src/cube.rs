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
mod read;

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
}

#[cfg(test)]
mod tests;
