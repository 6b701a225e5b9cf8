//! What a person said, and whether it can be true.

use foresite_schema::concerns;
use foresite_schema::marks::Mark;
use foresite_tables::{Micros, sha256_hex};
use jiff::Timestamp;

use crate::{Predicted, Predictions, reach};

/// How far a person's clock may be ahead of ours.
pub const SKEW: Micros = 5 * 60 * 1_000_000;

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 24;

/// One mark. Empty texts are those that are not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What was said.
    pub mark: Mark,
    /// When it was done, seen or judged.
    pub at: Micros,
    /// The prediction that it is about.
    pub prediction_id: String,
    /// The incident that it was marked as a part of.
    pub incident_id: String,
    /// Type of the entity.
    pub entity_type: String,
    /// The entity that it is about.
    pub entity_id: String,
    /// Task of the prediction, or the one that missed the event.
    pub task: String,
    /// Who says so.
    pub person: String,
    /// In words.
    pub text: String,
}

impl Statement {
    /// The identifier: the same statement twice is one. The words are no part of it, so that they
    /// can be corrected.
    pub fn id(&self) -> String {
        let at = self.at.to_string();
        let about = match self.prediction_id.as_str() {
            "" => [&*self.entity_type, &*self.entity_id, &*self.task],
            prediction => ["", prediction, ""],
        };
        let parts = [self.mark.word(), &at, &self.person];
        let text: String = parts.iter().chain(&about).flat_map(|part| [*part, "\0"]).collect();
        let mut id = sha256_hex(text.as_bytes());
        id.truncate(ID_DIGITS);
        id
    }

    /// Why the statement cannot be true, as it could be known at `now`; `None` where it can.
    pub fn fault(&self, predictions: &Predictions, now: Micros) -> Option<String> {
        if self.at > now.saturating_add(SKEW) {
            return Some(format!("marked at {}, which lies in the future", stamp(self.at)));
        }
        if self.mark == Mark::Missed {
            return self.fault_of_missed(predictions);
        }
        if self.prediction_id.is_empty() {
            let is_lost = self.entity_id.is_empty();
            return is_lost.then(|| "names neither a prediction nor an entity".into());
        }
        let id = &self.prediction_id;
        let in_reach = |said: &&Predicted| self.at <= said.cutoff.saturating_add(reach(&said.task));
        let Some(prediction) = predictions.get(id).filter(in_reach) else {
            let what = "is not known to this data root, or older than 35 days before the mark \
                        (100 of capacity)";
            return Some(format!("prediction `{id}` {what}"));
        };
        if self.at < prediction.cutoff {
            let (at, cutoff) = (stamp(self.at), stamp(prediction.cutoff));
            return Some(format!("marked at {at}, before the cutoff {cutoff} of its prediction"));
        }
        if !prediction.was_shown {
            let why = "was computed in a replay or by a challenger: nobody was to act upon it";
            return Some(format!("prediction `{id}` {why}"));
        }
        self.fault_of_subject(prediction)
    }

    /// What a mark says beside the id of a prediction must fit it: otherwise it would label
    /// something that nobody looked at.
    fn fault_of_subject(&self, prediction: &Predicted) -> Option<String> {
        let id = &self.prediction_id;
        if !self.task.is_empty() && self.task != prediction.task {
            let (task, own) = (&self.task, &prediction.task);
            return Some(format!("says task `{task}`, but prediction `{id}` is of `{own}`"));
        }
        let (said, own) = (&self.entity_id, &prediction.entity_id);
        let is_foreign = !said.is_empty() && !concerns(said, own);
        is_foreign.then(|| {
            format!(
                "says entity `{said}`, but prediction `{id}` is of `{own}`: leave the entity out, \
                 or name what stands above or below it"
            )
        })
    }

    fn fault_of_missed(&self, predictions: &Predictions) -> Option<String> {
        if !self.prediction_id.is_empty() {
            return Some("what was missed has no prediction: leave `prediction_id` out".into());
        }
        let is_placed = !self.entity_id.is_empty() && !self.entity_type.is_empty();
        if !is_placed {
            return Some("a missed event needs `entity_type` and `entity_id`".into());
        }
        let is_lost = !self.task.is_empty() && !predictions.knows(&self.task);
        is_lost.then(|| format!("no task `{}` is known to this data root", self.task))
    }
}

/// `2026-03-09T14:00:00Z`.
fn stamp(at: Micros) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: Micros = 1_773_064_800_000_000;

    fn known() -> Predictions {
        Predictions::from([("p1".to_owned(), predicted())])
    }

    fn predicted() -> Predicted {
        Predicted {
            task: "anomaly".into(),
            entity_type: "cell".into(),
            entity_id: "r/A/1".into(),
            cutoff: CUTOFF,
            horizon_s: 0,
            was_shown: true,
        }
    }

    fn said(mark: Mark, at: Micros) -> Statement {
        Statement {
            mark,
            at,
            prediction_id: if mark == Mark::Missed { String::new() } else { "p1".into() },
            incident_id: String::new(),
            entity_type: String::new(),
            entity_id: String::new(),
            task: String::new(),
            person: "Kim".into(),
            text: String::new(),
        }
    }

    #[test]
    fn what_can_be_true_has_no_fault() {
        let now = CUTOFF + 10;
        assert_eq!(said(Mark::Wrong, CUTOFF).fault(&known(), now), None);
        assert_eq!(said(Mark::Done, now + SKEW).fault(&known(), now), None, "clocks differ");
        let by_entity = Statement {
            prediction_id: String::new(),
            entity_id: "r/A".into(),
            ..said(Mark::Done, CUTOFF)
        };
        assert_eq!(by_entity.fault(&known(), now), None);
        for entity in ["r/A/1", "r/A", "r/A/1/fan"] {
            let placed = Statement { entity_id: entity.into(), ..said(Mark::Done, CUTOFF) };
            assert_eq!(placed.fault(&known(), now), None, "{entity}");
        }
    }

    #[test]
    fn what_cannot_be_true_says_why() {
        let fault = |said: Statement| said.fault(&known(), CUTOFF + 10).unwrap_or_default();
        let wrong = || said(Mark::Wrong, CUTOFF);
        let cases = [
            (Statement { prediction_id: "p2".into(), ..wrong() }, "not known to this data root"),
            (Statement { at: CUTOFF - 1, ..wrong() }, "before the cutoff 2026-03-09T14:00:00Z"),
            (Statement { at: CUTOFF + 11 + SKEW, ..wrong() }, "lies in the future"),
            (Statement { task: "capacity".into(), ..wrong() }, "is of `anomaly`"),
            (Statement { entity_id: "r/A/2".into(), ..wrong() }, "is of `r/A/1`"),
            (Statement { entity_id: "r/A/10".into(), ..wrong() }, "is of `r/A/1`"),
            (Statement { entity_id: "r/B".into(), ..wrong() }, "is of `r/A/1`"),
            (Statement { prediction_id: String::new(), ..wrong() }, "neither a prediction"),
            (said(Mark::Missed, CUTOFF), "needs `entity_type` and `entity_id`"),
            (
                Statement {
                    entity_type: "cell".into(),
                    entity_id: "r/A/1".into(),
                    task: "anomalies".into(),
                    ..said(Mark::Missed, CUTOFF)
                },
                "no task `anomalies` is known",
            ),
            (Statement { mark: Mark::Missed, ..wrong() }, "has no prediction"),
        ];
        for (said, expected) in cases {
            let fault = fault(said);
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn what_nobody_was_shown_cannot_be_marked() {
        let hidden = Predicted { was_shown: false, ..predicted() };
        let known = Predictions::from([("p1".to_owned(), hidden)]);
        let fault = said(Mark::Confirmed, CUTOFF).fault(&known, CUTOFF + 10).unwrap_or_default();
        assert!(fault.contains("in a replay or by a challenger"), "{fault}");
    }

    #[test]
    fn what_is_older_than_the_reach_of_a_mark_is_not_its_prediction() {
        for task in ["anomaly", "capacity"] {
            let known =
                Predictions::from([("p1".into(), Predicted { task: task.into(), ..predicted() })]);
            let last = CUTOFF + reach(task);
            assert_eq!(said(Mark::Wrong, last).fault(&known, last), None, "{task}");
            let late = said(Mark::Wrong, last + 1).fault(&known, last + 1).unwrap_or_default();
            assert!(late.contains("or older than 35 days before the mark"), "{task}: {late}");
        }
    }

    #[test]
    fn an_id_is_that_of_what_was_said() {
        let first = said(Mark::Wrong, CUTOFF);
        let reworded = Statement { text: "street festival".into(), ..first.clone() };
        let placed = Statement { entity_id: "r/A/1".into(), ..first.clone() };
        assert_eq!(first.id(), reworded.id());
        assert_eq!(first.id(), placed.id(), "the prediction says which entity it is");
        let others = [
            Statement { at: CUTOFF + 1, ..first.clone() },
            Statement { person: "Lee".into(), ..first.clone() },
            Statement { mark: Mark::Confirmed, ..first.clone() },
            Statement { prediction_id: "p2".into(), ..first.clone() },
        ];
        assert!(others.iter().all(|other| other.id() != first.id()));
        let missed = Statement { entity_id: "a".into(), ..said(Mark::Missed, CUTOFF) };
        let elsewhere = Statement { entity_id: "b".into(), ..missed.clone() };
        assert_ne!(missed.id(), elsewhere.id());
    }
}
