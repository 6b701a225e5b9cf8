//! Why an incident is not on a list: a word for programs, a sentence for people.

use std::fmt;
use std::ops::Deref;

/// Why an incident is not on a list, as `worklist.left_out_code` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A person decided that it be left out for a while.
    Suppressed,
    /// An active alarm explains it.
    Alarm,
    /// An open ticket explains it.
    Ticket,
    /// Planned work explains it.
    PlannedWork,
    /// A person marked it wrong or dealt with.
    Marked,
    /// Its data did not arrive.
    NotScored,
    /// Alerts like it mostly end by themselves before anybody could act.
    SelfClearing,
    /// It was less urgent than what has a place.
    OverBudget,
}

impl Code {
    /// All of them, in the order in which they decide.
    pub const ALL: [Self; 8] = [
        Self::Suppressed,
        Self::Alarm,
        Self::Ticket,
        Self::PlannedWork,
        Self::Marked,
        Self::NotScored,
        Self::SelfClearing,
        Self::OverBudget,
    ];

    /// The word in tables and results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Alarm => "alarm",
            Self::Ticket => "ticket",
            Self::PlannedWork => "planned_work",
            Self::Marked => "marked",
            Self::NotScored => "not_scored",
            Self::SelfClearing => "self_clearing",
            Self::OverBudget => "over_budget",
        }
    }

    /// The reason in a count for people: `3 over budget`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Alarm => "known by an alarm",
            Self::Ticket => "known by a ticket",
            Self::PlannedWork => "in planned work",
            Self::Marked => "marked by people",
            Self::NotScored => "not scored",
            Self::SelfClearing => "held back as self-clearing",
            Self::OverBudget => "below the budget",
        }
    }
}

/// The reason of one incident. It reads as its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// For programs.
    pub code: Code,
    /// For people.
    pub text: String,
}

impl LeftOut {
    /// A reason.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl Deref for LeftOut {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}
