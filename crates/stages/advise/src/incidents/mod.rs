//! Incidents: alerts that belong together, under an id that is stable over runs.

mod absorbing;
mod grouping;
mod identity;

use std::collections::{BTreeMap, BTreeSet};

pub use absorbing::absorbing;
pub use grouping::{Group, group};
pub use identity::{Identified, Run, identify, incident_id};

use crate::{candidates::Candidate, clock::Micros};

/// What changed since the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Seen for the first time.
    New,
    /// More members or surer than before, or back after it had closed.
    Worse,
    /// About as before.
    Ongoing,
    /// Fewer members or less sure than before.
    Better,
    /// Its entities were scored and alert no longer.
    Closed,
    /// No alert at all, but drawn at random to be looked at.
    Check,
}

impl Change {
    /// The word in tables and in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Ongoing => "ongoing",
            Self::Better => "better",
            Self::Closed => "closed",
            Self::Check => "check",
        }
    }

    /// The change that `incidents.state` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::New, Self::Worse, Self::Ongoing, Self::Better, Self::Closed, Self::Check]
            .into_iter()
            .find(|change| change.word() == word)
    }
}

/// One incident at the cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Stable over runs.
    pub incident_id: String,
    /// Task that raised it.
    pub task: String,
    /// The entity, or what the members share.
    pub entity_id: String,
    /// Its type.
    pub entity_type: String,
    /// The alerts that belong to it; empty when it closed or could not be judged.
    pub members: Vec<Candidate>,
    /// Entities of the members that only carry what the others lost.
    pub absorbing: BTreeSet<String>,
    /// All entities that belong to it.
    pub member_entities: BTreeSet<String>,
    /// Prediction ids, the earlier run's where it has no members now.
    pub prediction_ids: Vec<String>,
    /// Cutoff that first raised it.
    pub first_seen_at: Micros,
    /// What changed since the last run.
    pub change: Change,
    /// Expected number of affected entities: the sum of the members' probabilities.
    pub level: f64,
    /// False when an entity could not be scored, so that nobody knows whether it still holds.
    pub is_confirmed: bool,
    /// Of a check: the probability with which it was drawn.
    pub inclusion: Option<f64>,
}

impl Incident {
    /// The members that lost something, not those that merely carry it.
    pub fn affected(&self) -> impl Iterator<Item = &Candidate> {
        self.members.iter().filter(|member| !self.absorbing.contains(&member.entity_id))
    }

    /// The alerting entities that it stands for beside its own entity.
    pub fn children(&self) -> impl Iterator<Item = &String> {
        self.member_entities.iter().filter(|entity| **entity != self.entity_id)
    }

    /// Whether it is no alert, but was drawn at random.
    pub fn is_check(&self) -> bool {
        self.change == Change::Check
    }

    /// When the first alert of it opened.
    pub fn onset(&self) -> Micros {
        self.members.iter().map(|member| member.onset).min().unwrap_or(self.first_seen_at)
    }

    /// Probability of the surest member.
    pub fn probability(&self) -> f64 {
        self.affected().map(|member| member.probability).fold(0.0, f64::max)
    }

    /// The surest member; ties go to the smaller id.
    pub fn lead(&self) -> Option<&Candidate> {
        self.affected().reduce(
            |best, next| {
                if next.probability > best.probability { next } else { best }
            },
        )
    }
}

/// The newest row of an incident before this run.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorIncident {
    /// Its id.
    pub incident_id: String,
    /// Task that raised it.
    pub task: String,
    /// The entity, or what the members share.
    pub entity_id: String,
    /// Its type.
    pub entity_type: String,
    /// Entities that belonged to it.
    pub member_entities: BTreeSet<String>,
    /// Prediction ids behind it.
    pub prediction_ids: Vec<String>,
    /// Prediction ids of all its rows so far, by cutoff: a mark may name one of any run.
    pub said_before: BTreeMap<Micros, Vec<String>>,
    /// Cutoff of the row.
    pub cutoff: Micros,
    /// Cutoff that first raised it.
    pub first_seen_at: Micros,
    /// Its state then.
    pub change: Change,
    /// Its level then.
    pub level: f64,
}
