//! Decisions by the events so far.

use super::*;

fn champion(seq: i64, id: &str) -> Event {
    Event {
        task: "t".into(),
        seq,
        kind: EventKind::Promoted,
        model_id: id.into(),
        alias: Some(Alias::Champion),
        reason: None,
        person: None,
        at: seq,
    }
}

/// A promotion of a model beside which nothing was measured.
fn promoted(events: &[Event], model_id: &str, said: (&str, bool)) -> Decision {
    promotion(events, model_id, said, &Beside::default())
}

fn alias_of(decision: &Decision) -> Option<Alias> {
    match decision {
        Decision::Append { alias, .. } => *alias,
        Decision::Keep(_) => None,
    }
}

#[test]
fn verdicts_open_their_doors_only() {
    let with = [champion(1, "a")];
    assert_eq!(alias_of(&promoted(&[], "m", ("PASS", false))), Some(Alias::Champion));
    assert_eq!(alias_of(&promoted(&[], "m", ("INSUFFICIENT", false))), Some(Alias::Provisional));
    assert_eq!(alias_of(&promoted(&with, "m", ("PASS", false))), Some(Alias::Champion));
    assert_eq!(alias_of(&promoted(&with, "m", ("INSUFFICIENT", false))), Some(Alias::Challenger));
    assert!(matches!(promoted(&with, "a", ("INSUFFICIENT", false)), Decision::Keep(_)));
    assert_eq!(alias_of(&promoted(&with, "m", ("INSUFFICIENT", true))), Some(Alias::Champion));
    assert!(matches!(promoted(&with, "m", ("FAIL", true)), Decision::Keep(_)));
    assert!(matches!(promoted(&[], "m", ("FAIL", false)), Decision::Keep(_)));
    assert!(matches!(promoted(&[], "m", ("nonsense", false)), Decision::Keep(_)));
    assert!(matches!(promoted(&with, "a", ("PASS", false)), Decision::Keep(_)));
}

#[test]
fn a_challenger_stands_beside_a_champion_only() {
    let with = [champion(1, "a")];
    assert_eq!(alias_of(&challenge(&with, "m", "PASS")), Some(Alias::Challenger));
    assert_eq!(alias_of(&challenge(&with, "m", "INSUFFICIENT")), Some(Alias::Challenger));
    assert!(matches!(challenge(&with, "m", "FAIL"), Decision::Keep(_)));
    assert!(matches!(challenge(&with, "a", "PASS"), Decision::Keep(_)));
    assert!(matches!(challenge(&[], "m", "PASS"), Decision::Keep(_)));
    let challenger = Event { alias: Some(Alias::Challenger), ..champion(2, "m") };
    let both = [champion(1, "a"), challenger];
    assert!(matches!(challenge(&both, "m", "PASS"), Decision::Keep(_)));
}

#[test]
fn a_rollback_goes_one_champion_back() {
    let events = [champion(1, "a"), champion(2, "b"), champion(3, "c")];
    let to = |asked| match rollback(&events, asked).unwrap() {
        Decision::Append { model_id, .. } => model_id,
        Decision::Keep(why) => why,
    };
    assert_eq!(to(None), "b");
    assert_eq!(to(Some("a")), "a");
    assert_eq!(to(Some("c")), "unchanged: it is the champion");
    assert!(rollback(&events, Some("x")).is_err());
    assert!(rollback(&events[..1], None).is_err());
}

#[test]
fn a_second_rollback_goes_one_further() {
    let back = |seq, id| Event { kind: EventKind::RolledBack, ..champion(seq, id) };
    let mut events = vec![champion(1, "a"), champion(2, "b"), champion(3, "c"), back(4, "b")];
    let to = |events: &[Event]| match rollback(events, None) {
        Ok(Decision::Append { model_id, .. }) => model_id,
        other => format!("{other:?}"),
    };
    assert_eq!(to(&events), "a");
    events.push(champion(5, "d"));
    assert_eq!(to(&events), "b");
    events.push(back(6, "a"));
    assert!(to(&events).contains("no earlier champion"));
}

#[test]
fn a_revoked_model_does_not_come_back() {
    let mut events = vec![champion(1, "a"), champion(2, "b")];
    let revoked = Event { kind: EventKind::Revoked, alias: None, ..champion(3, "a") };
    events.push(revoked);
    assert!(rollback(&events, None).is_err());
    assert!(matches!(promoted(&events, "a", ("PASS", false)), Decision::Keep(_)));
    assert!(matches!(revocation(&events, Some("a")).unwrap(), Decision::Keep(_)));
    assert!(revocation(&events, None).is_err());
    assert!(revocation(&events, Some("x")).is_err());
}

/// What an evaluation measured beside the model `a`.
fn beside_a(worse: Option<&str>) -> Beside {
    let worse = worse.map(str::to_owned);
    Beside { model_id: Some("a".into()), worse, ..Beside::default() }
}

fn provisional(seq: i64, id: &str) -> Event {
    Event { alias: Some(Alias::Provisional), ..champion(seq, id) }
}

#[test]
fn a_detector_replaces_the_serving_one_only_where_it_is_not_clearly_worse() {
    let louder = "alerts_per_entity_day is 0.0310, more than 1.5 times the 0.0200 of that model";
    let asked =
        |events: &[Event], worse| promotion(events, "m", ("INSUFFICIENT", false), &beside_a(worse));
    let serves = [provisional(1, "a")];
    assert_eq!(alias_of(&asked(&serves, None)), Some(Alias::Provisional));
    assert_eq!(alias_of(&asked(&[champion(1, "a")], None)), Some(Alias::Challenger));
    for events in [&serves, &[champion(1, "a")]] {
        let Decision::Keep(why) = asked(events, Some(louder)) else {
            panic!("a detector that is clearly worse took the place of {events:?}")
        };
        assert!(why.starts_with("rejected: clearly worse than `a`, which serves: "), "{why}");
        assert!(why.ends_with(louder), "{why}");
    }
}

#[test]
fn the_first_model_of_a_task_and_one_that_serves_itself_are_held_back_by_nobody() {
    let first = promoted(&[], "m", ("INSUFFICIENT", false));
    assert_eq!(alias_of(&first), Some(Alias::Provisional));
    let itself = promotion(
        &[provisional(1, "m")],
        "m",
        ("INSUFFICIENT", false),
        &beside_a(Some("worse than an earlier one")),
    );
    assert!(itself.is_unchanged(), "{itself:?}");
    // Tasks with a loss, and evaluations of an older release, name nobody beside whom they measured.
    let other = promoted(&[provisional(1, "a")], "m", ("INSUFFICIENT", false));
    assert_eq!(alias_of(&other), Some(Alias::Provisional));
}

#[test]
fn a_measurement_beside_somebody_else_says_nothing() {
    let said = ("INSUFFICIENT", false);
    let decision = promotion(&[provisional(1, "b")], "m", said, &beside_a(None));
    let expected = "rejected: it was measured beside `a`, and `b` serves now: evaluate it again";
    assert_eq!(decision, Decision::Keep(expected.into()));
    let alone = Beside::of(&serde_json::json!({"serving": {"model_id": null, "worse": null}}));
    let serves = [provisional(1, "b")];
    let Decision::Keep(why) = promotion(&serves, "m", said, &alone) else { panic!("{alone:?}") };
    assert!(why.ends_with("`b` serves now: evaluate it again"), "{why}");
    assert_eq!(alias_of(&promotion(&[], "m", said, &alone)), Some(Alias::Provisional));
}

#[test]
fn a_person_lets_a_detector_follow_the_champion_in_whose_shadow_it_speaks() {
    let challenger = Event { alias: Some(Alias::Challenger), ..champion(2, "m") };
    let both = [champion(1, "a"), challenger];
    let (fine, kim) = (beside_a(None), (Some("kim"), 3));
    assert!(fine.may_follow(&both, "m", kim));
    assert!(!fine.may_follow(&both, "m", (Some("kim"), 2)), "a second try of the challenge itself");
    assert!(!fine.may_follow(&both, "m", (None, 3)), "the pipeline decides nothing here");
    assert!(!fine.may_follow(&both, "m", (Some(""), 3)));
    assert!(!fine.may_follow(&both[..1], "m", kim), "it speaks in no shadow");
    assert!(!beside_a(Some("louder")).may_follow(&both, "m", kim));
    assert!(!Beside::default().may_follow(&both, "m", kim), "nothing was measured");
}

#[test]
fn what_was_measured_is_read_from_the_evaluation() {
    let told = serde_json::json!({"serving": {"model_id": "a", "worse": "louder"}});
    assert_eq!(Beside::of(&told), beside_a(Some("louder")));
    let told = serde_json::json!({"serving": {"model_id": "a", "worse": null}});
    assert_eq!(Beside::of(&told), beside_a(None));
    for nobody in [serde_json::json!({"serving": null}), serde_json::json!({"verdict": "PASS"})] {
        assert_eq!(Beside::of(&nobody), Beside::default());
    }
}
