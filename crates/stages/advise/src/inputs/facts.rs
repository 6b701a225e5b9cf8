//! What people and equipment already said: alarms, tickets, planned work, marks.

use crate::clock::{self, Micros};

/// Where a fact comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// An alarm that was raised and not cleared.
    Alarm,
    /// A trouble ticket that was opened and not closed.
    Ticket,
    /// Work that was announced.
    PlannedWork,
}

/// Something already known at the cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Where it comes from.
    pub kind: FactKind,
    /// Identifier of the alarm or ticket.
    pub id: String,
    /// The entity concerned.
    pub entity_id: String,
    /// Raised, opened, or start of the work.
    pub from: Micros,
    /// End of the work; `None` where nobody knows.
    pub until: Option<Micros>,
    /// Perceived severity, of an alarm.
    pub severity: Option<String>,
    /// Alarm name, coded cause or free text.
    pub text: String,
}

impl Fact {
    /// Whether it holds at `at`.
    pub fn holds_at(&self, at: Micros) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// One line for people: `MAJOR alarm “Mains failure” on N001 · rectifier since 9 Mar 04:00 CET`.
    pub fn sentence(&self, label: &str, zone: &jiff::tz::TimeZone) -> String {
        let from = clock::local_stamp(self.from, zone);
        let text =
            if self.text.is_empty() { String::new() } else { format!(" “{}”", self.text) };
        match self.kind {
            FactKind::Alarm => {
                let severity = self.severity.as_deref().unwrap_or("Active");
                format!("{severity} alarm{text} on {label} since {from}")
            }
            FactKind::Ticket => format!("Ticket {}{text} on {label} since {from}", self.id),
            FactKind::PlannedWork => {
                let until = self
                    .until
                    .map(|until| format!(" to {}", clock::local_stamp(until, zone)))
                    .unwrap_or_default();
                format!("Planned work {}{text} on {label}, {from}{until}", self.id)
            }
        }
    }
}

/// What a person said about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was right.
    Confirmed,
    /// It was wrong.
    Wrong,
    /// It has been dealt with.
    Done,
}

impl Verdict {
    /// The verdict that `feedback.fact` names; `None` for `missed`, which marks no item.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "confirmed" => Some(Self::Confirmed),
            "wrong" => Some(Self::Wrong),
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

/// A person's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The prediction that was marked, where one was.
    pub prediction_id: Option<String>,
    /// The entity that was marked.
    pub entity_id: Option<String>,
    /// Task of the prediction; `None` where the mark names none.
    pub task: Option<String>,
    /// What the person said.
    pub verdict: Verdict,
    /// Who.
    pub person: Option<String>,
    /// When.
    pub at: Micros,
}

impl Mark {
    /// Whether it counts for the task: what names a task is about that one alone.
    pub fn is_about(&self, task: &str) -> bool {
        self.task.as_deref().is_none_or(|own| own == task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn planned_work_holds_in_its_window_only() {
        let work = Fact {
            kind: FactKind::PlannedWork,
            id: "P-7".into(),
            entity_id: "r/A".into(),
            from: HOUR,
            until: Some(3 * HOUR),
            severity: None,
            text: "Antenna swap".into(),
        };
        assert!(!work.holds_at(0) && work.holds_at(HOUR) && !work.holds_at(3 * HOUR));
        assert_eq!(
            work.sentence("A", &jiff::tz::TimeZone::UTC),
            "Planned work P-7 “Antenna swap” on A, 1 Jan 01:00 UTC to 1 Jan 03:00 UTC"
        );
    }
}
