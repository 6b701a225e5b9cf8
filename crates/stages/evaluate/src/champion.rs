//! A new model beside the one that serves, on the same rows.

use foresite_datasets::measure::{self, Comparison, Measured, Verdict};
use foresite_datasets::{Data, Fitted, Package, SampleSet, registry_error};
use foresite_features::task::SliceName;
use foresite_registry::{Folder, model_path};
use foresite_stage::{Context, ErrorKind, Result};
use serde_json::{Value, json};

use crate::Config;

/// What the gate slice says of the two.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The difference in loss, row by row; `None` where the head has no loss, or they do not compare.
    pub(crate) comparison: Option<Comparison>,
    /// Of a detector that serves, which has no loss: what can be measured of it without truth.
    pub(crate) serving: Option<Serving>,
    /// Why the model that serves cannot be read, and so is not compared at all.
    pub(crate) unreadable: Option<String>,
    /// Why the model that serves does not fit what the new one was made for, and so is not compared.
    pub(crate) unfit: Option<String>,
    /// Whether a detector was judged while no other one served.
    pub(crate) is_alone: bool,
}

/// A detector that serves.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) model_id: String,
    pub(crate) measured: Measured,
    /// Why the new one is clearly worse.
    pub(crate) worse: Option<String>,
}

impl Serving {
    /// What `promote` reads of it.
    pub(crate) fn told(&self) -> Value {
        json!({"model_id": self.model_id, "worse": self.worse})
    }
}

impl Beside {
    /// Of a model that is judged while no other one serves.
    pub(crate) fn nobody(package: &Package) -> Self {
        Self { is_alone: matches!(package.fitted, Fitted::Anomaly { .. }), ..Self::default() }
    }

    /// What `promote` reads of a detector: beside whom it was measured, `null` = nobody served.
    pub(crate) fn told(&self) -> Option<Value> {
        let alone = || self.is_alone.then(|| json!({"model_id": null, "worse": null}));
        self.serving.as_ref().map(Serving::told).or_else(alone)
    }

    /// Why there is no comparison with the model that serves.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.unreadable.as_deref().or(self.unfit.as_deref())
    }

    /// The verdict that is left: beside a champion that nobody can read, no model has passed.
    pub(crate) fn allows(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Pass if self.unreadable.is_some() => Verdict::Insufficient,
            verdict => verdict,
        }
    }
}

/// Measures the model that serves on the gate slice of the new one, whose own numbers are `gate`.
///
/// # Errors
/// `BadData` where rows do not fit the new model; storage that does not answer.
pub(crate) fn beside(
    cx: &Context,
    config: &Config,
    (package, gate): (&Package, &Measured),
    model_id: &str,
    (set, data): (&SampleSet, &Data),
) -> Result<Beside> {
    let path = format!("{}/bundle", model_path(&package.task.task, model_id));
    let champion = Folder::read(cx.root(), &path)
        .map_err(registry_error)
        .and_then(|folder| Package::from_folder(&folder));
    let champion = match champion {
        Ok(champion) => champion,
        Err(error) if matches!(error.kind(), ErrorKind::Transient | ErrorKind::Stopped) => {
            return Err(error);
        }
        Err(error) => {
            let why = format!("the model that serves cannot be read: {}", error.chain());
            tracing::warn!(path, "{why}");
            return Ok(Beside { unreadable: Some(why), ..Beside::default() });
        }
    };
    if is_detector_of(&champion, data) {
        let measured = crate::measured(cx, config, &champion, (set, data), SliceName::Gate)?;
        let worse = measure::clearly_worse(&package.task, gate, &measured);
        let serving = Serving { model_id: model_id.to_owned(), measured, worse };
        return Ok(Beside { serving: Some(serving), ..Beside::default() });
    }
    match compared(config, (package, &champion), (set, data))? {
        Ok(comparison) => Ok(Beside { comparison: Some(comparison), ..Beside::default() }),
        Err(why) => {
            let unfit = unfit(&package.task.task, model_id, &why);
            tracing::warn!("{unfit}");
            Ok(Beside { unfit: Some(unfit), ..Beside::default() })
        }
    }
}

/// What people are told of a champion that the new version of its task left behind, and what they can do.
fn unfit(task: &str, champion: &str, why: &str) -> String {
    format!(
        "task {task}: the serving model {champion} does not fit this version of the task and was not \
         compared ({why}): baselines alone decide; where none of this version is promoted, train \
         {task} again"
    )
}

/// Whether it is a detector that works on these channels.
fn is_detector_of(package: &Package, data: &Data) -> bool {
    match (&package.fitted, data) {
        (Fitted::Anomaly { model, .. }, Data::Panel(panel)) => model.channels == panel.0.channels,
        _ => false,
    }
}

/// The two, loss by loss; or why the champion has none on these rows.
fn compared(
    config: &Config,
    (package, champion): (&Package, &Package),
    (set, data): (&SampleSet, &Data),
) -> Result<Result<Comparison, String>> {
    let slice = SliceName::Gate;
    let own = measure::losses(package, set, data, slice)?;
    let theirs = measure::losses(champion, set, data, slice);
    let (own, theirs) = match (own, theirs) {
        (Some(own), Ok(Some(theirs))) => (own, theirs),
        (_, Err(error)) => return Ok(Err(error.chain())),
        _ => return Ok(Err("it has another head, or works on other channels".into())),
    };
    let blocks: Vec<u64> = set.of(slice).map(|sample| set.block(sample)).collect();
    let losses = (own.as_slice(), theirs.as_slice());
    Ok(Ok(Comparison::new(measure::CHAMPION, losses, &blocks, &config.judging)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Findings, files_of};

    #[test]
    fn promote_finds_in_the_evaluation_whom_it_was_measured_beside() {
        let (model_id, worse) = ("a".to_owned(), Some("louder".to_owned()));
        let serving = Serving { model_id, measured: Measured::default(), worse };
        let findings = Findings {
            gate: Measured::default(),
            test: Measured::default(),
            beside: Beside { serving: Some(serving), ..Beside::default() },
            verdict: Verdict::Insufficient,
        };
        let folder = files_of(&findings).unwrap();
        let told: Value = serde_json::from_slice(folder.file("evaluation.json").unwrap()).unwrap();
        // What `foresite-promote` reads in its own test.
        assert_eq!(told["serving"], json!({"model_id": "a", "worse": "louder"}));
        assert_eq!(told["verdict"], "INSUFFICIENT");
    }

    #[test]
    fn a_champion_of_an_earlier_version_of_the_task_is_named_with_what_to_do() {
        let findings = Findings {
            gate: Measured::default(),
            test: Measured::default(),
            beside: Beside {
                unfit: Some(unfit("capacity", "m1", "no feature `rain`")),
                ..Beside::default()
            },
            verdict: Verdict::Insufficient,
        };
        let folder = files_of(&findings).unwrap();
        let told: Value = serde_json::from_slice(folder.file("evaluation.json").unwrap()).unwrap();
        let reason = told["reason"].as_str().unwrap();
        for words in
            ["task capacity", "serving model m1", "no feature `rain`", "train capacity again"]
        {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        assert_eq!(findings.beside.allows(Verdict::Pass), Verdict::Pass, "baselines decide");
    }

    #[test]
    fn beside_a_champion_that_cannot_be_read_nothing_passes() {
        let all = [Verdict::Pass, Verdict::Insufficient, Verdict::Fail];
        let alone = Beside::default();
        assert_eq!(all.map(|verdict| alone.allows(verdict)), all);
        let blind = Beside { unreadable: Some("no `SHA256SUMS`".into()), ..Beside::default() };
        let left = [Verdict::Insufficient, Verdict::Insufficient, Verdict::Fail];
        assert_eq!(all.map(|verdict| blind.allows(verdict)), left);
    }
}
