//! What is exported, and the standards' word for each task.

use std::collections::BTreeSet;
use std::num::NonZero;

use serde::{Deserialize, Serialize};

/// `predictions_<task>` keeps its rows for so many days: what lies before says nothing of what is
/// exported.
const KEPT_DAYS: u32 = 395;

/// Configuration of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The tasks whose incidents, predictions and models are exported, and their terms.
    pub tasks: Vec<Terms>,
    /// Roles of the models that may be heard. What a provisional one says was never good enough.
    pub roles: Vec<Role>,
    /// Probabilities from which an item is critical, major or minor; below it is a warning.
    pub severities: Severities,
    /// How many days before the interval a prediction may lie that a list of it names, 395 at most.
    pub prediction_days: NonZero<u32>,
    /// Days of marks behind the accuracy of a task, and days in which a model was last looked back
    /// at, 395 at most.
    pub accuracy_days: NonZero<u32>,
    /// Rows that one file may be made of; it bounds the memory of the stage.
    pub most_rows: NonZero<usize>,
    /// Predictions of each task that are exported beside those of its incidents, the likeliest ones;
    /// 0 = none.
    pub most_predictions: usize,
    /// Whether people's names and words are exported: who marked what and why, and the texts of
    /// tickets, alarms and planned work that a list quotes.
    pub name_people: bool,
}

/// The words of the standards for one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The task.
    pub task: String,
    /// Which output of TS 28.104 its incidents become.
    pub output: Output,
    /// `potentialFailureType` of a failure prediction; null = none.
    pub failure_type: Option<FailureType>,
    /// `issueDomain` of a failure prediction.
    pub issue_domain: IssueDomain,
    /// Analytics type of TS 29.520 that its feedback is about.
    pub analytics_type: AnalyticsType,
    /// Realised metric of `performance` that is the model's `deviation`; null = none.
    pub deviation: Option<String>,
}

/// An analytics output of TS 28.104.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// `MDA_ASSISTED_FAULT_MANAGEMENT_FAILURE_PREDICTION`.
    FailurePrediction,
    /// `SLS_ANALYSIS_TRAFFIC_CONGESTION_PREDICTION_ANALYSIS`.
    TrafficCongestion,
}

impl Output {
    /// The value of `mDAType`.
    pub(crate) fn mda_type(self) -> &'static str {
        match self {
            Self::FailurePrediction => "MDA_ASSISTED_FAULT_MANAGEMENT_FAILURE_PREDICTION",
            Self::TrafficCongestion => "SLS_ANALYSIS_TRAFFIC_CONGESTION_PREDICTION_ANALYSIS",
        }
    }

    /// The value of `mDAOutputIEName`.
    pub(crate) fn element(self) -> &'static str {
        match self {
            Self::FailurePrediction => "FailurePredictionOutput",
            Self::TrafficCongestion => "TrafficCongestionPredictionOutput",
        }
    }
}

/// Roles in which a model's statements reach a worklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Passed its gate.
    Champion,
    /// Serves because there is nothing better.
    Provisional,
}

impl Role {
    /// The word in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Provisional => "provisional",
        }
    }
}

/// Alarm types of X.733 as 3GPP writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the words of the standard
pub enum FailureType {
    CommunicationsAlarm,
    QualityOfServiceAlarm,
    ProcessingErrorAlarm,
    EquipmentAlarm,
    EnvironmentalAlarm,
}

/// Where the issue lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the words of the standard
pub enum IssueDomain {
    RanIssue,
    CnIssue,
    Unknown,
}

/// Analytics types of TS 29.520 that tell of radio networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the words of the standard
pub enum AnalyticsType {
    AbnormalBehaviour,
    NetworkPerformance,
    NfLoad,
    QosSustainability,
    SliceLoadLevel,
    UserDataCongestion,
}

/// Probabilities from which a severity holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Severities {
    /// From here on CRITICAL.
    pub critical: f64,
    /// From here on MAJOR.
    pub major: f64,
    /// From here on MINOR.
    pub minor: f64,
}

impl Default for Severities {
    fn default() -> Self {
        Self { critical: 0.8, major: 0.5, minor: 0.2 }
    }
}

impl Default for Config {
    fn default() -> Self {
        let terms = |task: &str, output, failure_type, analytics_type, deviation: Option<&str>| {
            let deviation = deviation.map(str::to_owned);
            let issue_domain = IssueDomain::RanIssue;
            let task = task.to_owned();
            Terms { task, output, failure_type, issue_domain, analytics_type, deviation }
        };
        let (failure, congestion) = (Output::FailurePrediction, Output::TrafficCongestion);
        let service = Some(FailureType::QualityOfServiceAlarm);
        let equipment = Some(FailureType::EquipmentAlarm);
        let [behaviour, network, load] = [
            AnalyticsType::AbnormalBehaviour,
            AnalyticsType::NetworkPerformance,
            AnalyticsType::UserDataCongestion,
        ];
        Self {
            tasks: vec![
                terms("anomaly", failure, service, behaviour, None),
                terms("maintenance", failure, equipment, network, Some("brier")),
                terms("capacity", congestion, None, load, Some("mae")),
            ],
            roles: vec![Role::Champion],
            severities: Severities::default(),
            prediction_days: NonZero::<u32>::MIN.saturating_add(6),
            accuracy_days: NonZero::<u32>::MIN.saturating_add(27),
            most_rows: NonZero::<usize>::MIN.saturating_add(99_999),
            most_predictions: 10_000,
            name_people: false,
        }
    }
}

impl Config {
    /// What is wrong with the values, if anything: the path and the rule it breaks.
    pub(crate) fn fault(&self) -> Option<String> {
        let Severities { critical, major, minor } = self.severities;
        let falls = 1.0 >= critical && critical >= major && major >= minor && minor >= 0.0;
        if !falls {
            return Some("severities: must fall from critical to minor between 1 and 0".into());
        }
        let days =
            [("prediction_days", self.prediction_days), ("accuracy_days", self.accuracy_days)];
        if let Some((name, days)) = days.into_iter().find(|(_, days)| days.get() > KEPT_DAYS) {
            return Some(format!(
                "{name}: must be from 1 to {KEPT_DAYS} (predictions are kept no longer), got {days}"
            ));
        }
        let mut seen = BTreeSet::new();
        for (at, terms) in self.tasks.iter().enumerate() {
            let name = &terms.task;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Some(format!(
                    "tasks[{at}].task: `{name}`: must be a name of letters, digits and `_`"
                ));
            }
            if !seen.insert(name) {
                return Some(format!("tasks: task `{name}` stands twice"));
            }
        }
        None
    }

    /// Whether a model in that role may be heard.
    pub(crate) fn hears(&self, role: &str) -> bool {
        self.roles.iter().any(|heard| heard.word() == role)
    }

    /// The terms of a task.
    pub(crate) fn terms(&self, task: &str) -> Option<&Terms> {
        self.tasks.iter().find(|terms| terms.task == task)
    }
}

#[cfg(test)]
mod tests {
    use foresite_schema::Keep;
    use foresite_schema::catalog::outcome;

    use super::*;

    #[test]
    fn no_more_days_are_looked_back_than_predictions_are_kept() {
        assert_eq!(outcome::predictions("toy").keep, Keep::Days(KEPT_DAYS));
    }

    #[test]
    fn the_defaults_hold() {
        assert_eq!(Config::default().fault(), None);
        assert_eq!(Config::default().prediction_days.get(), 7);
        assert_eq!(Config::default().accuracy_days.get(), 28);
    }

    #[test]
    fn faults_name_their_place() {
        let mut config = Config::default();
        config.tasks[1].task = "../x".into();
        assert!(config.fault().unwrap().starts_with("tasks[1].task: `../x`"));
        config.tasks[1].task = "anomaly".into();
        assert_eq!(config.fault().as_deref(), Some("tasks: task `anomaly` stands twice"));
        let mut config = Config::default();
        config.severities.minor = f64::NAN;
        assert!(config.fault().unwrap().starts_with("severities:"));
        let days = |count| NonZero::<u32>::new(count).unwrap();
        let config = Config { accuracy_days: days(395), ..Config::default() };
        assert_eq!(config.fault(), None);
        let config = Config { prediction_days: days(396), ..config };
        assert_eq!(
            config.fault().as_deref(),
            Some(
                "prediction_days: must be from 1 to 395 (predictions are kept no longer), got 396"
            )
        );
    }
}
