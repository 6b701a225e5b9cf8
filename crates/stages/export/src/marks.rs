//! `feedback`: what people said, and how often they agreed with a task.
//!
//! A mark belongs to the hour in which it became known, so that each is exported once, however late
//! it was written down.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_kpi::{Columns, micros};
use foresite_schema::catalog::raw;
use foresite_schema::marks::{Judgement, Mark, judgement};
use foresite_stage::{Interval, Result};
use foresite_tables::{Micros, Read};

use crate::bounded;
use crate::config::Config;
use crate::moment::DAY;
use crate::source::{Newest, Source, Versions, text, unfit};

/// One mark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) feedback_id: String,
    pub(crate) mark: Mark,
    pub(crate) at: Micros,
    pub(crate) known_at: Micros,
    pub(crate) entity_id: Option<String>,
    pub(crate) prediction_id: Option<String>,
    /// Cutoff of the prediction.
    pub(crate) cutoff: Option<Micros>,
    pub(crate) incident_id: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) person: Option<String>,
    pub(crate) text: Option<String>,
}

/// How often people agreed with a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    pub(crate) disputed: usize,
    /// Events that no list named.
    pub(crate) missed: usize,
}

/// Marks on the configured tasks, and on none, of the last `accuracy_days` before the end of the
/// interval, in the order in which they became known.
pub(crate) fn read(
    source: &mut Source<'_>,
    config: &Config,
    interval: Interval,
) -> Result<Vec<Said>> {
    let since = interval.end - Micros::from(config.accuracy_days.get()) * DAY;
    let read = Read::all().since("known_at", since.min(interval.start));
    let mut found = Newest::new();
    source.scan_until(raw::feedback(), read, interval.end - 1, |batch| {
        keep(batch, config, &mut found)?;
        bounded(config, "marks", found.len())
    })?;
    let mut found: Vec<Said> = found.live().map(|(_, said)| said).collect();
    found.sort_by(|a, b| (a.known_at, &a.feedback_id).cmp(&(b.known_at, &b.feedback_id)));
    Ok(found)
}

/// Keeps the marks on the configured tasks, and on none, by id and fact.
fn keep(
    batch: &RecordBatch,
    config: &Config,
    found: &mut Newest<(String, &'static str), Said>,
) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [ids, facts, entities] = [words("feedback_id")?, words("fact")?, words("entity_id")?];
    let [predictions, people, said] = [words("prediction_id")?, words("person")?, words("text")?];
    // A table that an earlier release wrote last has no such columns.
    let [tasks, incidents] = ["task", "incident_id"].map(|name| words(name).ok());
    let times = |name| columns.times(name).map_err(unfit);
    let (at, known, cutoffs) = (times("at")?, times("known_at")?, times("cutoff").ok());
    let one = |row: usize| {
        Some(Said {
            feedback_id: text(&ids, row)?,
            mark: Mark::from_word(&text(&facts, row)?)?,
            at: micros(&at, row)?,
            known_at: micros(&known, row)?,
            entity_id: text(&entities, row),
            prediction_id: text(&predictions, row),
            cutoff: cutoffs.as_ref().and_then(|cutoffs| micros(cutoffs, row)),
            incident_id: incidents.as_ref().and_then(|incidents| text(incidents, row)),
            task: tasks.as_ref().and_then(|tasks| text(tasks, row)),
            person: text(&people, row),
            text: text(&said, row),
        })
    };
    let versions = Versions::of(batch)?;
    for (row, said) in (0..batch.num_rows()).filter_map(|row| Some((row, one(row)?))) {
        if said.task.as_ref().is_none_or(|task| config.terms(task).is_some()) {
            let key = (said.feedback_id.clone(), said.mark.word());
            found.offer(key, versions.at(row), versions.lives(row).then_some(said));
        }
    }
    Ok(())
}

/// Agreement by task. An incident is one case however many of its predictions are marked; otherwise a
/// prediction is one.
pub(crate) fn agreement<'m>(marks: impl Iterator<Item = &'m Said>) -> BTreeMap<&'m str, Agreement> {
    let mut found: BTreeMap<&str, Agreement> = BTreeMap::new();
    let mut cases: BTreeMap<(&str, &str), Vec<&Said>> = BTreeMap::new();
    for said in marks {
        let Some(task) = said.task.as_deref() else { continue };
        if said.mark == Mark::Missed {
            found.entry(task).or_default().missed += 1;
        } else if let Some(case) = said.incident_id.as_ref().or(said.prediction_id.as_ref()) {
            cases.entry((task, case)).or_default().push(said);
        }
    }
    for ((task, _), marks) in cases {
        let marks = marks.iter().map(|said| (said.person.as_deref(), said.mark, said.at));
        let of = found.entry(task).or_default();
        match judgement(marks) {
            Some(Judgement::Right) => of.right += 1,
            Some(Judgement::Wrong) => of.wrong += 1,
            Some(Judgement::Disputed) => of.disputed += 1,
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mark: Mark, person: &str, prediction: &str, incident: Option<&str>) -> Said {
        Said {
            feedback_id: format!("{person}{prediction}"),
            mark,
            at: 5,
            known_at: 6,
            entity_id: None,
            prediction_id: Some(prediction.into()),
            cutoff: None,
            incident_id: incident.map(str::to_owned),
            task: Some("anomaly".into()),
            person: Some(person.into()),
            text: None,
        }
    }

    #[test]
    fn an_incident_is_one_case() {
        let marks = [
            said(Mark::Confirmed, "Kim", "p1", Some("i1")),
            said(Mark::Confirmed, "Kim", "p2", Some("i1")),
            said(Mark::Wrong, "Kim", "p3", None),
            said(Mark::Wrong, "Kim", "p4", None),
            said(Mark::Confirmed, "Lee", "p4", None),
            said(Mark::Done, "Lee", "p5", None),
            said(Mark::Missed, "Lee", "", None),
        ];
        let expected = Agreement { right: 1, wrong: 1, disputed: 1, missed: 1 };
        assert_eq!(agreement(marks.iter()), BTreeMap::from([("anomaly", expected)]));
    }
}
