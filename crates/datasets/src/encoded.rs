//! Samples as models of feature rows take them.

use foresite_features::kernel::FeatureKernel;
use foresite_features::task::{Head, SliceName};
use foresite_models::tabular::{Samples, Sliced};
use foresite_stage::{ErrorKind, Result, StageError};

use crate::SampleSet;

/// The slices that fitting may see, encoded by the feature kernel.
///
/// # Errors
/// `BadData` where a row has another number of features than the task, or a class that it does not
/// name; `Usage` for a task without features.
pub fn tabular_slices(set: &SampleSet, kernel: &FeatureKernel, outputs: usize) -> Result<Sliced> {
    if kernel.names().is_empty() {
        let message = format!("task `{}`: its inputs give no features", kernel.task.task);
        return Err(StageError::new(ErrorKind::Usage, message)
            .hint("name channels in `inputs.rolling`, or events or statics in `inputs`"));
    }
    let slice = |name| tabular(set, kernel, outputs, name);
    Ok(Sliced {
        fit: slice(SliceName::Fit)?,
        select: slice(SliceName::Select)?,
        calibrate: slice(SliceName::Calibrate)?,
        gate: slice(SliceName::Gate)?,
    })
}

pub(crate) fn tabular(
    set: &SampleSet,
    kernel: &FeatureKernel,
    outputs: usize,
    slice: SliceName,
) -> Result<Samples> {
    let labels =
        if outputs > 1 && set.of(slice).any(|s| !s.labels.is_empty()) { outputs } else { 1 };
    let mut samples = Samples::empty(kernel.names().len(), labels);
    let classes = matches!(kernel.task.head, Head::Multiclass { .. }).then_some(outputs);
    for sample in set.of(slice) {
        if let (Some(classes), Some(label)) = (classes, sample.label) {
            check_class(label, classes)?;
        }
        let encoded = encode(kernel, &sample.features)?;
        samples.push(&encoded, &sample.targets(labels), sample.weight, set.block(sample));
    }
    Ok(samples)
}

/// A class is the index of its name: labels from a channel may hold any number.
fn check_class(label: f64, classes: usize) -> Result<()> {
    if label >= 0.0 && label < classes as f64 && label.fract() == 0.0 {
        return Ok(());
    }
    let message = format!("samples: expected a class below {classes}, got label {label}");
    Err(StageError::new(ErrorKind::BadData, message)
        .hint("name every class in the task's `head.classes`, or map the channel to 0, 1, …"))
}

/// One feature row as the model takes it.
///
/// # Errors
/// `BadData` where the row has another number of features than the task.
pub(crate) fn encode(kernel: &FeatureKernel, raw: &[f64]) -> Result<Vec<f64>> {
    let wanted = kernel.raw_names().len();
    if raw.len() != wanted {
        let message = format!("feature row: expected {wanted} features, got {}", raw.len());
        return Err(StageError::new(ErrorKind::BadData, message)
            .hint("the sample set was made by another version of the task: make a new one"));
    }
    Ok(kernel.encode(raw).into_iter().map(f64::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_a_name_is_refused() {
        assert!(check_class(0.0, 3).is_ok() && check_class(2.0, 3).is_ok());
        for label in [3.0, -1.0, 0.5, f64::NAN] {
            let error = check_class(label, 3).unwrap_err().to_string();
            assert!(error.contains("expected a class below 3, got label"), "{error}");
        }
    }
}
