//! Incident ids over runs.

use super::*;
use crate::candidates::Candidate;
use crate::clock::HOUR;

fn group(entity_id: &str, members: &[(&str, f64)]) -> Group {
    Group {
        entity_id: entity_id.into(),
        members: members
            .iter()
            .map(|(id, probability)| Candidate {
                entity_id: (*id).into(),
                entity_type: "cell".into(),
                probability: *probability,
                onset: 0,
                rows: Vec::new(),
            })
            .collect(),
        absorbing: BTreeSet::new(),
    }
}

/// Runs one step; `prior` is what the step before left.
fn step(hour: i64, groups: Vec<Group>, prior: &[PriorIncident], scored: &[&str]) -> Identified {
    let scored: BTreeSet<&str> = scored.iter().copied().collect();
    let run = Run { task: "anomaly", cutoff: hour * HOUR, prior, scored: &scored };
    identify(groups, run, |_| "cell".into(), &Config::default())
}

/// The rows that a step would leave in `incidents`.
fn rows(hour: i64, identified: &Identified) -> Vec<PriorIncident> {
    identified
        .open
        .iter()
        .chain(&identified.closed)
        .map(|incident| PriorIncident {
            incident_id: incident.incident_id.clone(),
            task: incident.task.clone(),
            entity_id: incident.entity_id.clone(),
            entity_type: incident.entity_type.clone(),
            member_entities: incident.member_entities.clone(),
            prediction_ids: incident.prediction_ids.clone(),
            said_before: Default::default(),
            cutoff: hour * HOUR,
            first_seen_at: incident.first_seen_at,
            change: incident.change,
            level: incident.level,
        })
        .collect()
}

#[test]
fn an_incident_keeps_its_id_while_it_lasts_and_reports_its_change() {
    let first = step(1, vec![group("a", &[("a", 0.4)])], &[], &["a", "b"]);
    let id = first.open[0].incident_id.clone();
    assert_eq!(first.open[0].change, Change::New);

    let same = step(2, vec![group("a", &[("a", 0.42)])], &rows(1, &first), &["a", "b"]);
    assert_eq!((&same.open[0].incident_id, same.open[0].change), (&id, Change::Ongoing));

    let wider =
        step(3, vec![group("site", &[("a", 0.4), ("b", 0.4)])], &rows(2, &same), &["a", "b"]);
    assert_eq!((&wider.open[0].incident_id, wider.open[0].change), (&id, Change::Worse));

    let smaller = step(4, vec![group("b", &[("b", 0.4)])], &rows(3, &wider), &["a", "b"]);
    assert_eq!((&smaller.open[0].incident_id, smaller.open[0].change), (&id, Change::Better));
    assert_eq!(smaller.open[0].first_seen_at, HOUR);

    let over = step(5, vec![], &rows(4, &smaller), &["a", "b"]);
    assert!(over.open.is_empty());
    assert_eq!(over.closed[0].change, Change::Closed);

    let back = step(6, vec![group("b", &[("b", 0.4)])], &rows(5, &over), &["b"]);
    assert_eq!((&back.open[0].incident_id, back.open[0].change), (&id, Change::Worse));
}

#[test]
fn a_closed_incident_is_not_reported_twice_and_ends_after_a_day() {
    let first = step(1, vec![group("a", &[("a", 0.4)])], &[], &["a"]);
    let over = step(2, vec![], &rows(1, &first), &["a"]);
    let silent = step(3, vec![], &rows(2, &over), &["a"]);
    assert_eq!(silent, Identified::default());
    let later = step(40, vec![group("a", &[("a", 0.4)])], &rows(2, &over), &["a"]);
    assert_eq!(later.open[0].change, Change::New);
    assert_ne!(later.open[0].incident_id, first.open[0].incident_id);
}

#[test]
fn missing_data_closes_nothing() {
    let first = step(1, vec![group("a", &[("a", 0.4)])], &[], &["a"]);
    let unseen = step(2, vec![], &rows(1, &first), &["b"]);
    assert!(unseen.closed.is_empty());
    assert!(!unseen.open[0].is_confirmed);
    assert_eq!(unseen.open[0].change, Change::Ongoing);
}

#[test]
fn the_greater_part_of_a_split_keeps_the_id() {
    let first =
        step(1, vec![group("s", &[("a", 0.4), ("b", 0.4), ("c", 0.4)])], &[], &["a", "b", "c"]);
    let split = step(
        2,
        vec![group("a", &[("a", 0.4)]), group("bc", &[("b", 0.4), ("c", 0.4)])],
        &rows(1, &first),
        &["a", "b", "c"],
    );
    assert_eq!(split.open[0].change, Change::New);
    assert_eq!(split.open[1].incident_id, first.open[0].incident_id);
}

#[test]
fn a_rerun_of_the_same_cutoff_ignores_its_own_rows() {
    let first = step(1, vec![group("a", &[("a", 0.4)])], &[], &["a"]);
    let again = step(1, vec![group("a", &[("a", 0.4)])], &rows(1, &first), &["a"]);
    assert_eq!(first, again);
}

#[test]
fn ids_tell_task_entity_and_time_apart() {
    let id = incident_id("anomaly", "a", 1);
    assert_eq!(id.len(), 20);
    assert_ne!(id, incident_id("anomaly", "a", 2));
    assert_ne!(id, incident_id("anomalya", "", 1));
}
