//! Losses row by row, so that two models can be compared on the same rows.

use foresite_features::task::SliceName;
use foresite_stage::Result;

use super::{forecast, tabular};
use crate::{Data, Fitted, Package, SampleSet};

/// Losses of a package on a slice, one per sample of it (NaN = cannot be judged); `None` for heads without a loss per row, or when the data is not
/// what the package works on.
///
/// # Errors
/// `BadData` where rows do not fit the model: it was fitted for another version of the task.
pub fn losses(
    package: &Package,
    set: &SampleSet,
    data: &Data,
    slice: SliceName,
) -> Result<Option<Vec<f64>>> {
    match (&package.fitted, data) {
        (Fitted::Tabular { kernel, model, .. }, Data::Rows) => {
            tabular::losses(package, (kernel, model), set, slice).map(Some)
        }
        (Fitted::Forecast { model, .. }, Data::Series(cube)) => {
            Ok(forecast::losses(&package.task, model, set, cube, slice))
        }
        _ => Ok(None),
    }
}
