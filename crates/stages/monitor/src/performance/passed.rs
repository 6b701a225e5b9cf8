//! Whether series passed the limit that a task dates, once the days of it have come.

use std::collections::BTreeMap;

use foresite_features::events::{EventLog, Marks};
use foresite_features::labels::Asked;
use foresite_features::task::{Cutoffs, DAY, Head, LabelRule, Limit, Micros};
use foresite_stage::Result;

use super::forecast::{self, ENTITIES};
use super::labeller;
use crate::cause::Known;
use crate::models::Model;
use crate::source::Source;

/// The steps of all entities' series, as they are known now.
pub(super) struct Passed {
    limit: Limit,
    grid: Cutoffs,
    step: Micros,
    /// The cutoff that the first step follows.
    first: Micros,
    /// By entity; `None` = not observed.
    steps: BTreeMap<String, Vec<Option<f64>>>,
}

impl Passed {
    /// The steps after cutoffs in the span; `None` for a task that dates no limit.
    pub(super) fn read(
        source: &mut Source<'_>,
        (model, known): (&Model, &Known),
        (start, end): (Micros, Micros),
    ) -> Result<Option<Self>> {
        let task = &model.task;
        let (Head::Forecast { step, limit: Some(limit), .. }, LabelRule::ValueAt { .. }) =
            (&task.head, &task.label)
        else {
            return Ok(None);
        };
        let (grid, step) = (task.cutoffs, step.micros());
        // Steps before a cutoff count towards its exceedance.
        let before = step * Micros::try_from(limit.of_steps).unwrap_or(0);
        let first = grid.at_or_before(start - before);
        let mut passed = Self { limit: *limit, grid, step, first, steps: BTreeMap::new() };
        let entities: Vec<String> =
            known.network.ever(&task.entity_type).map(str::to_owned).collect();
        let (nothing, unmarked) = (EventLog::default(), Marks::default());
        for some in entities.chunks(ENTITIES) {
            let span = (first - 2 * DAY, end + DAY);
            let series = forecast::series(source, (model, some.to_vec()), known, span)?;
            let labeller = labeller(model, known, &unmarked, &nothing, &series);
            for entity in some {
                let clock = known.network.clock(entity);
                let mut steps = Vec::new();
                // A label says a horizon of steps.
                let mut cutoff = first;
                while cutoff < end {
                    let asked = Asked { entity, cutoff, until: known.as_of };
                    steps.extend(labeller.label(asked, &clock).values);
                    cutoff += task.horizon().micros().max(step);
                }
                passed.steps.insert(entity.clone(), steps);
            }
        }
        Ok(Some(passed))
    }

    /// Whether the limit was passed within `ahead` of the end of the data at `at`; `None` where that
    /// is not known of the entity.
    pub(super) fn within(&self, entity: &str, at: Micros, ahead: Micros) -> Option<bool> {
        let steps = self.steps.get(entity)?;
        let cutoff = self.grid.of_period_end(at);
        let from = usize::try_from((cutoff - self.first).div_euclid(self.step)).ok()?;
        let until = from + usize::try_from(ahead.div_euclid(self.step)).ok()?;
        let is_above = |value: &&Option<f64>| value.is_some_and(|value| value > self.limit.value);
        let is_passed = |last: usize| {
            let newest = &steps[(last + 1).saturating_sub(self.limit.of_steps)..=last];
            newest.iter().filter(is_above).count() >= self.limit.steps
        };
        if (from..until.min(steps.len())).any(is_passed) {
            return Some(true);
        }
        let is_known = steps.get(from..until)?.iter().all(Option::is_some);
        is_known.then_some(false)
    }
}
