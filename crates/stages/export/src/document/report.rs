//! What every `MDAReport` of TS 28.104 has around what it says.

use foresite_tables::Micros;
use serde_json::{Value as Json, json};

use crate::config::Terms;
use crate::moment::stamp;

/// A report of one output.
pub(super) struct MdaReport<'a> {
    pub(super) id: String,
    /// What the task is called in the standard.
    pub(super) terms: &'a Terms,
    /// What is said.
    pub(super) value: Json,
    /// The span that it is about.
    pub(super) window: [Micros; 2],
    /// Probability, 0 to 1.
    pub(super) confidence: Option<f64>,
    /// What the standard has no member for.
    pub(super) own: Json,
}

impl From<MdaReport<'_>> for Json {
    fn from(report: MdaReport<'_>) -> Self {
        let [start, end] = report.window.map(stamp);
        json!({
            "mDAReportID": report.id,
            "mDAOutputs": [{
                "mDAType": report.terms.output.mda_type(),
                "mDAOutputList": [{
                    "mDAOutputIEName": report.terms.output.element(),
                    "mDAOutputIEValue": report.value,
                }],
                "analyticsWindow": { "mDAOutputStartTime": start, "mDAOutputEndTime": end },
                "confidenceDegree": report.confidence,
            }],
            "foresite": report.own,
        })
    }
}
