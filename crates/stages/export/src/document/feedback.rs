//! `feedback.json`: marks as `AnalyticsFeedbackInfo` of TS 29.520, and how often people agreed as
//! `AccuracyInfo`.

use std::collections::BTreeSet;

use foresite_schema::marks::Mark;
use foresite_stage::Interval;
use serde_json::{Value as Json, json};

use super::{Document, Header, Sheet};
use crate::config::Config;
use crate::marks::{Agreement, Said, agreement};
use crate::moment::stamp;
use crate::names::Names;

/// Name of the document.
pub(crate) const NAME: &str = "feedback";

/// The document. The marks named by `uncounted` are told, but say nothing about the accuracy.
pub(crate) fn document(
    header: &Header<'_>,
    config: &Config,
    (marks, uncounted): (&[Said], &BTreeSet<String>),
    names: &Names,
) -> Document {
    let mut sheet = Sheet::begin(&header.json(NAME));
    let new = marks.iter().filter(|said| is_new(said, header.interval));
    sheet.list("analyticsFeedbackInfos", new.map(|said| feedback(config, names, said)));
    let counted = marks.iter().filter(|said| !uncounted.contains(&said.feedback_id));
    let agreement = agreement(counted);
    let judged = agreement.iter().filter(|(_, of)| of.right + of.wrong > 0);
    sheet.list("accuracyInfos", judged.map(|(task, of)| accuracy(config, task, of)));
    sheet.end(NAME)
}

/// Whether a mark became known in the interval.
pub(crate) fn is_new(said: &Said, interval: Interval) -> bool {
    interval.start <= said.known_at
}

fn feedback(config: &Config, names: &Names, said: &Said) -> Json {
    let terms = said.task.as_deref().and_then(|task| config.terms(task));
    let people = config.name_people;
    json!({
        "actionTimes": [stamp(said.at)],
        "usedAnaTypes": terms.map(|terms| [terms.analytics_type]),
        // What was dealt with can no longer fail: the ground truth is another one.
        "impactInd": said.mark == Mark::Done,
        "foresite": {
            "feedbackId": said.feedback_id,
            "mark": said.mark.word(),
            "task": said.task,
            "predictionId": said.prediction_id,
            "incidentId": said.incident_id,
            "object": said.entity_id.as_deref().map(|id| names.of(id)),
            "knownAt": stamp(said.known_at),
            "person": said.person.as_deref().filter(|_| people),
            "text": said.text.as_deref().filter(|_| people),
        },
    })
}

fn accuracy(config: &Config, task: &str, of: &Agreement) -> Json {
    let judged = of.right + of.wrong;
    let terms = config.terms(task);
    json!({
        // A whole percentage, as the type asks for.
        "accuracyVal": (200 * of.right + judged) / (2 * judged),
        "accuSampleNbr": judged,
        "foresite": {
            "task": task,
            "analyticsType": terms.map(|terms| terms.analytics_type),
            "days": config.accuracy_days,
            "disputed": of.disputed,
            "missed": of.missed,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_to_whole_percentages() {
        for (right, wrong, percent) in [(2, 1, 67), (1, 2, 33), (1, 0, 100), (0, 4, 0)] {
            let of = Agreement { right, wrong, ..Agreement::default() };
            let json = accuracy(&Config::default(), "anomaly", &of);
            assert_eq!(json["accuracyVal"], percent);
        }
    }
}
