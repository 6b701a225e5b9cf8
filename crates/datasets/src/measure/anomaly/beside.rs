//! A detector beside the one that serves, by what can be measured without truth.

use foresite_features::task::{DAY, Task};

use super::super::{CHAMPION, LEAST_EVENTS, Measured, Metric};
use super::marks::{RIGHT_FOUND, WRONG_REPEATED};

/// Alerts that begin, per entity and day.
pub(super) const ALERTS: &str = "alerts_per_entity_day";

/// How many times the alerts of the serving model a new one may raise.
const MOST_ALERTS: f64 = 1.5;

/// Share of the marked hours beyond which one model raises clearly more of them than the other. A mark
/// on an incident is one on each of its members, so that a cell at its edge speaks against nobody.
const MARKED_SHARE: f64 = 0.1;

/// Why the new model is clearly worse than the one that serves, both measured on the same rows; `None`
/// where it is not. That says nothing about which of them is better: only truth could.
///
/// Fewer than ten alerts of the new one are no workload, whatever the other raised.
pub fn clearly_worse(task: &Task, own: &Measured, serving: &Measured) -> Option<String> {
    let found = |of: &Measured| raised(of, RIGHT_FOUND);
    let repeated = |of: &Measured| raised(of, WRONG_REPEATED);
    too_many(task, own, serving)
        .or_else(|| fewer(RIGHT_FOUND, found(own), found(serving)))
        .or_else(|| more(WRONG_REPEATED, repeated(own), repeated(serving)))
}

/// Puts the numbers of the serving model beside those of the new one.
pub fn beside(own: &mut Measured, serving: &Measured) {
    for name in [ALERTS, RIGHT_FOUND, WRONG_REPEATED] {
        if let Some(theirs) = of_model(serving, name) {
            own.add_baseline(name, CHAMPION, theirs.value, theirs.samples);
        }
    }
}

fn too_many(task: &Task, own: &Measured, serving: &Measured) -> Option<String> {
    let days = of_model(own, ALERTS)?.samples as f64 * task.cutoffs.step.micros() as f64;
    let (own, theirs) = (own.value(ALERTS)?, serving.value(ALERTS)?);
    let is_workload = own * days / DAY as f64 >= LEAST_EVENTS as f64;
    (is_workload && own > MOST_ALERTS * theirs).then(|| {
        format!("{ALERTS} is {own:.4}, more than {MOST_ALERTS} times the {theirs:.4} of that model")
    })
}

/// How many of the marked rows were raised, and of how many.
type Raised = (usize, usize);

fn raised(of: &Measured, name: &str) -> Raised {
    let metric = of_model(of, name);
    let share = metric.and_then(|metric| Some((metric.value?, metric.samples)));
    share.map_or((0, 0), |(share, rows)| ((share * rows as f64).round() as usize, rows))
}

fn fewer(name: &str, own: Raised, theirs: Raised) -> Option<String> {
    is_beyond(theirs, own).then(|| counted(name, own, theirs))
}

fn more(name: &str, own: Raised, theirs: Raised) -> Option<String> {
    is_beyond(own, theirs).then(|| counted(name, own, theirs))
}

fn is_beyond(one: Raised, other: Raised) -> bool {
    let more = one.0.saturating_sub(other.0);
    more as f64 > MARKED_SHARE * one.1.max(other.1) as f64
}

fn counted(name: &str, own: Raised, theirs: Raised) -> String {
    let [own, theirs] = [own, theirs].map(|(raised, rows)| format!("{raised} of {rows}"));
    format!("{name} is {own} marked hours, of that model {theirs}")
}

fn of_model<'m>(of: &'m Measured, name: &str) -> Option<&'m Metric> {
    of.metrics.iter().find(|metric| metric.name == name && metric.baseline.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A detector over a thousand days of cells, with its rate of alerts, and of four marks right and four
    /// marks wrong the share that it raises.
    fn detector(rate: f64, found: f64, repeated: f64) -> Measured {
        let mut measured = Measured::default();
        measured.add(ALERTS, Some(rate), 24_000);
        measured.add(RIGHT_FOUND, Some(found), 4);
        measured.add(WRONG_REPEATED, Some(repeated), 4);
        measured
    }

    fn why(own: &Measured, serving: &Measured) -> Option<String> {
        let built_in = foresite_features::task::built_in("anomaly").unwrap();
        let task: Task = serde_json::from_str(built_in).unwrap();
        clearly_worse(&task, own, serving)
    }

    #[test]
    fn each_measure_speaks_against_a_worse_one_with_both_numbers() {
        let serving = detector(0.02, 0.5, 0.5);
        assert_eq!(why(&detector(0.03, 0.5, 0.5), &serving), None);
        assert_eq!(why(&detector(0.001, 1.0, 0.0), &serving), None);
        for (own, says) in [
            (
                detector(0.031, 1.0, 0.0),
                "alerts_per_entity_day is 0.0310, more than 1.5 times the 0.0200",
            ),
            (
                detector(0.02, 0.25, 0.5),
                "marked_right_found is 1 of 4 marked hours, of that model 2 of 4",
            ),
            (
                detector(0.02, 0.5, 0.75),
                "marked_wrong_repeated is 3 of 4 marked hours, of that model 2 of 4",
            ),
        ] {
            let why = why(&own, &serving).unwrap();
            assert!(why.starts_with(says), "{why}");
        }
    }

    #[test]
    fn a_few_cells_at_the_edge_of_incidents_speak_against_no_detector() {
        let many = |found| {
            let mut measured = Measured::default();
            measured.add(ALERTS, Some(0.02), 24_000);
            measured.add(RIGHT_FOUND, Some(found), 200);
            measured
        };
        assert_eq!(why(&many(0.95), &many(1.0)), None);
        assert!(why(&many(0.85), &many(1.0)).is_some());
    }

    #[test]
    fn what_was_not_measured_speaks_against_nobody() {
        let bare = |rate| {
            let mut measured = Measured::default();
            measured.add(ALERTS, rate, 24_000);
            measured
        };
        assert_eq!(why(&bare(Some(0.02)), &bare(Some(0.02))), None, "no marks");
        assert_eq!(why(&bare(Some(0.009)), &bare(Some(0.0))), None, "nine alerts");
        assert!(why(&bare(Some(0.011)), &bare(Some(0.0))).is_some(), "eleven beside none");
        assert_eq!(why(&bare(None), &bare(Some(0.02))), None);
    }

    #[test]
    fn marked_hours_that_only_the_serving_model_scores_are_found_by_it_alone() {
        let mut bare = Measured::default();
        bare.add(ALERTS, Some(0.02), 24_000);
        let unmarked = why(&bare, &detector(0.02, 0.5, 0.5)).unwrap();
        assert!(unmarked.starts_with("marked_right_found is 0 of 0"), "{unmarked}");
    }

    #[test]
    fn the_serving_model_stands_beside_as_a_baseline() {
        let (mut own, serving) = (detector(0.02, 0.5, 0.5), detector(0.04, 1.0, 0.0));
        beside(&mut own, &serving);
        assert_eq!(own.value(ALERTS), Some(0.02), "the own numbers stay the first");
        let theirs = own.metrics.iter().filter(|metric| metric.baseline.is_some());
        let theirs: Vec<_> =
            theirs.map(|metric| (metric.baseline.as_deref(), metric.value)).collect();
        let all = [0.04, 1.0, 0.0].map(|value| (Some("champion"), Some(value)));
        assert_eq!(theirs, all);
    }
}
