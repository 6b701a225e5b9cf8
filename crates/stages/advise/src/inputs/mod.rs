//! What advise reads, as plain structs.
//!
//! [`Signals`] says what the models and people said about the cutoff; [`Context`] holds the series
//! behind the few entities that became candidates. Reading tables into them is [`read`]'s work;
//! everything else in this crate is a pure function of the two.

mod facts;
mod judged;
mod prediction;
mod series;

pub use facts::{Fact, FactKind, Mark, Verdict};
pub use judged::{Came, Judged, Said};
pub use prediction::{AlertState, Driver, Prediction, Role};
pub use series::{Profile, Sample, Series, SeriesKey, UsualHour};

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    clock::Micros, durations::Lasted, incidents::PriorIncident, network::Network,
    suppressions::Suppression,
};

/// What is said about the cutoff.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// End of the data interval; nothing after it is used.
    pub cutoff: Micros,
    /// The run's clock.
    pub as_of: Micros,
    /// Newest usable predictions of every task, all horizons.
    pub predictions: Vec<Prediction>,
    /// Alert states that belong to these predictions.
    pub alert_states: Vec<AlertState>,
    /// The newest earlier row of every recent incident.
    pub prior: Vec<PriorIncident>,
    /// Inventory and topology.
    pub network: Network,
    /// Alarms, tickets and planned work that hold at the cutoff or begin soon after it.
    pub facts: Vec<Fact>,
    /// Whether the alarm table was there: without it, nothing may be said about silence.
    pub has_alarms: bool,
    /// People's marks.
    pub marks: Vec<Mark>,
    /// What people keep off the lists.
    pub suppressions: Vec<Suppression>,
    /// What earlier lists of the shift named; read only where budgets are by shift.
    pub placed: Vec<Placed>,
    /// Incidents that earlier lists named; read only where a list holds alerts back.
    pub named: BTreeSet<String>,
    /// How long incidents of the last weeks lasted; read only where a list holds alerts back.
    pub lasted: Vec<Lasted>,
}

/// An item of an earlier list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The incident.
    pub incident_id: String,
    /// Task of the list.
    pub task: String,
    /// The team that it was given to.
    pub team: String,
    /// Cutoff of the list.
    pub cutoff: Micros,
}

/// What stands behind the candidates, and what the report adds.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Hourly values of the candidates, their neighbours and their equipment.
    pub hourly: BTreeMap<SeriesKey, Series>,
    /// Daily busy-hour maxima of the forecast candidates.
    pub busy_hours: BTreeMap<SeriesKey, Series>,
    /// What an hour of the week usually looks like.
    pub profiles: BTreeMap<SeriesKey, Profile>,
    /// Metrics of the models that made the predictions, and of their baselines.
    pub evaluations: Vec<Evaluation>,
    /// How complete the data of the interval is.
    pub completeness: Completeness,
    /// Lineage of the inputs: what it is, and the id.
    pub lineage: Vec<(String, String)>,
    /// What people said about predictions of the last weeks.
    pub judged: Judged,
    /// What past lists stated, and what came of it.
    pub came: Vec<Came>,
}

impl Context {
    /// The hourly series of an entity and channel, where it was read.
    pub fn series(&self, entity_id: &str, channel: &str) -> Option<&Series> {
        self.hourly.get(&SeriesKey::new(entity_id, channel))
    }

    /// The profile of an entity and channel, where there is one.
    pub fn profile(&self, entity_id: &str, channel: &str) -> Option<&Profile> {
        self.profiles.get(&SeriesKey::new(entity_id, channel))
    }
}

/// One row of `evaluations`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// Task of the model.
    pub task: String,
    /// The evaluated model.
    pub model_id: String,
    /// `gate` or `test`, and a group.
    pub slice: String,
    /// Metric.
    pub metric: String,
    /// Point value.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// The baseline whose number this is; `None` for the model's own.
    pub baseline: Option<String>,
    /// Samples behind it.
    pub samples: Option<i64>,
    /// PASS, FAIL or INSUFFICIENT, on the deciding rows.
    pub verdict: Option<String>,
}

/// How complete the data behind the report is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completeness {
    /// Ledger rows of the last day by state: taken, duplicate, quarantined, missing; of a file that
    /// could not be read and its copies one.
    pub ledger: BTreeMap<String, u64>,
    /// Elements with missing periods, and how many.
    pub missing_by_element: BTreeMap<String, u64>,
    /// Failed rules: rule, scope, severity, what was seen.
    pub failed_rules: Vec<FailedRule>,
}

impl Completeness {
    /// Share of the expected files that were taken; `None` where nothing was expected.
    pub fn taken_share(&self) -> Option<f64> {
        let of = |state: &str| self.ledger.get(state).copied().unwrap_or(0) as f64;
        let expected = of("taken") + of("quarantined") + of("missing");
        (expected > 0.0).then(|| of("taken") / expected)
    }
}

/// A quality rule that failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailedRule {
    /// Rule.
    pub rule: String,
    /// Element, object or region.
    pub scope: String,
    /// info, warn, null_rows or halt.
    pub severity: String,
    /// Rows or values that failed.
    pub failed: u64,
    /// What was seen and expected.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_do_not_count_as_expected() {
        let ledger = [("taken", 90), ("duplicate", 50), ("missing", 10)];
        let completeness = Completeness {
            ledger: ledger.map(|(state, n)| (state.to_owned(), n)).into(),
            ..Completeness::default()
        };
        assert_eq!(completeness.taken_share(), Some(0.9));
        assert_eq!(Completeness::default().taken_share(), None);
    }
}
