//! What came of the items of a replay: by people's marks, and by the truth of a simulated network.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::raw;
use foresite_schema::marks::{Judgement, Mark, judgement};
use foresite_stage::{Context, Report, Result};
use foresite_tables::Read;

use super::history::{History, Replayed, rounded};
use crate::clock::{DAY, Micros};
use crate::config::Config;
use crate::hindsight;
use crate::read::{Reader, Rows};

/// How long after a list a mark on one of its predictions may come: of capacity 100 days, as
/// `foresite_feedback::reach` has it.
const LAST_MARK: Micros = 100 * DAY;

/// A mark as it is judged: who, what, when.
type Said = (Option<String>, Mark, Micros);

/// Holds people's marks against what was stated: of the judged incidents of each list, how many the
/// lists said would be right, and how many were.
pub(super) fn by_marks(
    cx: &Context,
    config: &Config,
    [from, to]: [Micros; 2],
    history: &History,
    report: &mut Report,
) -> Result<()> {
    let (of_prediction, of_incident) = marks(cx, [from, to.saturating_add(LAST_MARK)])?;
    for list in &config.lists {
        let Some(said) = history.of(&list.task) else { continue };
        let (mut right, mut stated) = (0_usize, Vec::new());
        for (id, probability) in &said.stated {
            let own = said.predictions.get(id).into_iter().flatten();
            let own = own.filter_map(|prediction| of_prediction.get(prediction)).flatten();
            let all: BTreeSet<&Said> =
                own.chain(of_incident.get(id).into_iter().flatten()).collect();
            let all = all.into_iter().map(|(who, mark, at)| (who.as_deref(), *mark, *at));
            let is_right = match judgement(all) {
                Some(Judgement::Right) => true,
                Some(Judgement::Wrong) => false,
                Some(Judgement::Disputed) | None => continue,
            };
            right += usize::from(is_right);
            stated.push(*probability);
        }
        report.number(&format!("{}_judged", list.task), stated.len());
        report.number(&format!("{}_judged_right", list.task), right);
        report.number(&format!("{}_judged_stated", list.task), said.sum(stated.into_iter()));
    }
    Ok(())
}

/// Marks by prediction, and by incident.
type Marks = (BTreeMap<String, Vec<Said>>, BTreeMap<String, Vec<Said>>);

fn marks(cx: &Context, [from, to]: [Micros; 2]) -> Result<Marks> {
    let mut found = Marks::default();
    let Some(table) = cx.root().find(raw::feedback())? else {
        return Ok(found);
    };
    // Judging is done today: all that was ever said counts.
    let batch = table.read(&Read::all().period(from, to))?;
    let rows = Rows::of(&batch);
    let [fact, prediction, person] =
        [rows.text("fact")?, rows.text("prediction_id")?, rows.text("person")?];
    // A table that an earlier release wrote last has no such column.
    let (incident, at) = (rows.text("incident_id").ok(), rows.times("at")?);
    for row in 0..rows.len() {
        let Some(mark) = fact.at(row).and_then(Mark::from_word) else { continue };
        let said = (person.filled(row), mark, at.required(row));
        if let Some(id) = prediction.filled(row) {
            found.0.entry(id).or_default().push(said.clone());
        }
        if let Some(id) = incident.as_ref().and_then(|incident| incident.filled(row)) {
            found.1.entry(id).or_default().push(said);
        }
    }
    Ok(found)
}

/// Scores the lists as `hindsight` scores published ones; nothing where there is no truth.
pub(super) fn by_truth(
    cx: &Context,
    config: &Config,
    (to, cutoffs): (Micros, &BTreeSet<Micros>),
    history: &History,
    report: &mut Report,
) -> Result<()> {
    if !hindsight::has_truth(cx)? {
        return Ok(());
    }
    let network = Reader::new(cx, config, to).network()?;
    for list in &config.lists {
        let nothing = Replayed::default();
        let said = history.of(&list.task).unwrap_or(&nothing);
        let score = hindsight::score(cx, list, &network, (&said.items, cutoffs.clone()))?;
        hindsight::put(report, &list.task, &score);
        let named = said.stating.iter().map(|(cutoff, list)| (*cutoff, &list.named)).collect();
        let came = hindsight::came(cx, list, &network, (&named, &said.items))?;
        let mut number = |name: &str, value: Option<f64>| {
            report.number(&format!("{}_{name}", list.task), value.map(rounded));
        };
        number("hits", came.as_ref().map(|came| came.hits));
        number("misses", came.as_ref().map(|came| came.misses));
    }
    Ok(())
}
