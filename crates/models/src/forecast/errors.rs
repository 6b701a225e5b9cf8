//! What a fitted forecaster got wrong: quantiles of its errors by season ahead, and whole
//! trajectories.

use super::{Forecaster, Origin, SeriesSet};
use crate::ModelError;
use crate::conformal::Reference;

/// Errors of a season ahead below which they are not trusted.
const LEAST_ERRORS: usize = 50;
/// Error trajectories kept at most.
const MOST_TRAJECTORIES: usize = 1000;

impl Forecaster {
    /// Quantiles and trajectories of the errors on the calibrate slice.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] without an origin that can be forecast.
    pub(super) fn learn_errors(
        &mut self,
        set: &SeriesSet,
        calibrate: &[Origin],
    ) -> Result<(), ModelError> {
        let all: Vec<Vec<f64>> = calibrate
            .iter()
            .filter_map(|&origin| self.errors_with(self.residual.as_ref(), set, origin))
            .filter(|errors| errors.iter().any(|e| e.is_finite()))
            .collect();
        if all.is_empty() {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        self.learn_quantiles(&all);
        let whole: Vec<&Vec<f64>> = all
            .iter()
            .filter(|errors| 2 * errors.iter().filter(|e| e.is_finite()).count() > errors.len())
            .collect();
        let keep = whole.len().min(MOST_TRAJECTORIES);
        for k in 0..keep {
            let errors = whole[k * whole.len() / keep];
            self.trajectories.push(&without_gaps(errors));
        }
        Ok(())
    }

    /// Error quantiles per season ahead. Seasons that the slice did not reach take those of the last
    /// one that it did, widened with the root of the lead.
    fn learn_quantiles(&mut self, all: &[Vec<f64>]) {
        let mut last: Option<(usize, Vec<f64>)> = None;
        for ahead in 0..self.horizon.div_ceil(self.season) {
            let block = ahead * self.season..((ahead + 1) * self.season).min(self.horizon);
            let errors = all.iter().flat_map(|errors| errors[block.clone()].iter().copied());
            let reference = Reference::new(errors);
            let seen: Option<Vec<f64>> =
                self.quantiles.iter().map(|&q| reference.quantile(q)).collect();
            let row = match (seen, &last) {
                (Some(row), _) if reference.count() >= LEAST_ERRORS || last.is_none() => {
                    last = Some((ahead, row.clone()));
                    row
                }
                (_, Some((reached, row))) => {
                    let wider = ((ahead + 1) as f64 / (reached + 1) as f64).sqrt();
                    row.iter().map(|error| error * wider).collect()
                }
                (_, None) => vec![0.0; self.quantiles.len()],
            };
            self.errors.push(&row);
        }
    }
}

/// Gaps of a trajectory repeat the value before them.
fn without_gaps(errors: &[f64]) -> Vec<f64> {
    let mut last = errors.iter().copied().find(|e| e.is_finite()).unwrap_or(0.0);
    errors
        .iter()
        .map(|&error| {
            if error.is_finite() {
                last = error;
            }
            last
        })
        .collect()
}
