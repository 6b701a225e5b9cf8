//! Rolling statistics over the members of a scope.

use std::collections::BTreeMap;

use super::extract::{Rows, window_end};
use crate::clock::LocalClock;
use crate::deviations::Deviations;
use crate::network::Network;
use crate::task::{Micros, Rolling, Scope, Span, Task, Transform};
use crate::windows::{Moments, observed, over, rolling};

/// Cutoffs from which on one pass over the whole series is cheaper than a pass per window.
const MANY: usize = 4;

/// The columns of one [`Rolling`] of a task.
pub(super) struct RollingColumns<'a> {
    pub(super) task: &'a Task,
    pub(super) network: &'a Network,
    pub(super) rolling: &'a Rolling,
    pub(super) series: Option<&'a Deviations<'a>>,
    pub(super) clock: &'a LocalClock,
}

/// One cutoff: its row, and the step that its windows end before.
#[derive(Clone, Copy)]
struct At {
    row: usize,
    cutoff: Micros,
    end: usize,
}

impl RollingColumns<'_> {
    /// Fills the columns of an entity; they stay missing where no member has series.
    pub(super) fn fill(&self, entity: &str, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        let first = rows.column;
        let per_channel = self.rolling.windows.len() * self.rolling.statistics.len();
        if let Some(series) = self.series {
            for (members, cutoffs) in self.by_members(series, entity, cutoffs) {
                let plain = self.plain(series, &members, &cutoffs);
                for (index, name) in self.rolling.channels.iter().enumerate() {
                    let Some(channel) = series.cube().channel(name) else {
                        continue;
                    };
                    rows.column = first + index * per_channel;
                    self.fill_channel(series, (&members, channel), (&cutoffs, &plain), rows);
                }
            }
        }
        rows.column = first + self.rolling.channels.len() * per_channel;
    }

    /// Cutoffs that see the same members, with these as indices of the cube.
    fn by_members(
        &self,
        series: &Deviations<'_>,
        entity: &str,
        cutoffs: &[Micros],
    ) -> BTreeMap<Vec<usize>, Vec<At>> {
        let changes = self.network.changes();
        let mut known: Option<(usize, Vec<usize>)> = None;
        let mut groups: BTreeMap<Vec<usize>, Vec<At>> = BTreeMap::new();
        for (row, cutoff) in cutoffs.iter().copied().enumerate() {
            let Some(end) = window_end(self.task, series, self.clock, cutoff) else {
                continue;
            };
            let era = changes.partition_point(|change| *change <= cutoff);
            let members = match &known {
                Some((at, members)) if *at == era => members.clone(),
                _ => self.members(series, entity, cutoff),
            };
            known = Some((era, members.clone()));
            groups.entry(members).or_default().push(At { row, cutoff, end });
        }
        groups
    }

    fn members(&self, series: &Deviations<'_>, entity: &str, cutoff: Micros) -> Vec<usize> {
        let below = |types: &[&str]| self.network.below(entity, types, cutoff);
        let ids = match self.rolling.of {
            Scope::Own => [entity].into(),
            Scope::Units => {
                let mut ids = below(&["unit", "link"]);
                ids.insert(entity);
                ids
            }
            Scope::Cells => below(&["cell"]),
        };
        ids.into_iter().filter_map(|id| series.cube().entity(id)).collect()
    }

    /// `[windows, cutoffs]`: whether the whole window is covered by the grid and holds exactly the
    /// versions that were known first.
    fn plain(&self, series: &Deviations<'_>, members: &[usize], cutoffs: &[At]) -> Vec<Vec<bool>> {
        let cube = series.cube();
        let of_window = |window: &Span| {
            let k = steps_of(*window, cube.grid().step);
            let is_plain = |at: &At| {
                let steps = at.end.saturating_sub(k)..at.end;
                let of = |member: &usize| cube.is_plain(*member, steps.clone(), at.cutoff);
                at.end >= k && members.iter().all(of)
            };
            cutoffs.iter().map(is_plain).collect()
        };
        self.rolling.windows.iter().map(of_window).collect()
    }

    fn fill_channel(
        &self,
        series: &Deviations<'_>,
        (members, channel): (&[usize], usize),
        (cutoffs, plain): (&[At], &[Vec<bool>]),
        rows: &mut Rows<'_>,
    ) {
        let grid = series.cube().grid();
        let is_raw = self.rolling.transform == Transform::Raw;
        let whole = (is_raw && cutoffs.len() >= MANY).then(|| {
            let all: Vec<Vec<f64>> = members
                .iter()
                .map(|m| series.cube().first_versions(*m, channel, 0..grid.steps).collect())
                .collect();
            self.combine(&all, grid.steps)
        });
        for (window, plain) in self.rolling.windows.iter().zip(plain) {
            let k = steps_of(*window, grid.step);
            let pass = whole.as_ref().map(|whole| rolling(whole, grid.origin(), k));
            for (at, is_plain) in cutoffs.iter().zip(plain) {
                let moments = match &pass {
                    Some(pass) if *is_plain => pass[at.end - 1],
                    _ => self.directly(series, (members, channel), *at, k),
                };
                for (offset, statistic) in self.rolling.statistics.iter().enumerate() {
                    let least = self.task.inputs.min_observed;
                    rows.set(at.row, offset, observed(&moments, *statistic, k, least));
                }
            }
            rows.column += self.rolling.statistics.len();
        }
    }

    /// The window of one cutoff as it was known then.
    fn directly(
        &self,
        series: &Deviations<'_>,
        (members, channel): (&[usize], usize),
        at: At,
        k: usize,
    ) -> Moments {
        let steps = at.end.saturating_sub(k)..at.end;
        let missing = k - steps.len();
        let all: Vec<Vec<f64>> = members
            .iter()
            .map(|member| {
                let mut window = vec![f64::NAN; missing];
                window.extend(match self.rolling.transform {
                    Transform::Raw => {
                        series.cube().series(*member, channel, steps.clone(), at.cutoff)
                    }
                    Transform::Profile => {
                        series.channel(*member, channel, steps.clone(), at.cutoff)
                    }
                });
                window
            })
            .collect();
        let end = series.cube().grid().origin() + i64::try_from(at.end).unwrap_or(0);
        over(&self.combine(&all, k), end - i64::try_from(k).unwrap_or(0))
    }

    /// One value per step from the members' values.
    fn combine(&self, members: &[Vec<f64>], steps: usize) -> Vec<f64> {
        if let [only] = members {
            return only.clone();
        }
        let mut seen = Vec::with_capacity(members.len());
        (0..steps)
            .map(|step| {
                seen.clear();
                seen.extend(members.iter().map(|m| m[step]).filter(|value| !value.is_nan()));
                self.rolling.aggregate.of(&seen)
            })
            .collect()
    }
}

fn steps_of(window: Span, step: Micros) -> usize {
    usize::try_from(window.micros() / step).unwrap_or(1)
}
