//! Which marks can be true, and what others say against them.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use foresite_feedback::{MarkedIds, Predictions, SKEW, Statement};
use foresite_schema::catalog::raw;
use foresite_schema::marks::{Judgement, Mark, judgement};
use foresite_tables::{Micros, Read, Result, Root};

use super::ask::{About, Ask};
use super::incidents::Incidents;
use super::refusal::Refusal;
use crate::clock::stamp;
use crate::read::scanned;

/// Marks that can be true.
pub(super) struct Checked {
    pub(super) statements: Vec<Statement>,
    pub(super) notes: Vec<String>,
}

type Verdict<T> = std::result::Result<T, Refusal>;

/// Checks the marks against what was predicted; the first one that cannot be true refuses all.
///
/// # Errors
/// Storage errors outside, what is wrong with the marks inside.
pub(super) fn check(root: &Root, asked: &[Ask], now: Micros) -> Result<Verdict<Checked>> {
    let incidents = Incidents::read(root, asked)?;
    let predictions = Predictions::find(root, &marked(asked, &incidents), now)?;
    let unknown = unknown_places(root, asked)?;
    let mut statements = Vec::new();
    for (number, ask) in (1..).zip(asked) {
        let said = match statements_of(ask, &incidents, &predictions) {
            Ok(said) => said,
            Err(why) => return Ok(Err(Refusal::mark(number, why))),
        };
        let fault = said.iter().find_map(|said| said.fault(&predictions, now));
        if let Some(why) = fault.or_else(|| unknown.get(&number).cloned()) {
            return Ok(Err(Refusal::mark(number, why)));
        }
        statements.extend(said);
    }
    if let Some(refusal) = contradiction(&statements) {
        return Ok(Err(refusal));
    }
    let notes = notes(root, &statements, &predictions, now)?;
    Ok(Ok(Checked { statements, notes }))
}

/// The predictions that the marks are about, each with the moment of its mark.
fn marked(asked: &[Ask], incidents: &Incidents) -> MarkedIds {
    let of = |ask: &Ask| match &ask.about {
        About::Prediction(id) => vec![id.clone()],
        _ => incidents.members(ask).unwrap_or_default().to_vec(),
    };
    asked.iter().flat_map(|ask| of(ask).into_iter().map(|id| (id, ask.at))).collect()
}

/// One statement for each affected entity: by the prediction with the shortest horizon, since a
/// moment of a mark says most about what is near.
fn statements_of(
    ask: &Ask,
    incidents: &Incidents,
    predictions: &Predictions,
) -> std::result::Result<Vec<Statement>, String> {
    match &ask.about {
        About::Prediction(id) => Ok(vec![statement(ask, predictions, id)]),
        About::Entity { kind, id } => Ok(vec![Statement {
            entity_type: kind.clone(),
            entity_id: id.clone(),
            ..statement(ask, predictions, "")
        }]),
        About::Incident { id, cutoff } => {
            let mut by_entity = BTreeMap::new();
            for member in incidents.members(ask)? {
                if let Some(said) = predictions.get(member) {
                    let order = (said.horizon_s, member.as_str());
                    let first = by_entity.entry(said.entity_id.as_str()).or_insert(order);
                    *first = order.min(*first);
                }
            }
            if by_entity.is_empty() {
                let cutoff = stamp(*cutoff);
                return Err(format!("nothing is predicted behind incident `{id}` of {cutoff}"));
            }
            let each = by_entity.into_values();
            Ok(each.map(|(_, member)| statement(ask, predictions, member)).collect())
        }
    }
}

fn statement(ask: &Ask, predictions: &Predictions, prediction_id: &str) -> Statement {
    let about = predictions.get(prediction_id);
    let of = |part: fn(&foresite_feedback::Predicted) -> &String| about.map(part).cloned();
    Statement {
        mark: ask.mark,
        at: ask.at,
        prediction_id: prediction_id.to_owned(),
        incident_id: match &ask.about {
            About::Incident { id, .. } => id.clone(),
            _ => String::new(),
        },
        entity_type: of(|said| &said.entity_type).unwrap_or_default(),
        entity_id: of(|said| &said.entity_id).unwrap_or_default(),
        task: match ask.task.as_str() {
            "" => of(|said| &said.task).unwrap_or_default(),
            task => task.to_owned(),
        },
        person: ask.person.clone(),
        text: ask.text.clone(),
    }
}

/// Missed events on entities that nobody knows, by the number of the mark.
fn unknown_places(root: &Root, asked: &[Ask]) -> Result<BTreeMap<usize, String>> {
    let missed: Vec<(usize, (&str, &str))> = (1..)
        .zip(asked)
        .filter_map(|(number, ask)| match &ask.about {
            About::Entity { kind, id } => Some((number, (kind.as_str(), id.as_str()))),
            _ => None,
        })
        .collect();
    let mut unknown = BTreeMap::new();
    if missed.is_empty() {
        return Ok(unknown);
    }
    let places: BTreeSet<(&str, &str)> = missed.iter().map(|(_, place)| *place).collect();
    let (mut known, mut is_kept) = (BTreeSet::new(), false);
    let read = Read::all().columns(["entity_type", "entity_id"]);
    scanned(root, raw::inventory(), &read, |rows| {
        let (kinds, ids) = (rows.text("entity_type"), rows.text("entity_id"));
        is_kept |= !rows.each().is_empty();
        let seen = rows.each().map(|row| (kinds.at(row), ids.at(row)));
        let wanted = seen.filter(|seen| places.contains(seen));
        known.extend(wanted.map(|(kind, id)| (kind.to_owned(), id.to_owned())));
    })?;
    for (number, (kind, id)) in missed {
        // Where no inventory is kept, nobody can say what is there.
        if is_kept && !known.contains(&(kind.to_owned(), id.to_owned())) {
            unknown.insert(number, format!("the inventory holds no {kind} `{id}`"));
        }
    }
    Ok(unknown)
}

/// A request that says both of one prediction, by one person at one moment.
fn contradiction(statements: &[Statement]) -> Option<Refusal> {
    statements.iter().find_map(|said| {
        let same = statements.iter().filter(|other| {
            !said.prediction_id.is_empty()
                && (&other.prediction_id, &other.person, other.at)
                    == (&said.prediction_id, &said.person, said.at)
        });
        let said_of_it = same.map(|other| (Some(other.person.as_str()), other.mark, other.at));
        (judgement(said_of_it) == Some(Judgement::Disputed)).then(|| {
            let line = format!(
                "prediction `{}` is confirmed and wrong at once: send the one that holds",
                said.prediction_id
            );
            Refusal::new(StatusCode::CONFLICT, line)
        })
    })
}

/// A mark that was ingested before.
struct Earlier {
    person: String,
    mark: Mark,
    at: Micros,
}

/// Other marks on the same predictions that say the contrary: none is older than its prediction.
fn notes(
    root: &Root,
    statements: &[Statement],
    predictions: &Predictions,
    now: Micros,
) -> Result<Vec<String>> {
    let judged: BTreeMap<&str, Micros> = statements
        .iter()
        .filter(|said| matches!(said.mark, Mark::Confirmed | Mark::Wrong))
        .filter_map(|said| {
            Some((&*said.prediction_id, predictions.get(&said.prediction_id)?.cutoff))
        })
        .collect();
    let mut earlier: BTreeMap<String, Vec<Earlier>> = BTreeMap::new();
    if let Some(first) = judged.values().min() {
        let end = now.saturating_add(SKEW + 1);
        let read = Read::all().columns(["fact", "at", "prediction_id", "person"]);
        let read = read.period(*first, end);
        scanned(root, raw::feedback(), &read, |rows| {
            let [facts, ids, persons] =
                ["fact", "prediction_id", "person"].map(|name| rows.text(name));
            let at = rows.times("at");
            for row in rows.each().filter(|row| judged.contains_key(ids.at(*row))) {
                let Some(mark) = Mark::from_word(facts.at(row)) else { continue };
                let said = Earlier { person: persons.owned(row), mark, at: at.required(row) };
                earlier.entry(ids.owned(row)).or_default().push(said);
            }
        })?;
    }
    let lines = statements.iter().flat_map(|said| {
        let others = earlier.get(&said.prediction_id).into_iter().flatten();
        others.filter_map(|other| note(said, other))
    });
    let lines: BTreeSet<String> = lines.collect();
    Ok(lines.into_iter().collect())
}

fn note(said: &Statement, other: &Earlier) -> Option<String> {
    let is_contrary = matches!(
        (said.mark, other.mark),
        (Mark::Confirmed, Mark::Wrong) | (Mark::Wrong, Mark::Confirmed)
    );
    if !is_contrary {
        return None;
    }
    let (id, word, at) = (&said.prediction_id, other.mark.word(), stamp(other.at));
    let who = if other.person.is_empty() { "somebody" } else { &other.person };
    let what = match (other.person == said.person, other.at.cmp(&said.at)) {
        (false, _) => "people disagree, so it counts for neither",
        (true, std::cmp::Ordering::Less) => "the newer mark counts, both are kept",
        (true, std::cmp::Ordering::Greater) => "that one is newer and counts, both are kept",
        (true, std::cmp::Ordering::Equal) => "both are of one moment, so it counts for neither",
    };
    Some(format!("prediction `{id}` was marked {word} by {who} at {at}: {what}"))
}
