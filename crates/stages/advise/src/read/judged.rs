//! `feedback` of the last weeks, with the predictions that it is about.

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

/// Marks on one prediction.
#[derive(Default)]
struct Marked {
    task: String,
    cutoff: Option<Micros>,
    marks: Vec<(Option<String>, Mark, Micros)>,
}

type ByPrediction = BTreeMap<String, Marked>;

impl Reader<'_> {
    /// What people said within the last weeks.
    pub(super) fn judged(&mut self) -> Result<Judged> {
        let read = Read::all().period(self.cutoff - MONTH, self.cutoff + 1);
        let Some(batch) = self.resolved(raw::feedback(), read)? else {
            return Ok(Judged::default());
        };
        let (marked, unplaced) = by_prediction(&Rows::of(&batch))?;
        if marked.is_empty() {
            return Ok(Judged { unplaced, ..Judged::default() });
        }
        let drivers = self.drivers(&marked)?;
        let inclusions = self.inclusions()?;
        let said = |(id, marked): (String, Marked)| Said {
            at: marked.marks.iter().map(|(_, _, at)| *at).max().unwrap_or_default(),
            judgement: judgement(
                marked.marks.iter().map(|(person, mark, at)| (person.as_deref(), *mark, *at)),
            ),
            driver: drivers.get(&id).cloned(),
            inclusion: inclusions.get(&id).copied(),
            task: marked.task,
        };
        Ok(Judged { predictions: marked.into_iter().map(said).collect(), unplaced })
    }

    /// The first driver of each prediction.
    fn drivers(&mut self, marked: &ByPrediction) -> Result<BTreeMap<String, String>> {
        let places = marked.values().filter_map(|one| Some((one.cutoff?, one.task.clone())));
        let places: BTreeSet<(Micros, String)> = places.collect();
        let mut found = BTreeMap::new();
        for (cutoff, task) in places.into_iter().rev().take(MOST_CUTOFFS) {
            let read = Read::all().period(cutoff, cutoff + 1);
            let read = read.columns(["prediction_id", "drivers", "lineage_id"]);
            let Some(batch) = self.resolved(outcome::predictions(&task), read)? else { continue };
            let rows = Rows::of(&batch);
            let (id, drivers) = (rows.text("prediction_id")?, rows.texts("drivers")?);
            for row in (0..rows.len()).filter(|row| marked.contains_key(id.at(*row).unwrap_or("")))
            {
                let drivers = drivers.at(row);
                let drivers = drivers.iter().filter_map(|text| Driver::parse(text));
                let first = drivers.map(|driver| driver.name).find(|name| !name.starts_with(CAUSE));
                found.extend(first.map(|name| (id.owned(row), name)));
            }
        }
        Ok(found)
    }

    /// Predictions that were checks, with the probability of the draw.
    fn inclusions(&mut self) -> Result<BTreeMap<String, f64>> {
        let mut found = BTreeMap::new();
        let read = Read::all().period(self.cutoff - MONTH, self.cutoff);
        self.scanned(outcome::incidents(), read.text("state", Change::Check.word()), |rows| {
            // A table that an earlier release wrote last has no such column.
            let Ok(inclusion) = rows.doubles("inclusion") else { return Ok(()) };
            let members = rows.texts("members")?;
            for row in 0..rows.len() {
                let drawn = inclusion.at(row).filter(|drawn| *drawn > 0.0 && *drawn <= 1.0);
                found.extend(members.at(row).into_iter().filter_map(|id| Some((id, drawn?))));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Marks by the prediction that they are about, and how many name none.
fn by_prediction(rows: &Rows<'_>) -> Result<(ByPrediction, usize)> {
    let [fact, prediction, person] =
        [rows.text("fact")?, rows.text("prediction_id")?, rows.text("person")?];
    // A table that an earlier release wrote last has no such columns.
    let (task, cutoff) = (rows.text("task").ok(), rows.times("cutoff").ok());
    let at = rows.times("at")?;
    let (mut marked, mut unplaced) = (ByPrediction::new(), 0);
    for row in 0..rows.len() {
        let mark = fact.at(row).and_then(Mark::from_word);
        let Some(mark) = mark.filter(|mark| *mark != Mark::Missed) else { continue };
        let of_task = task.as_ref().and_then(|task| task.filled(row));
        let (Some(id), Some(task)) = (prediction.filled(row), of_task) else {
            unplaced += 1;
            continue;
        };
        let entry = marked.entry(id).or_default();
        entry.task = task;
        entry.cutoff = cutoff.as_ref().and_then(|cutoff| cutoff.at(row));
        entry.marks.push((person.filled(row), mark, at.required(row)));
    }
    Ok((marked, unplaced))
}
