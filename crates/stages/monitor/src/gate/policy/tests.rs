//! What speaks for a training and against it, reason by reason, and a hundred days of drift.

use super::*;

const NOW: Micros = 1_000 * DAY;

/// A model that serves for twenty days, with enough news to learn from and no reason to.
fn quiet() -> Evidence {
    Evidence {
        now: NOW,
        model_id: Some("m1".into()),
        serves_since: Some(NOW - 20 * DAY),
        registered: vec![NOW - 20 * DAY],
        truth: Truth { days: 20, events: Some(30) },
        ..Evidence::default()
    }
}

fn moved(count: usize) -> Drift {
    let moved = (0..count).map(|channel| format!("c{channel}")).collect();
    Drift { moved, tested: 10, passing: Vec::new() }
}

fn decided(evidence: &Evidence) -> Decision {
    decide("anomaly", &Retraining::default(), evidence)
}

#[test]
fn nothing_speaks_for_it_on_a_quiet_day() {
    let decision = decided(&Evidence { truth: Truth::default(), ..quiet() });
    assert_eq!((decision.word(), decision.reason), ("wait", None));
    assert_eq!(decision.against, [], "what speaks against nothing is not told");
}

#[test]
fn the_weightiest_reason_is_named() {
    let said = || vec!["brier_skill 7d two days in a row: worse".to_owned()];
    for (reason, evidence) in [
        (Reason::SkillDown, Evidence { skill: said(), drift: moved(5), ..quiet() }),
        (Reason::CoverageBroken, Evidence { coverage: said(), drift: moved(5), ..quiet() }),
        (Reason::Erased, Evidence { erased: said(), skill: said(), ..quiet() }),
        (Reason::Drift, Evidence { drift: moved(2), ..quiet() }),
        (
            Reason::Scheduled,
            Evidence {
                serves_since: Some(NOW - 28 * DAY),
                registered: vec![NOW - 28 * DAY],
                ..quiet()
            },
        ),
        (
            Reason::NoModel,
            Evidence {
                truth: Truth { days: 28, events: None },
                ..Evidence { now: NOW, ..Evidence::default() }
            },
        ),
        (Reason::Asked, Evidence { is_asked: true, skill: said(), ..quiet() }),
    ] {
        let decision = decided(&evidence);
        assert_eq!((decision.reason, decision.word()), (Some(reason), "retrain"));
    }
    assert_eq!(decided(&Evidence { drift: moved(1), ..quiet() }).reason, None);
}

#[test]
fn what_speaks_against_it_holds_it_back() {
    let due = || Evidence { drift: moved(5), ..quiet() };
    let days = |days: &[i64]| days.iter().map(|days| NOW - days * DAY).collect::<Vec<_>>();
    for (against, evidence) in [
        (Against::BadData, Evidence { bad_data: vec!["half is missing".into()], ..due() }),
        (Against::TooLittleTruth, Evidence { truth: Truth { days: 6, events: Some(30) }, ..due() }),
        (Against::TooLittleTruth, Evidence { truth: Truth { days: 20, events: Some(4) }, ..due() }),
        (Against::CoolDown, Evidence { registered: days(&[20, 6]), ..due() }),
        (Against::InShadow, Evidence { in_shadow: Some(59), ..due() }),
        // One training since the model serves lost: 14 days, not 7.
        (Against::WouldNotHelp, Evidence { decided: days(&[10]), ..due() }),
        (
            Against::Quota,
            Evidence {
                serves_since: Some(NOW - 8 * DAY),
                registered: days(&[8]),
                decided: days(&[80, 60, 40, 9]),
                ..due()
            },
        ),
    ] {
        let decision = decided(&evidence);
        assert_eq!(decision.against, [against], "{:?}", decision.evidence);
        assert_eq!(decision.word(), "wait");
        let asked = decided(&Evidence { is_asked: true, ..evidence });
        assert_eq!((asked.word(), asked.against), ("retrain", vec![against]));
    }
    assert_eq!(decided(&due()).word(), "retrain");
    assert_eq!(decided(&Evidence { in_shadow: Some(60), ..due() }).word(), "retrain");
}

#[test]
fn nobody_waits_for_long_where_nobody_serves() {
    let decided_at = (1..=6).map(|month| NOW - month * 100 * DAY).collect();
    let evidence = Evidence {
        now: NOW,
        decided: decided_at,
        truth: Truth { days: 28, events: None },
        ..Evidence::default()
    };
    assert_eq!(decided(&evidence).word(), "retrain");
    let lost = (1..=9).map(|season| NOW - season * 100 * DAY).collect();
    let serving = Evidence {
        drift: moved(5),
        decided: lost,
        registered: Vec::new(),
        serves_since: Some(NOW - 1_000 * DAY),
        ..quiet()
    };
    assert_eq!(decided(&serving).word(), "retrain", "no pause is longer than the quota's days");
}

/// Trainings of a hundred days on each of which the channels drift.
fn trainings(wins: bool) -> Vec<Micros> {
    let mut evidence = Evidence { drift: moved(10), ..quiet() };
    for day in 0..100 {
        evidence.now = NOW + day * DAY;
        if decided(&evidence).retrains() {
            evidence.decided.push(evidence.now);
            evidence.registered.push(evidence.now + DAY / 8);
            if wins {
                evidence.serves_since = Some(evidence.now + DAY / 8);
            }
        }
    }
    evidence.decided
}

#[test]
fn steady_drift_trains_no_more_than_the_quota() {
    for wins in [true, false] {
        let all = trainings(wins);
        for end in &all {
            let within = all.iter().filter(|at| **at > end - 90 * DAY && *at < end).count();
            assert!(within < 4, "{} and {within} before it in 90 days", end / DAY);
        }
    }
    let lost: Vec<i64> =
        trainings(false).windows(2).map(|pair| (pair[1] - pair[0]) / DAY).collect();
    assert_eq!(lost, [14, 28, 56], "what does not help is tried less and less");
}
