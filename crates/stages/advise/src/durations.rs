//! How long alerts last before they end by themselves, and which of them wait for that.
//!
//! The predicted duration is the median of the task's incidents on that type of entity over the last
//! weeks, as they were known. Those that still last count for as long as they have lasted
//! (Kaplan, Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958): a median
//! of the ended ones alone would call every kind of alert short.

use crate::{
    clock::{self, DAY, HOUR, Micros},
    config::ListConfig,
    incidents::{Change, Incident},
    inputs::Signals,
    left_out::{Code, LeftOut},
};

/// How far back incidents tell how long they last.
pub const REACH: Micros = 28 * DAY;

/// Ended incidents below which nothing is predicted.
pub const LEAST: usize = 20;

/// An incident of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasted {
    /// Task that raised it.
    pub task: String,
    /// Type of its entity.
    pub entity_type: String,
    /// From the cutoff that first raised it to the newest one that tells of it.
    pub lasted: Micros,
    /// Whether it ended then.
    pub is_over: bool,
}

/// Why an incident waits; `None` where it does not.
///
/// It waits for its predicted duration and no longer, and only where that is within what the list
/// allows, so that nothing is held back for more than `hold_back_hours`. What people were told of is
/// not taken from them again, and what gets worse does not end by itself.
pub fn held_back(incident: &Incident, list: &ListConfig, signals: &Signals) -> Option<LeftOut> {
    let is_told = signals.named.contains(&incident.incident_id);
    let is_due = is_told || incident.change == Change::Worse || incident.is_check();
    if list.hold_back_hours == 0 || is_due {
        return None;
    }
    let alike = signals
        .lasted
        .iter()
        .filter(|one| one.task == incident.task && one.entity_type == incident.entity_type);
    let spans: Vec<(Micros, bool)> = alike.map(|one| (one.lasted, one.is_over)).collect();
    let ended = spans.iter().filter(|(_, is_over)| *is_over).count();
    let predicted = median(spans).filter(|_| ended >= LEAST)?;
    let until = incident.first_seen_at + predicted;
    let waits = predicted <= Micros::from(list.hold_back_hours) * HOUR && signals.cutoff < until;
    let text = || {
        format!(
            "Held back until {}: half of such alerts end by themselves within {} ({ended} ended in \
             28 days)",
            clock::stamp(until),
            clock::span(predicted)
        )
    };
    waits.then(|| LeftOut::new(Code::SelfClearing, text()))
}

/// The time by which half have ended; `None` where more than half outlast all that is known.
fn median(mut spans: Vec<(Micros, bool)>) -> Option<Micros> {
    spans.sort_unstable();
    let mut left = spans.len();
    let mut lasting = 1.0;
    for same in spans.chunk_by(|a, b| a.0 == b.0) {
        let ended = same.iter().filter(|(_, is_over)| *is_over).count();
        lasting *= 1.0 - ended as f64 / left as f64;
        // A sum of thirds may miss a half by a rounding.
        if lasting <= 0.5 + 1e-9 {
            return same.first().map(|(at, _)| *at);
        }
        left -= same.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_still_lasts_makes_the_median_longer() {
        let ended = |hours: &[i64]| hours.iter().map(|h| (*h, true)).collect::<Vec<_>>();
        assert_eq!(median(ended(&[1, 1, 2, 9])), Some(1));
        assert_eq!(median(ended(&[1, 2, 3])), Some(2));
        // By hand: S(1) = 4/5; then two are censored; S(4) = 4/5 · 1/2 = .4.
        let mut open = ended(&[1, 4, 9]);
        open.extend([(2, false), (3, false)]);
        assert_eq!(median(open), Some(4));
        assert_eq!(median(vec![(1, true), (5, false), (5, false)]), None);
        assert_eq!(median(vec![]), None);
    }

    fn incident(task: &str, hour: i64) -> Incident {
        Incident {
            incident_id: "inc-1".into(),
            task: task.into(),
            entity_id: "r/A/1".into(),
            entity_type: "cell".into(),
            members: vec![],
            absorbing: BTreeSet::new(),
            member_entities: BTreeSet::new(),
            prediction_ids: vec![],
            first_seen_at: hour * HOUR,
            change: Change::New,
            level: 0.5,
            is_confirmed: true,
            inclusion: None,
        }
    }

    fn signals(hours: i64, ended: usize) -> Signals {
        let lasted = Lasted {
            task: "anomaly".into(),
            entity_type: "cell".into(),
            lasted: hours * HOUR,
            is_over: true,
        };
        Signals { cutoff: 100 * HOUR, lasted: vec![lasted; ended], ..Signals::default() }
    }

    #[test]
    fn a_new_alert_of_a_short_kind_waits_for_its_duration_and_no_longer() {
        let list = ListConfig { hold_back_hours: 2, ..ListConfig::anomaly() };
        let at = |since, signals: &Signals| held_back(&incident("anomaly", since), &list, signals);
        let reason = at(99, &signals(2, 20)).unwrap();
        assert_eq!(reason.code, Code::SelfClearing);
        assert!(reason.starts_with("Held back until 1970-01-05 05:00 UTC"), "{reason}");
        assert_eq!(at(98, &signals(2, 20)), None, "it has outlasted half of them");
        assert_eq!(at(99, &signals(3, 20)), None, "longer than the list allows");
        assert_eq!(at(99, &signals(2, 19)), None, "too few to tell");
        let other = held_back(&incident("maintenance", 99), &list, &signals(2, 20));
        assert_eq!(other, None, "another list's alerts");
        let named = Signals { named: ["inc-1".to_owned()].into(), ..signals(2, 20) };
        assert_eq!(at(99, &named), None, "people were told of it");
        let worse = Incident { change: Change::Worse, ..incident("anomaly", 99) };
        assert_eq!(held_back(&worse, &list, &signals(2, 20)), None, "it does not get better");
        let off = ListConfig::anomaly();
        assert_eq!(held_back(&incident("anomaly", 99), &off, &signals(2, 20)), None);
    }
}
