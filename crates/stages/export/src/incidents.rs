//! `incidents` and `worklist`: what the lists of the interval said.
//!
//! A list is made at the end of its hour, so those of an interval are the ones of cutoffs in
//! `(start, end]`.

use std::collections::BTreeMap;

use arrow::array::{Array as _, RecordBatch};
use foresite_kpi::{Columns, micros};
use foresite_schema::catalog::outcome;
use foresite_stage::{Interval, Result};
use foresite_tables::{Micros, Read};

use crate::bounded;
use crate::config::Config;
use crate::source::{Newest, Source, Versions, number, text, texts, unfit};

/// Cutoff and id.
type Key = (Micros, String);

/// An incident as it stood at a cutoff.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Incident {
    pub(crate) incident_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) task: String,
    pub(crate) entity_type: String,
    pub(crate) entity_id: String,
    /// Ids of the predictions behind it.
    pub(crate) members: Vec<String>,
    pub(crate) member_entities: Vec<String>,
    pub(crate) first_seen_at: Option<Micros>,
    pub(crate) state: String,
    pub(crate) known_cause: Option<String>,
    /// Its row of the worklist; a closed incident has none.
    pub(crate) item: Option<Item>,
}

/// What the worklist says about an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) rank: Option<i32>,
    pub(crate) title: Option<String>,
    pub(crate) evidence: Vec<String>,
    pub(crate) probability: Option<f64>,
    pub(crate) act_before: Option<Micros>,
    pub(crate) limiting_resource: Option<String>,
    /// Earliest, median and latest date of the event.
    pub(crate) event: [Option<Micros>; 3],
    pub(crate) model_role: Option<String>,
    /// Why it is not on the list: the sentence may name people.
    pub(crate) left_out: Option<String>,
    pub(crate) left_out_code: Option<String>,
}

/// The incidents of the interval's lists, sorted by cutoff and id.
///
/// Checks are drawn at random among low risks and say nothing about a failure: they are left out.
/// Batch by batch no more is kept than `most_rows`.
pub(crate) fn read(
    source: &mut Source<'_>,
    config: &Config,
    interval: Interval,
) -> Result<Vec<Incident>> {
    let read = || Read::all().period(interval.start + 1, interval.end + 1);
    let mut found = Newest::new();
    source.scan(outcome::incidents(), read(), |batch| {
        incidents(batch, config, &mut found)?;
        bounded(config, "incidents", found.len())
    })?;
    let mut found: BTreeMap<Key, Incident> = found.live().collect();
    let mut items = Newest::new();
    source.scan(outcome::worklist(), read(), |batch| worklist(batch, &found, &mut items))?;
    for (key, item) in items.live() {
        if let Some(incident) = found.get_mut(&key) {
            incident.item = Some(item);
        }
    }
    Ok(found.into_values().collect())
}

/// Keeps the incidents of the configured tasks.
fn incidents(
    batch: &RecordBatch,
    config: &Config,
    found: &mut Newest<Key, Incident>,
) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [ids, tasks, kinds, entities] =
        [words("incident_id")?, words("task")?, words("entity_type")?, words("entity_id")?];
    let [states, causes] = [words("state")?, words("known_cause")?];
    let lists = |name| columns.lists(name).map_err(unfit);
    let (members, member_entities) = (lists("members")?, lists("member_entities")?);
    let times = |name| columns.times(name).map_err(unfit);
    let (cutoffs, first_seen) = (times("cutoff")?, times("first_seen_at")?);
    let row = |row| Incident {
        incident_id: text(&ids, row).unwrap_or_default(),
        cutoff: micros(&cutoffs, row).unwrap_or_default(),
        task: text(&tasks, row).unwrap_or_default(),
        entity_type: text(&kinds, row).unwrap_or_default(),
        entity_id: text(&entities, row).unwrap_or_default(),
        members: texts(&members, row),
        member_entities: texts(&member_entities, row),
        first_seen_at: micros(&first_seen, row),
        state: text(&states, row).unwrap_or_default(),
        known_cause: text(&causes, row),
        item: None,
    };
    let versions = Versions::of(batch)?;
    // A tombstone names no task.
    let is_wanted = |at: &usize| !versions.lives(*at) || config.terms(tasks.value(*at)).is_some();
    for at in (0..batch.num_rows()).filter(is_wanted) {
        let lives = versions.lives(at) && states.value(at) != "check";
        let key = (micros(&cutoffs, at).unwrap_or_default(), ids.value(at).to_owned());
        found.offer(key, versions.at(at), lives.then(|| row(at)));
    }
    Ok(())
}

/// Keeps the rows of the wanted incidents.
fn worklist(
    batch: &RecordBatch,
    wanted: &BTreeMap<Key, Incident>,
    found: &mut Newest<Key, Item>,
) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [ids, titles, resources, roles, left_out] = [
        words("incident_id")?,
        words("title")?,
        words("limiting_resource")?,
        words("model_role")?,
        words("left_out")?,
    ];
    // A table that an earlier release wrote last has no such column.
    let codes = words("left_out_code").ok();
    let ranks = columns.ints("rank").map_err(unfit)?;
    let evidence = columns.lists("evidence").map_err(unfit)?;
    let probability = columns.doubles("probability").map_err(unfit)?;
    let times = |name| columns.times(name).map_err(unfit);
    let (cutoffs, act_before) = (times("cutoff")?, times("act_before")?);
    let dates = [times("event_low_at")?, times("event_at")?, times("event_high_at")?];
    let item = |row| Item {
        rank: ranks.is_valid(row).then(|| ranks.value(row)),
        title: text(&titles, row),
        evidence: texts(&evidence, row),
        probability: number(&probability, row),
        act_before: micros(&act_before, row),
        limiting_resource: text(&resources, row),
        event: dates.each_ref().map(|dates| micros(dates, row)),
        model_role: text(&roles, row),
        left_out: text(&left_out, row),
        left_out_code: codes.as_ref().and_then(|codes| text(codes, row)),
    };
    let versions = Versions::of(batch)?;
    for row in 0..batch.num_rows() {
        let key = (micros(&cutoffs, row).unwrap_or_default(), ids.value(row).to_owned());
        if wanted.contains_key(&key) {
            found.offer(key, versions.at(row), versions.lives(row).then(|| item(row)));
        }
    }
    Ok(())
}
