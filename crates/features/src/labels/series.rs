//! Labels from channels.

use super::{Asked, Label, Labeller};
use crate::clock::LocalClock;
use crate::cube::Cube;
use crate::task::{DAY, Head, LabelRule, Micros};

/// The steps of `cube` that were complete at the end of a period, as the number of the first step
/// that was not. On a grid of local days that follows the local date.
pub fn first_open_step(cube: &Cube, clock: &LocalClock, period_end: Micros) -> usize {
    let grid = cube.grid();
    if grid.step < DAY {
        return grid.before(period_end, usize::MAX).end;
    }
    // A local day is complete when the next one has begun.
    let stamped = Micros::from(clock.day(period_end)) * DAY;
    grid.before(stamped, usize::MAX).end
}

impl Labeller<'_> {
    pub(super) fn series_label(&self, asked: Asked<'_>, clock: &LocalClock) -> Label {
        let nothing = Label::single(None, asked.cutoff, asked.cutoff);
        let Some(entity) = self.truth.series.entity(asked.entity) else {
            return nothing;
        };
        let period_end = self.task.cutoffs.period_end(asked.cutoff);
        let open = first_open_step(self.truth.series, clock, period_end);
        match &self.task.label {
            LabelRule::ValueAt { channel } => self.values_at(asked, entity, open, channel),
            LabelRule::Exceedance { channel, limit, within } => {
                let steps = self.steps_of(within.micros());
                let lead = self.steps_of(self.task.lead.micros());
                self.exceeds(asked, (entity, channel), (open + lead, steps), *limit)
            }
            LabelRule::Point { channel } => match open.checked_sub(1) {
                Some(step) => {
                    let seen = self.observed(asked, (entity, channel), step);
                    seen.map_or(nothing, |(value, end, known)| {
                        Label::single(Some(value), end, known)
                    })
                }
                None => nothing,
            },
            LabelRule::RemainingLife { channel } => {
                self.remaining_life(asked, entity, open, channel.as_deref())
            }
            _ => nothing,
        }
    }

    fn steps_of(&self, length: Micros) -> usize {
        usize::try_from(length / self.truth.series.grid().step).unwrap_or(0)
    }

    /// Value of a step with its end and the moment it was known, if inside what may be looked at.
    fn observed(
        &self,
        asked: Asked<'_>,
        (entity, channel): (usize, &str),
        step: usize,
    ) -> Option<(f64, Micros, Micros)> {
        let cube = self.truth.series;
        let channel = cube.channel(channel)?;
        if step >= cube.grid().steps {
            return None;
        }
        let end = cube.grid().at(step + 1);
        let (known_at, values) = cube.version(entity, step, asked.until)?;
        let value = f64::from(values[channel]);
        (end <= asked.until && !value.is_nan()).then_some((value, end, known_at))
    }

    fn values_at(&self, asked: Asked<'_>, entity: usize, open: usize, channel: &str) -> Label {
        let lead = self.steps_of(self.task.lead.micros());
        let (count, stride) = match &self.task.head {
            Head::Forecast { step, horizon, .. } => (*horizon, self.steps_of(step.micros()).max(1)),
            _ => (1, 1),
        };
        let mut label = Label::single(None, asked.cutoff, asked.cutoff);
        for n in 0..count {
            let step = open + lead + n * stride;
            let seen = self.observed(asked, (entity, channel), step);
            if let Some((_, end, known_at)) = seen {
                label.end = label.end.max(end);
                label.known_at = label.known_at.max(known_at);
            }
            label.values.push(seen.map(|(value, ..)| value));
        }
        if !matches!(self.task.head, Head::Forecast { .. }) {
            label.value = label.values.pop().flatten();
        }
        label
    }

    /// 1 as soon as any observed step passes the limit; 0 needs every step up to the end.
    fn exceeds(
        &self,
        asked: Asked<'_>,
        channel: (usize, &str),
        (first, steps): (usize, usize),
        limit: f64,
    ) -> Label {
        let mut label = Label::single(None, asked.cutoff, asked.cutoff);
        let mut complete = true;
        for step in first..first + steps {
            match self.observed(asked, channel, step) {
                Some((value, end, known_at)) => {
                    label.end = label.end.max(end);
                    label.known_at = label.known_at.max(known_at);
                    if value > limit {
                        label.value = Some(1.0);
                        return label;
                    }
                }
                None => complete = false,
            }
        }
        label.value = complete.then_some(0.0);
        label
    }

    /// Steps from the last complete step to the entity's last row, and what a channel adds there.
    ///
    /// An entity that still has rows at the run's clock has not ended: without a channel that says
    /// how much life remains, its label is not observed.
    fn remaining_life(
        &self,
        asked: Asked<'_>,
        entity: usize,
        open: usize,
        channel: Option<&str>,
    ) -> Label {
        let cube = self.truth.series;
        let nothing = Label::single(None, asked.cutoff, asked.cutoff);
        let Some((_, last)) = cube.extent(entity) else {
            return nothing;
        };
        let Some(newest) = open.checked_sub(1).filter(|step| *step <= last) else {
            return nothing;
        };
        let beyond = channel.and_then(|channel| self.observed(asked, (entity, channel), last));
        let end = cube.grid().at(last + 1);
        let still_runs = cube.grid().before(self.truth.as_of, usize::MAX).end <= last + 1;
        if (beyond.is_none() && still_runs) || end > asked.until {
            return nothing;
        }
        let left = (last - newest) as f64 + beyond.map_or(0.0, |(value, ..)| value);
        let cap = match self.task.head {
            Head::Regression { cap } => cap.unwrap_or(f64::INFINITY),
            _ => f64::INFINITY,
        };
        let known = cube.known_times(entity, last..last + 1);
        Label::single(Some(left.min(cap)), end, known.last().copied().unwrap_or(end))
    }
}
