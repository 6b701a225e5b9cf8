//! What is known already.

use super::*;
use crate::clock::HOUR;
use crate::incidents::{Change, PriorIncident};
use crate::inputs::Prediction;
use crate::network::Entity;

fn network() -> Network {
    let entity = |entity_type: &str, id: &str, parent: &str| Entity {
        entity_type: entity_type.into(),
        id: id.into(),
        parent_id: Some(parent.into()),
        ..Entity::default()
    };
    Network::new(
        [
            entity("site", "r/A", "r"),
            entity("sector", "r/A/1", "r/A"),
            entity("cell", "r/A/1/n78", "r/A/1"),
            entity("cell", "r/A/1/n28", "r/A/1"),
            entity("unit", "r/A/rectifier", "r/A"),
            entity("site", "r/B", "r"),
            entity("cell", "r/B/1/n78", "r/B"),
        ],
        [],
    )
}

fn incident(entities: &[&str]) -> Incident {
    Incident {
        incident_id: "inc-1".into(),
        task: "anomaly".into(),
        entity_id: entities[0].into(),
        entity_type: "cell".into(),
        members: entities
            .iter()
            .map(|id| Candidate {
                entity_id: (*id).into(),
                entity_type: "cell".into(),
                probability: 0.5,
                onset: 100 * HOUR,
                rows: vec![Prediction::default()],
            })
            .collect(),
        absorbing: BTreeSet::new(),
        member_entities: BTreeSet::new(),
        prediction_ids: vec!["p1".into()],
        first_seen_at: 100 * HOUR,
        change: Change::New,
        level: 0.5,
        is_confirmed: true,
        inclusion: None,
    }
}

fn alarm(entity_id: &str, severity: &str, hour: i64) -> Fact {
    Fact {
        kind: FactKind::Alarm,
        id: "a1".into(),
        entity_id: entity_id.into(),
        from: hour * HOUR,
        until: None,
        severity: Some(severity.into()),
        text: "Mains failure".into(),
    }
}

fn look(list: &ListConfig, incident: &Incident, facts: Vec<Fact>, marks: Vec<Mark>) -> Known {
    let signals =
        Signals { cutoff: 103 * HOUR, network: network(), facts, marks, ..Signals::default() };
    beside(incident, list, &signals, &Config::default())
}

fn anomaly(entities: &[&str], facts: Vec<Fact>) -> Known {
    look(&ListConfig::anomaly(), &incident(entities), facts, vec![])
}

#[test]
fn a_known_alarm_is_not_news() {
    let known = anomaly(&["r/A/1/n78"], vec![alarm("r/A/rectifier", "MAJOR", 99)]);
    assert_eq!(
        known.reason.as_deref(),
        Some("Already known: MAJOR alarm “Mains failure” on r/A · rectifier since 5 Jan 03:00 UTC")
    );
}

#[test]
fn a_lesser_or_older_alarm_only_stands_beside() {
    for fact in [alarm("r/A/rectifier", "MINOR", 99), alarm("r/A", "MAJOR", 1)] {
        let known = anomaly(&["r/A/1/n78"], vec![fact]);
        assert_eq!((known.facts.len(), known.explaining), (1, 0));
        assert_eq!(known.reason, None);
    }
}

#[test]
fn an_alarm_on_another_cell_or_site_is_another_matter() {
    for place in ["r/A/1/n28", "r/B"] {
        let known = anomaly(&["r/A/1/n78"], vec![alarm(place, "CRITICAL", 100)]);
        assert_eq!(known, Known::default());
    }
}

#[test]
fn every_member_must_be_covered() {
    let known = anomaly(&["r/A/1/n78", "r/B/1/n78"], vec![alarm("r/A", "CRITICAL", 100)]);
    assert_eq!(known.reason, None);
    assert_eq!(known.explaining, 1);
}

#[test]
fn a_warning_is_a_precursor_of_a_failure_and_explains_nothing() {
    let list = ListConfig::maintenance();
    let target = incident(&["r/A"]);
    let minor = look(&list, &target, vec![alarm("r/A/rectifier", "MAJOR", 99)], vec![]);
    assert_eq!((minor.facts.len(), minor.reason), (1, None));
    let down = look(&list, &target, vec![alarm("r/A", "CRITICAL", 99)], vec![]);
    assert!(down.reason.is_some());
}

#[test]
fn work_planned_for_the_time_of_action_is_known() {
    let work = Fact {
        kind: FactKind::PlannedWork,
        id: "P-1".into(),
        from: 150 * HOUR,
        until: Some(154 * HOUR),
        ..alarm("r/A", "", 0)
    };
    let soon = look(&ListConfig::maintenance(), &incident(&["r/A"]), vec![work.clone()], vec![]);
    assert!(soon.reason.is_some());
    let not_yet = look(&ListConfig::anomaly(), &incident(&["r/A"]), vec![work], vec![]);
    assert_eq!(not_yet.reason, None);
}

#[test]
fn a_mark_holds_for_a_week() {
    let mark = |verdict, hour: i64| Mark {
        prediction_id: Some("p1".into()),
        entity_id: None,
        task: None,
        verdict,
        person: Some("Kim".into()),
        at: hour * HOUR,
    };
    let list = ListConfig::anomaly();
    let held = look(&list, &incident(&["r/A"]), vec![], vec![mark(Verdict::Wrong, 90)]);
    assert!(held.reason.unwrap().starts_with("Marked wrong by Kim"));
    let expired = look(&list, &incident(&["r/A"]), vec![], vec![mark(Verdict::Done, -90)]);
    assert_eq!(expired.reason, None);
    let praise = look(&list, &incident(&["r/A"]), vec![], vec![mark(Verdict::Confirmed, 90)]);
    assert_eq!(praise.reason, None);
}

#[test]
fn a_mark_counts_for_the_task_that_it_names() {
    let mark = |task: Option<&str>, verdict, prediction_id: Option<&str>| Mark {
        prediction_id: prediction_id.map(str::to_owned),
        entity_id: Some("r/A".into()),
        task: task.map(str::to_owned),
        verdict,
        person: Some("Kim".into()),
        at: 101 * HOUR,
    };
    let reason = |marks| look(&ListConfig::anomaly(), &incident(&["r/A"]), vec![], marks).reason;
    for verdict in [Verdict::Wrong, Verdict::Done] {
        let of = |task| reason(vec![mark(task, verdict, Some("p9"))]).is_some();
        assert!(!of(Some("maintenance")), "{verdict:?} on the site's item of another list");
        assert!(of(Some("anomaly")), "{verdict:?}");
        assert!(of(None), "{verdict:?} of an earlier release counts for every list");
    }
    let wrong = mark(Some("anomaly"), Verdict::Wrong, Some("p1"));
    let elsewhere =
        Mark { person: Some("Lee".into()), ..mark(Some("maintenance"), Verdict::Confirmed, None) };
    let said = reason(vec![wrong, elsewhere]).unwrap();
    assert!(!said.contains("though"), "nobody said the contrary of this list: {said}");
}

#[test]
fn what_is_done_says_nothing_about_what_begins_later() {
    let mark = |verdict, hour: i64| Mark {
        prediction_id: None,
        entity_id: Some("r/A".into()),
        task: None,
        verdict,
        person: None,
        at: hour * HOUR,
    };
    // The alert opened at hour 100.
    let anomaly = |mark| look(&ListConfig::anomaly(), &incident(&["r/A"]), vec![], vec![mark]);
    assert_eq!(anomaly(mark(Verdict::Done, 90)).reason, None);
    assert!(anomaly(mark(Verdict::Done, 101)).reason.is_some());
    assert!(anomaly(mark(Verdict::Wrong, 90)).reason.is_some());
    let risk = look(
        &ListConfig::maintenance(),
        &incident(&["r/A"]),
        vec![],
        vec![mark(Verdict::Done, 90)],
    );
    assert!(risk.reason.is_some());
}

#[test]
fn a_mark_on_a_prediction_of_an_earlier_run_still_holds() {
    let prior = PriorIncident {
        incident_id: "inc-1".into(),
        task: "anomaly".into(),
        entity_id: "r/A".into(),
        entity_type: "cell".into(),
        member_entities: BTreeSet::new(),
        prediction_ids: vec!["p0".into()],
        said_before: [(95, "p-7"), (102, "p0")]
            .map(|(hour, id)| (hour * HOUR, vec![id.to_owned()]))
            .into(),
        cutoff: 102 * HOUR,
        first_seen_at: 90 * HOUR,
        change: Change::Ongoing,
        level: 0.5,
    };
    let mark = Mark {
        prediction_id: Some("p-7".into()),
        entity_id: None,
        task: None,
        verdict: Verdict::Wrong,
        person: None,
        at: 96 * HOUR,
    };
    let signals = Signals {
        cutoff: 103 * HOUR,
        network: network(),
        marks: vec![mark],
        prior: vec![prior],
        ..Signals::default()
    };
    let known = beside(&incident(&["r/A"]), &ListConfig::anomaly(), &signals, &Config::default());
    assert!(known.reason.is_some());
}

#[test]
fn what_was_done_at_one_site_leaves_the_others() {
    let done = |entity: &str| Mark {
        prediction_id: None,
        entity_id: Some(entity.into()),
        task: None,
        verdict: Verdict::Done,
        person: None,
        at: 101 * HOUR,
    };
    let list = ListConfig::maintenance();
    let mut shared = incident(&["r/A", "r/B"]);
    shared.entity_id = "r/power-1".into();
    let reason = |marks: Vec<Mark>| look(&list, &shared, vec![], marks).reason;
    assert_eq!(reason(vec![done("r/A")]), None);
    assert!(reason(vec![done("r/A"), done("r/B")]).is_some());
    assert!(reason(vec![done("r/power-1")]).is_some());
}

#[test]
fn who_said_the_contrary_is_named() {
    let mark = |verdict, person: &str, hour: i64| Mark {
        prediction_id: None,
        entity_id: Some("r/A".into()),
        task: None,
        verdict,
        person: Some(person.into()),
        at: hour * HOUR,
    };
    let list = ListConfig::maintenance();
    let reason = |marks| look(&list, &incident(&["r/A"]), vec![], marks).reason;
    let disputed = vec![mark(Verdict::Confirmed, "Lee", 100), mark(Verdict::Wrong, "Kim", 101)];
    let disputed = reason(disputed).unwrap();
    assert!(disputed.contains("wrong by Kim"), "{disputed}");
    assert!(
        disputed.ends_with("though Lee had confirmed it on 1970-01-05 04:00 UTC"),
        "{disputed}"
    );
    let changed = vec![mark(Verdict::Confirmed, "Kim", 100), mark(Verdict::Wrong, "Kim", 101)];
    assert!(!reason(changed).unwrap().contains("though"), "a change of mind is none");
}

#[test]
fn a_mark_of_its_day_answers_a_check() {
    let mut check = incident(&["r/A"]);
    check.change = Change::Check;
    check.first_seen_at = 96 * HOUR;
    let mark = |verdict, hour: i64| Mark {
        prediction_id: None,
        entity_id: Some("r/A".into()),
        task: None,
        verdict,
        person: None,
        at: hour * HOUR,
    };
    let reason = |mark| look(&ListConfig::anomaly(), &check, vec![], vec![mark]).reason;
    // Its members have no alert, and so begin anew with every cutoff.
    assert!(reason(mark(Verdict::Done, 97)).is_some());
    assert!(reason(mark(Verdict::Wrong, 97)).is_some());
    assert_eq!(reason(mark(Verdict::Done, 95)), None);
}
