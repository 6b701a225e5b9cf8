//! Which marks say nothing about the accuracy of what was told.
//!
//! Checks are low risks drawn at random, and what challengers, models on probation and replays said
//! reached nobody through an export: a mark on them is told, but counts for no model that is heard.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use foresite_kpi::Columns;
use foresite_schema::catalog::outcome;
use foresite_stage::{Interval, Result};
use foresite_tables::{Micros, Read};

use crate::config::Config;
use crate::marks::Said;
use crate::moment::DAY;
use crate::source::{Source, text, texts, unfit};

/// Ids of the marks on checks and on predictions of models that are not heard. A prediction that is
/// no longer there counts.
pub(crate) fn uncounted(
    source: &mut Source<'_>,
    config: &Config,
    marks: &[Said],
    interval: Interval,
) -> Result<BTreeSet<String>> {
    if marks.is_empty() {
        return Ok(BTreeSet::new());
    }
    let checks = Checks::read(source, config, marks, interval)?;
    let unheard = unheard(source, config, marks)?;
    let is_unheard = |said: &&Said| {
        let id = said.prediction_id.as_deref();
        checks.has(said) || id.is_some_and(|id| unheard.contains(id))
    };
    Ok(marks.iter().filter(is_unheard).map(|said| said.feedback_id.clone()).collect())
}

/// The marked checks.
struct Checks {
    incidents: BTreeSet<String>,
    predictions: BTreeSet<String>,
}

impl Checks {
    /// A mark may be about a list that is older than the mark by weeks.
    fn read(
        source: &mut Source<'_>,
        config: &Config,
        marks: &[Said],
        interval: Interval,
    ) -> Result<Self> {
        let marked = |id: fn(&Said) -> Option<&str>| -> BTreeSet<&str> {
            marks.iter().filter_map(id).collect()
        };
        let incidents = marked(|said| said.incident_id.as_deref());
        let predictions = marked(|said| said.prediction_id.as_deref());
        let since = interval.end - Micros::from(config.accuracy_days.get()) * DAY;
        let oldest = marks.iter().filter_map(|said| said.cutoff).min();
        let start = oldest.map_or(since, |oldest| oldest.min(since));
        let read = Read::all().period(start, interval.end + 1).text("state", "check");
        let columns = ["incident_id", "members", "lineage_id", "known_at"];
        let mut found = Self { incidents: BTreeSet::new(), predictions: BTreeSet::new() };
        source.scan(outcome::incidents(), read.columns(columns), |batch| {
            let columns = Columns(batch);
            let ids = columns.text("incident_id").map_err(unfit)?;
            let members = columns.lists("members").map_err(unfit)?;
            for row in 0..batch.num_rows() {
                let id = text(&ids, row).filter(|id| incidents.contains(id.as_str()));
                found.incidents.extend(id);
                let members = texts(&members, row).into_iter();
                found.predictions.extend(members.filter(|id| predictions.contains(id.as_str())));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether a mark is on a check: on the check itself, or on its prediction outside of an incident.
    fn has(&self, said: &Said) -> bool {
        match (&said.incident_id, &said.prediction_id) {
            (Some(incident), _) => self.incidents.contains(incident),
            (None, Some(prediction)) => self.predictions.contains(prediction),
            (None, None) => false,
        }
    }
}

/// The marked predictions that only models that are not heard made, or replays. Each cutoff is a look
/// into files of its own; there are as many as marks at most.
fn unheard(source: &mut Source<'_>, config: &Config, marks: &[Said]) -> Result<BTreeSet<String>> {
    let mut places: BTreeMap<(&str, Micros), BTreeSet<&str>> = BTreeMap::new();
    for said in marks {
        if let (Some(task), Some(cutoff), Some(id)) =
            (said.task.as_deref(), said.cutoff, said.prediction_id.as_deref())
        {
            places.entry((task, cutoff)).or_default().insert(id);
        }
    }
    let (mut heard, mut others) = (BTreeSet::new(), BTreeSet::new());
    for ((task, cutoff), ids) in places {
        let columns = ["prediction_id", "role", "replay", "lineage_id", "known_at"];
        let read = Read::all().period(cutoff, cutoff.saturating_add(1)).columns(columns);
        source.scan(outcome::predictions(task), read, |batch| {
            sort(batch, config, &ids, (&mut heard, &mut others))
        })?;
    }
    others.retain(|id| !heard.contains(id));
    Ok(others)
}

fn sort(
    batch: &RecordBatch,
    config: &Config,
    wanted: &BTreeSet<&str>,
    (heard, others): (&mut BTreeSet<String>, &mut BTreeSet<String>),
) -> Result<()> {
    let columns = Columns(batch);
    let ids = columns.text("prediction_id").map_err(unfit)?;
    let roles = columns.text("role").map_err(unfit)?;
    let replays = columns.bools("replay").map_err(unfit)?;
    for row in (0..batch.num_rows()).filter(|row| wanted.contains(ids.value(*row))) {
        let is_heard = !replays.value(row) && config.hears(roles.value(row));
        let of = if is_heard { &mut *heard } else { &mut *others };
        of.insert(ids.value(row).to_owned());
    }
    Ok(())
}
