//! What is known already beside an incident: what is known is not news.

use std::collections::BTreeSet;

use crate::{
    candidates::Candidate,
    clock::{self, DAY, Micros},
    config::{Config, Head, ListConfig},
    incidents::Incident,
    inputs::{Fact, FactKind, Mark, Signals, Verdict},
    left_out::{Code, LeftOut},
    network::Network,
};

/// Open tickets older than this explain nothing new: they describe another problem.
const TICKET_REACH: Micros = 14 * DAY;

/// Facts that stand beside an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// All facts on its entities, explaining ones first.
    pub facts: Vec<Fact>,
    /// How many of `facts`, from the front, explain the incident together.
    pub explaining: usize,
    /// Why people need not be told; `None` is news.
    pub reason: Option<LeftOut>,
}

/// Looks up what is known beside `incident`.
///
/// It is explained when every affected member is covered by an explaining fact, or when a person
/// marked it `done` or `wrong` and the mark, about this task or about none, still holds.
pub fn beside(incident: &Incident, list: &ListConfig, signals: &Signals, config: &Config) -> Known {
    let network = &signals.network;
    let scopes: Vec<BTreeSet<String>> =
        incident.affected().map(|member| scope(&member.entity_id, network)).collect();
    let horizon = signals.cutoff + look_ahead(list);
    let concerns = |fact: &&Fact| {
        fact.from <= horizon && scopes.iter().any(|scope| scope.contains(&fact.entity_id))
    };
    let explains = |fact: &Fact| is_explaining(fact, incident, list, signals.cutoff, config);
    let mut facts: Vec<Fact> = signals.facts.iter().filter(concerns).cloned().collect();
    facts.sort_by(|a, b| {
        (!explains(a), a.kind, a.from, &a.id).cmp(&(!explains(b), b.kind, b.from, &b.id))
    });
    let explaining = facts.iter().filter(|fact| explains(fact)).count();
    let is_covered = !scopes.is_empty()
        && scopes
            .iter()
            .all(|scope| facts.iter().take(explaining).any(|fact| scope.contains(&fact.entity_id)));
    let by_facts = || {
        let first = facts.first().filter(|_| is_covered)?;
        let zone = network.time_zone(&first.entity_id);
        let label = network.label(&first.entity_id);
        let code = match first.kind {
            FactKind::Alarm => Code::Alarm,
            FactKind::Ticket => Code::Ticket,
            FactKind::PlannedWork => Code::PlannedWork,
        };
        let text = format!("Already known: {}", first.sentence(&label, &zone));
        Some(LeftOut::new(code, text))
    };
    let reason = by_mark(incident, list.head, signals, config).or_else(by_facts);
    Known { facts, explaining, reason }
}

/// The entities whose facts concern `id`: what it belongs to, the equipment of its site, and what
/// the site hangs on. A fact on another cell of the site does not concern it.
fn scope(id: &str, network: &Network) -> BTreeSet<String> {
    let mut scope: BTreeSet<String> = network.path_up(id).into_iter().map(str::to_owned).collect();
    scope.extend(network.inside(id));
    let site = network.site_of(id);
    scope.insert(site.to_owned());
    let equipment = |part: &String| matches!(network.type_of(part), Some("unit" | "link"));
    scope.extend(network.inside(site).into_iter().filter(equipment));
    for needed in network.needs_of(site) {
        scope.insert(network.site_of(&needed).to_owned());
        scope.insert(needed);
    }
    scope
}

fn is_explaining(
    fact: &Fact,
    incident: &Incident,
    list: &ListConfig,
    cutoff: Micros,
    config: &Config,
) -> bool {
    let onset = incident.onset();
    match fact.kind {
        FactKind::Alarm => {
            let severity = fact.severity.as_deref().unwrap_or_default();
            match list.head {
                // An alarm that stood long before the alert describes another problem.
                Head::Anomaly => {
                    fact.from >= onset - config.together()
                        && config.explaining_severities.iter().any(|word| word == severity)
                }
                // Lesser alarms are precursors: the very reason to go there.
                Head::TimeToEvent => severity == "CRITICAL",
                Head::Forecast => false,
            }
        }
        FactKind::Ticket => list.head != Head::Forecast && fact.from >= onset - TICKET_REACH,
        FactKind::PlannedWork => {
            // Work on the site relieves no sector; work on the sector itself (a carrier) does.
            let relieves = list.head != Head::Forecast
                || fact.entity_id.starts_with(incident.entity_id.as_str());
            relieves
                && fact.from <= cutoff + look_ahead(list)
                && fact.until.is_none_or(|until| until > onset)
        }
    }
}

/// How far ahead work may be planned and still matter: what is wrong now, tomorrow's work does not
/// explain.
fn look_ahead(list: &ListConfig) -> Micros {
    match list.head {
        Head::Anomaly => 0,
        Head::TimeToEvent | Head::Forecast => list.act_within(),
    }
}

fn by_mark(incident: &Incident, head: Head, signals: &Signals, config: &Config) -> Option<LeftOut> {
    // What was dealt with cannot be what began later; a forecast has no beginning to compare.
    // A check has none either: a mark of its day is its answer.
    let began = if incident.is_check() { incident.first_seen_at } else { incident.onset() };
    let is_older =
        |mark: &&Mark| mark.verdict != Verdict::Done || head != Head::Anomaly || began <= mark.at;
    let holding: Vec<&Mark> = signals
        .marks
        .iter()
        .filter(|mark| signals.cutoff - mark.at <= config.mark_holds() && mark.at <= signals.cutoff)
        .filter(|mark| mark.is_about(&incident.task))
        .filter(is_older)
        .collect();
    let mark = of_item(incident, &holding, signals).or_else(|| of_members(incident, &holding))?;
    let word = match mark.verdict {
        Verdict::Confirmed => return None,
        Verdict::Wrong => "wrong",
        Verdict::Done => "done",
    };
    let contrary = contrary(mark, incident, &holding, signals).unwrap_or_default();
    let text = format!(
        "Marked {word} by {} on {}; holds until {}{contrary}",
        person(mark),
        clock::stamp(mark.at),
        clock::stamp(mark.at + config.mark_holds())
    );
    Some(LeftOut::new(Code::Marked, text))
}

fn person(mark: &Mark) -> &str {
    mark.person.as_deref().unwrap_or("an operator")
}

/// What somebody else said against a mark `wrong`: the newer one holds, but nobody should think that
/// people agree.
fn contrary(
    mark: &Mark,
    incident: &Incident,
    marks: &[&Mark],
    signals: &Signals,
) -> Option<String> {
    let others: Vec<&Mark> = marks
        .iter()
        .filter(|other| mark.verdict == Verdict::Wrong && other.verdict == Verdict::Confirmed)
        .filter(|other| other.person != mark.person)
        .copied()
        .collect();
    let other = of_item(incident, &others, signals)?;
    Some(format!(", though {} had confirmed it on {}", person(other), clock::stamp(other.at)))
}

/// The newest mark on the item itself: by its entity or one of its predictions.
fn of_item<'a>(incident: &Incident, marks: &[&'a Mark], signals: &Signals) -> Option<&'a Mark> {
    let names_it = |mark: &&&Mark| {
        let is_row = |id: &String| is_among(id, incident, signals);
        mark.entity_id.as_ref() == Some(&incident.entity_id)
            || mark.prediction_id.as_ref().is_some_and(is_row)
    };
    marks.iter().filter(names_it).max_by_key(|mark| mark.at).copied()
}

/// The newest mark where every affected member has one that keeps it off the list: what was done at
/// one site leaves the others of the incident to do.
fn of_members<'a>(incident: &Incident, marks: &[&'a Mark]) -> Option<&'a Mark> {
    let newest_of = |member: &Candidate| {
        let on_it = |mark: &&&Mark| mark.entity_id.as_ref() == Some(&member.entity_id);
        let newest = marks.iter().filter(on_it).max_by_key(|mark| mark.at).copied();
        newest.filter(|mark| mark.verdict != Verdict::Confirmed)
    };
    let of_each: Option<Vec<&Mark>> = incident.affected().map(newest_of).collect();
    of_each?.into_iter().max_by_key(|mark| mark.at)
}

/// Whether a prediction belongs to the incident, now or in an earlier run.
fn is_among(prediction_id: &String, incident: &Incident, signals: &Signals) -> bool {
    let mut same = signals.prior.iter().filter(|prior| prior.incident_id == incident.incident_id);
    incident.prediction_ids.contains(prediction_id)
        || same.any(|prior| prior.said_before.values().flatten().any(|id| id == prediction_id))
}

#[cfg(test)]
mod tests;
