//! `predictions.json`: each prediction that no incident rests on as an `MDAReport` of TS 28.104.
//!
//! Nobody decided that there is an issue: `issueID` is the prediction's own, and one statement has no
//! trend.

use serde_json::{Value as Json, json};

use super::mda::{cause, graded, prediction};
use super::report::MdaReport;
use super::{Document, Header, Sheet};
use crate::beside::Beside;
use crate::config::{Config, Output, Terms};
use crate::moment::stamp;
use crate::names::Names;
use crate::predictions::Prediction;

/// Name of the document.
pub(crate) const NAME: &str = "predictions";

/// The trend of a single statement.
const TREND: &str = "NO_CHANGE";

/// The document.
pub(crate) fn document(
    header: &Header<'_>,
    config: &Config,
    beside: &Beside,
    names: &Names,
) -> Document {
    let mut own = header.json(NAME);
    if let Some(count) = beside.left_out {
        own["leftOut"] = json!(count);
    }
    let mut sheet = Sheet::begin(&own);
    let rows = beside.rows.iter().filter_map(|(task, row)| Some((config.terms(task)?, row)));
    sheet.list("mDAReports", rows.map(|(terms, row)| report((config, names), terms, row)));
    sheet.end(NAME)
}

fn report((config, names): (&Config, &Names), terms: &Terms, row: &Prediction) -> Json {
    let probability = row.probability.filter(|value| (0.0..=1.0).contains(value));
    let severity = graded(probability, config.severities);
    let value = match terms.output {
        Output::FailurePrediction => failure(terms, (row, names), severity),
        Output::TrafficCongestion => congestion((row, names), severity),
    };
    MdaReport {
        id: row.prediction_id.clone(),
        terms,
        value,
        window: [row.cutoff, row.cutoff.saturating_add(row.horizon)],
        confidence: probability,
        own: json!({
            "task": terms.task,
            "entityId": row.entity_id,
            "prediction": prediction(row, names),
        }),
    }
    .into()
}

fn failure(terms: &Terms, (row, names): (&Prediction, &Names), severity: &str) -> Json {
    json!({
        "failurePredictionObject": [names.of(&row.entity_id)],
        "potentialFailureType": terms.failure_type,
        "potentialFailureCause": cause(None, &[row]),
        "eventTime": row.event[1].map(stamp),
        "issueID": row.prediction_id,
        "issueDomain": terms.issue_domain,
        "perceivedSeverity": severity,
        "trendIndication": TREND,
    })
}

/// TS 28.104 names the type; the members below it are ours.
fn congestion((row, names): (&Prediction, &Names), severity: &str) -> Json {
    let [earliest, median, latest] = row.event.map(|at| at.map(stamp));
    json!({
        "foresite": {
            "objects": [names.of(&row.entity_id)],
            "issueId": row.prediction_id,
            "earliestTime": earliest,
            "medianTime": median,
            "latestTime": latest,
            "perceivedSeverity": severity,
            "trendIndication": TREND,
        },
    })
}
