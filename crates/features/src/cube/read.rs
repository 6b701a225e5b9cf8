//! Reading a cube as it was known at a cutoff.

use std::ops::Range;

use super::{Correction, Cube, NEVER};
use crate::task::Micros;

impl Cube {
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
