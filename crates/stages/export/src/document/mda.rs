//! `mda-reports.json`: each incident of the interval's lists as an `MDAReport` of TS 28.104.

use std::collections::BTreeMap;

use foresite_tables::Micros;
use serde_json::{Value as Json, json};

use super::report::MdaReport;
use super::{Document, Header, Sheet};
use crate::config::{Config, Output, Severities, Terms};
use crate::incidents::{Incident, Item};
use crate::moment::stamp;
use crate::names::Names;
use crate::predictions::Prediction;

/// Name of the document.
pub(crate) const NAME: &str = "mda-reports";

/// What the reports are made of.
pub(crate) struct Said<'a> {
    pub(crate) config: &'a Config,
    pub(crate) incidents: &'a [Incident],
    pub(crate) predictions: &'a BTreeMap<String, Prediction>,
    pub(crate) names: &'a Names,
}

/// The document.
pub(crate) fn document(header: &Header<'_>, said: &Said<'_>) -> Document {
    let mut sheet = Sheet::begin(&header.json(NAME));
    let terms = |incident: &&Incident| said.config.terms(&incident.task).cloned();
    let known = said.incidents.iter().filter_map(|incident| Some((incident, terms(&incident)?)));
    sheet.list("mDAReports", known.map(|(incident, terms)| said.report(incident, &terms)));
    sheet.end(NAME)
}

impl Said<'_> {
    fn report(&self, incident: &Incident, terms: &Terms) -> Json {
        let behind: Vec<&Prediction> =
            incident.members.iter().filter_map(|id| self.predictions.get(id)).collect();
        let value = match terms.output {
            Output::FailurePrediction => self.failure(incident, terms, &behind),
            Output::TrafficCongestion => self.congestion(incident, &behind),
        };
        let start = behind.iter().map(|row| row.cutoff).min().unwrap_or(incident.cutoff);
        let ends = behind.iter().map(|row| row.cutoff.saturating_add(row.horizon));
        let end = ends.max().unwrap_or(incident.cutoff);
        MdaReport {
            id: format!("{}@{}", incident.incident_id, stamp(incident.cutoff)),
            terms,
            value,
            window: [start, end],
            confidence: incident.probability(),
            own: self.own(incident, &behind),
        }
        .into()
    }

    fn failure(&self, incident: &Incident, terms: &Terms, behind: &[&Prediction]) -> Json {
        json!({
            "failurePredictionObject": self.objects(incident),
            "potentialFailureType": terms.failure_type,
            "potentialFailureCause": cause(incident.known_cause(self.config), behind),
            "eventTime": event_time(incident, behind).map(stamp),
            "issueID": incident.incident_id,
            "issueDomain": terms.issue_domain,
            "perceivedSeverity": severity(incident, self.config.severities),
            "trendIndication": trend(&incident.state),
            "recommendedActions": actions(incident),
        })
    }

    /// TS 28.104 names the type; the members below it are ours.
    fn congestion(&self, incident: &Incident, behind: &[&Prediction]) -> Json {
        let item = incident.item.as_ref();
        let event = |at: usize| {
            let listed = item.and_then(|item| item.event[at]);
            listed.or_else(|| behind.iter().find_map(|row| row.event[at])).map(stamp)
        };
        json!({
            "foresite": {
                "objects": self.objects(incident),
                "issueId": incident.incident_id,
                "limitingResource": item.and_then(|item| item.limiting_resource.as_deref()),
                "earliestTime": event(0),
                "medianTime": event(1),
                "latestTime": event(2),
                "perceivedSeverity": severity(incident, self.config.severities),
                "trendIndication": trend(&incident.state),
                "recommendedActions": actions(incident),
            },
        })
    }

    /// The entities concerned; what they share is `entityId` under `foresite`.
    fn objects(&self, incident: &Incident) -> Vec<String> {
        if incident.member_entities.is_empty() {
            return vec![self.names.of(&incident.entity_id)];
        }
        incident.member_entities.iter().map(|id| self.names.of(id)).collect()
    }

    fn own(&self, incident: &Incident, behind: &[&Prediction]) -> Json {
        let item = incident.item.as_ref();
        let text = |of: fn(&Item) -> Option<&str>| item.and_then(of);
        json!({
            "task": incident.task,
            "cutoff": stamp(incident.cutoff),
            "entityType": incident.entity_type,
            "entityId": incident.entity_id,
            "state": incident.state,
            "firstSeenAt": incident.first_seen_at.map(stamp),
            "knownCause": incident.known_cause(self.config),
            "rank": item.and_then(|item| item.rank),
            "leftOut": text(|item| item.left_out.as_deref()).filter(|_| self.config.name_people),
            "leftOutCode": text(|item| item.left_out_code.as_deref()),
            "title": text(|item| item.title.as_deref()),
            "evidence": item.map(|item| evidence(item, self.config)),
            "actBefore": item.and_then(|item| item.act_before).map(stamp),
            "modelRole": text(|item| item.model_role.as_deref()),
            "predictions": behind.iter().map(|row| prediction(row, self.names)).collect::<Vec<_>>(),
        })
    }
}

/// A prediction as Foresite knows it.
pub(super) fn prediction(row: &Prediction, names: &Names) -> Json {
    let [low, median, high] = row.value;
    json!({
        "predictionId": row.prediction_id,
        "modelId": row.model_id,
        "object": names.of(&row.entity_id),
        "cutoff": stamp(row.cutoff),
        "horizonSeconds": row.horizon / crate::moment::SECOND,
        "score": row.score,
        "pValue": row.p_value,
        "probability": row.probability,
        "low": low,
        "median": median,
        "high": high,
        "inferenceExplanationInfo": row.drivers,
        "notScored": row.not_scored,
    })
}

impl Incident {
    fn probability(&self) -> Option<f64> {
        let listed = self.item.as_ref().and_then(|item| item.probability);
        listed.filter(|value| (0.0..=1.0).contains(value))
    }

    /// What explains it already: the words of tickets and marks, which may name people.
    fn known_cause(&self, config: &Config) -> Option<&str> {
        self.known_cause.as_deref().filter(|_| config.name_people)
    }
}

/// The sentences of a list, without those that quote alarms, tickets and planned work.
fn evidence<'i>(item: &'i Item, config: &Config) -> Vec<&'i str> {
    const QUOTES: [&str; 2] = ["Beside it:", "Already known:"];
    let quotes = |sentence: &str| QUOTES.iter().any(|words| sentence.starts_with(words));
    let sentences = item.evidence.iter().map(String::as_str);
    sentences.filter(|sentence| config.name_people || !quotes(sentence)).collect()
}

/// What explains it already, otherwise what the model names first: a class of causes where it has
/// them, or the measure that moved the score most.
pub(super) fn cause(known: Option<&str>, behind: &[&Prediction]) -> Option<String> {
    let named = |driver: &String| {
        let name = driver.split_once('=').map_or(driver.as_str(), |(name, _)| name);
        let is_cause = name.starts_with("cause:");
        (!is_cause, name.trim_start_matches("cause:").trim().to_owned())
    };
    let drivers =
        || behind.iter().find_map(|row| row.drivers.iter().map(named).min_by_key(|n| n.0));
    let known = known.map(str::to_owned);
    known.or_else(|| Some(drivers()?.1)).filter(|cause| !cause.is_empty())
}

/// When it comes: the date that the model gives; for what is seen already, since when.
fn event_time(incident: &Incident, behind: &[&Prediction]) -> Option<Micros> {
    let listed = incident.item.as_ref().and_then(|item| item.event[1]);
    let said = || behind.iter().filter_map(|row| row.event[1]).min();
    let is_now = !behind.is_empty() && behind.iter().all(|row| row.horizon == 0);
    listed.or_else(said).or_else(|| incident.first_seen_at.filter(|_| is_now))
}

fn severity(incident: &Incident, from: Severities) -> &'static str {
    if incident.state == "closed" {
        return "CLEARED";
    }
    graded(incident.probability(), from)
}

/// The severity of a probability.
pub(super) fn graded(probability: Option<f64>, from: Severities) -> &'static str {
    match probability {
        None => "INDETERMINATE",
        Some(value) if value >= from.critical => "CRITICAL",
        Some(value) if value >= from.major => "MAJOR",
        Some(value) if value >= from.minor => "MINOR",
        Some(_) => "WARNING",
    }
}

fn trend(state: &str) -> &'static str {
    match state {
        "worse" => "MORE_SEVERE",
        "better" | "closed" => "LESS_SEVERE",
        _ => "NO_CHANGE",
    }
}

/// The one thing that the lists tell people to do: to act in time.
fn actions(incident: &Incident) -> Option<Json> {
    let before = incident.item.as_ref()?.act_before?;
    let text = format!("act before {}", stamp(before));
    Some(json!([{"recommendedHumanReadableActions": [text]}]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(state: &str, probability: Option<f64>) -> Incident {
        let item = Item { probability, ..Item::default() };
        Incident { state: state.into(), item: Some(item), ..Incident::default() }
    }

    #[test]
    fn severity_follows_the_probability() {
        let cases = [
            ("new", Some(0.8), "CRITICAL"),
            ("new", Some(0.5), "MAJOR"),
            ("worse", Some(0.2), "MINOR"),
            ("new", Some(0.0), "WARNING"),
            ("new", None, "INDETERMINATE"),
            ("new", Some(1.5), "INDETERMINATE"),
            ("closed", Some(0.9), "CLEARED"),
        ];
        for (state, probability, word) in cases {
            assert_eq!(severity(&incident(state, probability), Severities::default()), word);
        }
    }

    #[test]
    fn a_known_cause_comes_first_then_a_class_then_the_first_measure() {
        let drivers = ["temperature_c=0.5 (41, 30)", "cause:fan=0.3"].map(str::to_owned).to_vec();
        let row = Prediction { drivers, ..Prediction::default() };
        assert_eq!(cause(None, &[&row]).as_deref(), Some("fan"));
        assert_eq!(cause(Some("planned work"), &[&row]).as_deref(), Some("planned work"));
        let row = Prediction { drivers: vec!["x=0.1".into(), "y=0.1".into()], ..row };
        assert_eq!(cause(None, &[&row]).as_deref(), Some("x"));
        assert_eq!(cause(None, &[]), None);
    }
}
