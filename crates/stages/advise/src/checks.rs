//! Checks: a few entities of low risk on every list, drawn at random.
//!
//! People mark what is listed, so their marks alone say how right the lists are, and nothing about
//! what no list names. A check is drawn with a known probability from all that the model thinks
//! little of; what people find there stands for the rest. The draw is a hash: the same all day,
//! whoever runs it again.

use std::collections::BTreeSet;

use foresite_schema::is_above;
use foresite_tables::sha256_hex;

use crate::{
    candidates::{self, Candidate},
    clock::{self, DAY, Micros},
    config::{Config, ListConfig},
    incidents::{Change, Incident, incident_id},
    inputs::{Signals, Verdict},
};

/// Draws the checks of a list among its scored entities that are in no incident (`busy`) and that
/// nobody acted upon before the day began.
pub fn draw(
    list: &ListConfig,
    signals: &Signals,
    busy: &BTreeSet<String>,
    config: &Config,
) -> Vec<Incident> {
    let day = signals.cutoff.div_euclid(DAY) * DAY;
    let mut quiet: Vec<(String, Candidate)> = candidates::quiet(list, signals)
        .into_iter()
        .filter(|candidate| !busy.contains(&candidate.entity_id))
        .filter(|candidate| !is_acted_upon(&candidate.entity_id, day, (list, signals), config))
        .map(|candidate| (lot(list, &candidate.entity_id, day, config.check_seed), candidate))
        .collect();
    quiet.sort_by(|a, b| a.0.cmp(&b.0));
    let drawn = quiet.len().min(list.checks as usize);
    let inclusion = drawn as f64 / quiet.len().max(1) as f64;
    let chosen = quiet.into_iter().take(drawn);
    chosen.map(|(_, candidate)| check(list, candidate, (day, inclusion))).collect()
}

/// The number that an entity draws on a day.
fn lot(list: &ListConfig, entity_id: &str, day: Micros, seed: u64) -> String {
    sha256_hex(format!("{seed}\0{}\0{day}\0{entity_id}", list.task).as_bytes())
}

/// Whether somebody marked the entity for the list's task, or what it stands on, before the day
/// began, so that what is found there today says nothing about what the model saw. A mark of today
/// is the answer to the check.
fn is_acted_upon(
    entity_id: &str,
    day: Micros,
    (list, signals): (&ListConfig, &Signals),
    config: &Config,
) -> bool {
    let path = signals.network.path_up(entity_id);
    let is_on = |marked: &str| is_above(marked, entity_id) || path.contains(&marked);
    signals.marks.iter().any(|mark| {
        mark.entity_id.as_deref().is_some_and(is_on)
            && mark.is_about(&list.task)
            && mark.verdict != Verdict::Confirmed
            && mark.at < day
            && signals.cutoff - mark.at <= config.mark_holds()
    })
}

fn check(list: &ListConfig, candidate: Candidate, (day, inclusion): (Micros, f64)) -> Incident {
    Incident {
        incident_id: incident_id(&format!("check {}", list.task), &candidate.entity_id, day),
        task: list.task.clone(),
        entity_id: candidate.entity_id.clone(),
        entity_type: candidate.entity_type.clone(),
        absorbing: BTreeSet::new(),
        member_entities: [candidate.entity_id.clone()].into(),
        prediction_ids: candidate.rows.iter().map(|row| row.prediction_id.clone()).collect(),
        first_seen_at: day,
        change: Change::Check,
        level: candidate.probability,
        is_confirmed: true,
        inclusion: Some(inclusion),
        members: vec![candidate],
    }
}

/// What a check asks, for people.
pub fn question(incident: &Incident) -> Option<String> {
    let inclusion = incident.inclusion?;
    let share = if inclusion >= 1.0 { "all".to_owned() } else { one_in(inclusion) };
    Some(format!(
        "Drawn at random for {}, {share} that the model thinks little of: keeps the estimates \
         honest. Look, and mark it: right where something is wrong here after all, wrong where \
         all is well.",
        clock::day(incident.first_seen_at, &jiff::tz::TimeZone::UTC)
    ))
}

fn one_in(inclusion: f64) -> String {
    format!("one of {:.0}", 1.0 / inclusion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;
    use crate::inputs::{Mark, Prediction, Role};

    fn row(entity: usize, probability: f64) -> Prediction {
        Prediction {
            task: "maintenance".into(),
            prediction_id: format!("p{entity}"),
            entity_type: "site".into(),
            entity_id: format!("r/{entity:03}"),
            horizon: 7 * DAY,
            probability: Some(probability),
            role: Role::Champion,
            ..Prediction::default()
        }
    }

    fn signals(cutoff: Micros) -> Signals {
        let predictions = (0..200).map(|entity| row(entity, 0.01)).chain([row(999, 0.5)]);
        Signals { cutoff, predictions: predictions.collect(), ..Signals::default() }
    }

    fn list(checks: u32) -> ListConfig {
        ListConfig { checks, ..ListConfig::maintenance() }
    }

    fn drawn(signals: &Signals, busy: &BTreeSet<String>) -> Vec<String> {
        let checks = draw(&list(2), signals, busy, &Config::default());
        checks.into_iter().map(|check| check.entity_id).collect()
    }

    #[test]
    fn a_draw_holds_all_day_and_is_another_one_tomorrow() {
        let nobody = BTreeSet::new();
        let morning = drawn(&signals(100 * DAY + HOUR), &nobody);
        assert_eq!(morning.len(), 2);
        assert!(!morning.contains(&"r/999".to_owned()), "a candidate is no low risk");
        assert_eq!(drawn(&signals(100 * DAY + 20 * HOUR), &nobody), morning);
        assert_ne!(drawn(&signals(101 * DAY + HOUR), &nobody), morning);
        let other = Config { check_seed: 7, ..Config::default() };
        let other = draw(&list(2), &signals(100 * DAY + HOUR), &nobody, &other);
        assert_ne!(other[0].entity_id, morning[0]);
    }

    #[test]
    fn the_probability_of_a_draw_is_known() {
        let checks = draw(&list(2), &signals(100 * DAY), &BTreeSet::new(), &Config::default());
        assert_eq!(checks[0].inclusion, Some(0.01));
        assert!(question(&checks[0]).unwrap().contains("one of 100"));
        assert!(
            draw(&list(0), &signals(100 * DAY), &BTreeSet::new(), &Config::default()).is_empty()
        );
    }

    #[test]
    fn every_entity_is_drawn_about_as_often() {
        let mut times = std::collections::BTreeMap::<String, usize>::new();
        for day in 0..2000 {
            for entity in drawn(&signals(day * DAY), &BTreeSet::new()) {
                *times.entry(entity).or_default() += 1;
            }
        }
        // 4,000 draws of 200 entities: 20 each, and by the normal bound none beyond 5 sd of 4.4.
        assert_eq!(times.len(), 200);
        assert!(times.values().all(|n| (1..43).contains(n)), "{times:?}");
    }

    #[test]
    fn what_was_acted_upon_or_is_an_incident_is_not_drawn_and_an_answer_draws_no_other() {
        let mut signals = signals(100 * DAY + 9 * HOUR);
        let first = drawn(&signals, &BTreeSet::new());
        assert!(!drawn(&signals, &[first[0].clone()].into()).contains(&first[0]));
        signals.marks = vec![done(&first[0], 100 * DAY + 8 * HOUR)];
        assert_eq!(drawn(&signals, &BTreeSet::new()), first, "the answer to the check");
        signals.marks = vec![done(&first[0], 99 * DAY)];
        assert!(!drawn(&signals, &BTreeSet::new()).contains(&first[0]));
    }

    #[test]
    fn what_was_done_on_a_site_keeps_its_cells_from_being_drawn() {
        let mut signals = signals(100 * DAY + 9 * HOUR);
        for row in &mut signals.predictions {
            let site = if row.entity_id.as_str() < "r/100" { "r/A" } else { "r/B" };
            row.entity_id = row.entity_id.replace("r/", &format!("{site}/"));
        }
        let of_site = |signals: &Signals| {
            let checks = draw(&list(50), signals, &BTreeSet::new(), &Config::default());
            checks.iter().filter(|check| check.entity_id.starts_with("r/A/")).count()
        };
        assert!(of_site(&signals) > 0);
        signals.marks = vec![done("r/A", 99 * DAY)];
        assert_eq!(of_site(&signals), 0);
        signals.marks = vec![done("r/A/000/1", 99 * DAY)];
        assert!(of_site(&signals) > 0, "what was done on one of them is not done on all");
        let of_task = |task: &str| vec![Mark { task: Some(task.into()), ..done("r/A", 99 * DAY) }];
        signals.marks = of_task("anomaly");
        assert!(of_site(&signals) > 0, "what another list's item was marked for");
        signals.marks = of_task("maintenance");
        assert_eq!(of_site(&signals), 0);
    }

    fn done(entity: &str, at: Micros) -> Mark {
        Mark {
            prediction_id: None,
            entity_id: Some(entity.into()),
            task: None,
            verdict: Verdict::Done,
            person: None,
            at,
        }
    }
}
