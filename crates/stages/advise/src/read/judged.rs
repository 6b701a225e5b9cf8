//! `feedback` of the last weeks, with the incidents and predictions that it is about.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::outcome;
use foresite_schema::catalog::raw;
use foresite_schema::marks::{Mark, judgement};
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::candidates::CAUSE;
use crate::clock::Micros;
use crate::incidents::Change;
use crate::inputs::{Driver, Judged, Said};
use crate::precision::MONTH;

/// Cutoffs whose predictions are looked up for their drivers, the newest first: each costs a look
/// into files of its own.
const MOST_CUTOFFS: usize = 200;

/// A mark on a prediction.
struct Marked {
    prediction: String,
    /// The incident that it was marked as a part of.
    incident: Option<String>,
    task: String,
    cutoff: Option<Micros>,
    person: Option<String>,
    mark: Mark,
    at: Micros,
}

/// The draw that put a prediction on a list.
struct Check {
    incident: String,
    inclusion: f64,
}

/// Marks by task and case.
type Cases<'m> = BTreeMap<(&'m str, &'m str), Vec<&'m Marked>>;

impl Reader<'_> {
    /// What people said within the last weeks.
    pub(super) fn judged(&mut self) -> Result<Judged> {
        let read = Read::all().period(self.cutoff - MONTH, self.cutoff + 1);
        let Some(batch) = self.resolved(raw::feedback(), read)? else {
            return Ok(Judged::default());
        };
        let (marks, unplaced) = marks(&Rows::of(&batch))?;
        if marks.is_empty() {
            return Ok(Judged { unplaced, ..Judged::default() });
        }
        let drivers = self.drivers(&marks)?;
        let checks = self.checks(&marks)?;
        let stated = self.stated(&marks)?;
        let said = |((task, case), marks): ((&str, &str), Vec<&Marked>)| Said {
            task: task.to_owned(),
            at: marks.iter().map(|said| said.at).max().unwrap_or_default(),
            judgement: judgement(
                marks.iter().map(|said| (said.person.as_deref(), said.mark, said.at)),
            ),
            driver: driver(&marks, &drivers),
            inclusion: marks.iter().find_map(|said| Some(checks.get(&said.prediction)?.inclusion)),
            stated: stated.get(case).copied(),
        };
        Ok(Judged { cases: cases(&marks, &checks).into_iter().map(said).collect(), unplaced })
    }

    /// Of each marked incident, the probability that the first list which named it stated: what was said
    /// before anybody had looked. A list that expected no number of right items stated none of theirs.
    fn stated(&mut self, marks: &[Marked]) -> Result<BTreeMap<String, f64>> {
        let marked: BTreeSet<&str> =
            marks.iter().filter_map(|said| said.incident.as_deref()).collect();
        let oldest = marks.iter().filter_map(|said| said.cutoff).min();
        let start = oldest.unwrap_or(self.cutoff).min(self.cutoff - MONTH);
        let read = Read::all().period(start, self.cutoff);
        let columns = "incident_id task cutoff rank probability change lineage_id".split(' ');
        let lists = self.stating(read.clone())?;
        let Some(batch) = self.resolved(outcome::worklist(), read.columns(columns))? else {
            return Ok(BTreeMap::new());
        };
        let rows = Rows::of(&batch);
        let [id, task, change] =
            [rows.text("incident_id")?, rows.text("task")?, rows.text("change")?];
        let (cutoff, rank) = (rows.times("cutoff")?, rows.ints("rank")?);
        let probability = rows.doubles("probability")?;
        let mut first: BTreeMap<String, (Micros, Option<f64>)> = BTreeMap::new();
        for row in (0..rows.len()).filter(|row| rank.at(*row).is_some()) {
            let is_marked = id.at(row).is_some_and(|id| marked.contains(id));
            let is_check = change.at(row) == Some(Change::Check.word());
            let Some(p) = probability.at(row).filter(|_| is_marked && !is_check) else { continue };
            let at = cutoff.required(row);
            let stated = lists.contains(&(at, task.owned(row))).then_some(p);
            let known = first.entry(id.owned(row)).or_insert((at, stated));
            if at < known.0 {
                *known = (at, stated);
            }
        }
        Ok(first.into_iter().filter_map(|(id, (_, p))| Some((id, p?))).collect())
    }

    /// The lists, by cutoff and task, that stated how many of their items would be right.
    fn stating(&mut self, read: Read) -> Result<BTreeSet<(Micros, String)>> {
        let read = read.columns(["cutoff", "task", "hits", "lineage_id"]);
        let Some(batch) = self.resolved(outcome::list_statements(), read)? else {
            return Ok(BTreeSet::new());
        };
        let rows = Rows::of(&batch);
        let (cutoff, task, hits) =
            (rows.times("cutoff")?, rows.text("task")?, rows.doubles("hits")?);
        let stating = (0..rows.len()).filter(|row| hits.at(*row).is_some());
        Ok(stating.map(|row| (cutoff.required(row), task.owned(row))).collect())
    }

    /// The first driver of each prediction.
    fn drivers(&mut self, marks: &[Marked]) -> Result<BTreeMap<String, String>> {
        let marked: BTreeSet<&str> = marks.iter().map(|said| said.prediction.as_str()).collect();
        let places = marks.iter().filter_map(|said| Some((said.cutoff?, said.task.as_str())));
        let places: BTreeSet<(Micros, &str)> = places.collect();
        let mut found = BTreeMap::new();
        for (cutoff, task) in places.into_iter().rev().take(MOST_CUTOFFS) {
            let read = Read::all().period(cutoff, cutoff + 1);
            let read = read.columns(["prediction_id", "drivers", "lineage_id"]);
            let Some(batch) = self.resolved(outcome::predictions(task), read)? else { continue };
            let rows = Rows::of(&batch);
            let (id, drivers) = (rows.text("prediction_id")?, rows.texts("drivers")?);
            for row in (0..rows.len()).filter(|row| marked.contains(id.at(*row).unwrap_or(""))) {
                let drivers = drivers.at(row);
                let drivers = drivers.iter().filter_map(|text| Driver::parse(text));
                let first = drivers.map(|driver| driver.name).find(|name| !name.starts_with(CAUSE));
                found.extend(first.map(|name| (id.owned(row), name)));
            }
        }
        Ok(found)
    }

    /// Predictions that were checks. A mark may be about a list that is older than the mark by
    /// weeks, and a check that nobody recognised would count as an item of its list.
    fn checks(&mut self, marks: &[Marked]) -> Result<BTreeMap<String, Check>> {
        let mut found = BTreeMap::new();
        let oldest = marks.iter().filter_map(|said| said.cutoff).min();
        let start = oldest.unwrap_or(self.cutoff).min(self.cutoff - MONTH);
        let read = Read::all().period(start, self.cutoff);
        self.scanned(outcome::incidents(), read.text("state", Change::Check.word()), |rows| {
            // A table that an earlier release wrote last has no such column.
            let Ok(inclusion) = rows.doubles("inclusion") else { return Ok(()) };
            let (id, members) = (rows.text("incident_id")?, rows.texts("members")?);
            for row in 0..rows.len() {
                let drawn = inclusion.at(row).filter(|drawn| *drawn > 0.0 && *drawn <= 1.0);
                let Some(inclusion) = drawn else { continue };
                let check = |member| (member, Check { incident: id.owned(row), inclusion });
                found.extend(members.at(row).into_iter().map(check));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Marks by case: an incident however many hours and entities it spans, a check of a day, otherwise
/// the prediction alone.
fn cases<'m>(marks: &'m [Marked], checks: &'m BTreeMap<String, Check>) -> Cases<'m> {
    let mut cases = Cases::new();
    for said in marks {
        let check = || checks.get(&said.prediction).map(|check| check.incident.as_str());
        let case = said.incident.as_deref().or_else(check).unwrap_or(&said.prediction);
        cases.entry((&said.task, case)).or_default().push(said);
    }
    cases
}

/// The driver that most of a case's predictions name, the first by name where several do.
fn driver(marks: &[&Marked], drivers: &BTreeMap<String, String>) -> Option<String> {
    let predictions: BTreeSet<&String> = marks.iter().map(|said| &said.prediction).collect();
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    for name in predictions.into_iter().filter_map(|id| drivers.get(id)) {
        *times.entry(name).or_default() += 1;
    }
    let most = times.into_iter().min_by_key(|(_, times)| std::cmp::Reverse(*times));
    most.map(|(name, _)| name.clone())
}

/// Marks on predictions, and how many name none.
fn marks(rows: &Rows<'_>) -> Result<(Vec<Marked>, usize)> {
    let [fact, prediction, person] =
        [rows.text("fact")?, rows.text("prediction_id")?, rows.text("person")?];
    // A table that an earlier release wrote last has no such columns.
    let [task, incident] = ["task", "incident_id"].map(|name| rows.text(name).ok());
    let (at, cutoff) = (rows.times("at")?, rows.times("cutoff").ok());
    let (mut marks, mut unplaced) = (Vec::new(), 0);
    for row in 0..rows.len() {
        let mark = fact.at(row).and_then(Mark::from_word);
        let Some(mark) = mark.filter(|mark| *mark != Mark::Missed) else { continue };
        let of_task = task.as_ref().and_then(|task| task.filled(row));
        let (Some(prediction), Some(task)) = (prediction.filled(row), of_task) else {
            unplaced += 1;
            continue;
        };
        marks.push(Marked {
            prediction,
            incident: incident.as_ref().and_then(|incident| incident.filled(row)),
            task,
            cutoff: cutoff.as_ref().and_then(|cutoff| cutoff.at(row)),
            person: person.filled(row),
            mark,
            at: at.required(row),
        });
    }
    Ok((marks, unplaced))
}
