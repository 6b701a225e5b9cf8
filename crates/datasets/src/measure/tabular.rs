//! Hazards, yes or no, classes, and values.

mod events;

use foresite_features::kernel::FeatureKernel;
use foresite_features::task::SliceName;
use foresite_metrics as metrics;
use foresite_models::tabular::{Link, Path, Samples, Tabular};
use foresite_stage::Result;

use super::{Judging, Measured};
use crate::encoded::tabular as rows_of;
use crate::{Package, Sample, SampleSet, link, model_error};

/// Judges a model of feature rows on a slice; `model` and `kernel` are the package's own.
///
/// # Errors
/// `BadData` where rows do not fit the model.
pub fn tabular(
    package: &Package,
    (kernel, model): (&FeatureKernel, &Tabular),
    set: &SampleSet,
    slice: SliceName,
    judging: &Judging,
) -> Result<Measured> {
    let Some((link, outputs)) = link(&package.task) else {
        return Ok(Measured::default());
    };
    let fit = rows_of(set, kernel, outputs, SliceName::Fit)?;
    let judged = rows_of(set, kernel, outputs, slice)?;
    let samples: Vec<&Sample> = set.of(slice).collect();
    let predicted: Vec<Vec<f64>> = judged
        .x
        .iter()
        .map(|row| model.predict(row).map_err(model_error))
        .collect::<Result<_>>()?;
    let mut measured = Measured::default();
    let frame = Frame { package, kernel, judging, fit: &fit, judged: &judged, samples };
    match link {
        Link::LogOdds => frame.hazards(&predicted, &mut measured)?,
        Link::Classes => frame.classes(&predicted, outputs, &mut measured),
        Link::Value { cap } => frame.values(&predicted, cap, &mut measured),
    }
    if !matches!(model.path, Path::Linear) {
        let calibrate = rows_of(set, kernel, outputs, SliceName::Calibrate)?;
        let linear = model.linear_alone(&calibrate);
        let theirs: Vec<Vec<f64>> = judged
            .x
            .iter()
            .map(|row| linear.predict(row).map_err(model_error))
            .collect::<Result<_>>()?;
        frame.compare("linear", link, &predicted, &theirs, &mut measured);
    }
    Ok(measured)
}

/// Loss of every sample of a slice.
pub(super) fn losses(
    package: &Package,
    (kernel, model): (&FeatureKernel, &Tabular),
    set: &SampleSet,
    slice: SliceName,
) -> Result<Vec<f64>> {
    let Some((link, outputs)) = link(&package.task) else {
        return Ok(Vec::new());
    };
    let judged = rows_of(set, kernel, outputs, slice)?;
    let pairs = judged.x.iter().zip(judged.y.iter());
    pairs.map(|(x, y)| Ok(loss(link, &model.predict(x).map_err(model_error)?, y))).collect()
}

struct Frame<'a> {
    package: &'a Package,
    kernel: &'a FeatureKernel,
    judging: &'a Judging,
    fit: &'a Samples,
    judged: &'a Samples,
    samples: Vec<&'a Sample>,
}

impl Frame<'_> {
    fn compare(
        &self,
        baseline: &str,
        link: Link,
        own: &[Vec<f64>],
        theirs: &[Vec<f64>],
        measured: &mut Measured,
    ) {
        let losses = |predicted: &[Vec<f64>]| -> Vec<f64> {
            let pairs = predicted.iter().zip(self.judged.y.iter());
            pairs.map(|(p, y)| loss(link, p, y)).collect()
        };
        let pair = (losses(own), losses(theirs));
        measured.compare(baseline, (&pair.0, &pair.1), &self.judged.block, self.judging);
    }

    fn classes(&self, predicted: &[Vec<f64>], classes: usize, measured: &mut Measured) {
        let rows: Vec<usize> =
            (0..predicted.len()).filter(|&row| self.judged.y.row(row)[0].is_finite()).collect();
        let labels: Vec<usize> =
            rows.iter().map(|&row| self.judged.y.row(row)[0] as usize).collect();
        let flat: Vec<f64> = rows.iter().flat_map(|&row| predicted[row].clone()).collect();
        let n = labels.len();
        measured.add("log_loss", metrics::multiclass_log_loss(&labels, &flat, classes), n);
        let hits =
            rows.iter().zip(&labels).filter(|(row, label)| top(&predicted[**row]) == **label);
        measured.add("accuracy", (n > 0).then(|| hits.count() as f64 / n as f64), n);
        let mut rates = vec![0.5; classes];
        for y in self.fit.y.iter().filter(|y| y[0].is_finite()) {
            rates[y[0] as usize] += 1.0;
        }
        let total: f64 = rates.iter().sum();
        let constant: Vec<f64> = rates.iter().map(|rate| rate / total).collect();
        let theirs = vec![constant; predicted.len()];
        self.compare("base_rate", Link::Classes, predicted, &theirs, measured);
    }

    fn values(&self, predicted: &[Vec<f64>], cap: Option<f64>, measured: &mut Measured) {
        let own: Vec<f64> = predicted.iter().map(|p| p[0]).collect();
        // True and capped: most papers cap, and that is worth a good part of their error.
        let capped: Vec<f64> = self.judged.y.iter().map(|y| y[0]).collect();
        let n = own.len();
        measured.add_with_interval("rmse", &self.judged.block, self.judging, |drawn| {
            let pick = |row: &usize| (capped[*row], own[*row]);
            let (truth, own): (Vec<f64>, Vec<f64>) = drawn.iter().map(pick).unzip();
            metrics::rmse(&truth, &own)
        });
        measured.add("mae", metrics::mae(&capped, &own), n);
        if cap.is_some() {
            measured.add("fd001_score", metrics::fd001_score(&capped, &own), n);
        }
        self.last_of_units(&own, measured);
        let (sum, total) = self
            .fit
            .y
            .iter()
            .filter(|y| y[0].is_finite())
            .fold((0.0, 0.0), |(sum, total), y| (sum + y[0], total + 1.0));
        let mean = vec![sum / f64::max(total, 1.0); n];
        measured.add_baseline("rmse", "mean", metrics::rmse(&capped, &mean), n);
        let theirs: Vec<Vec<f64>> = mean.into_iter().map(|value| vec![value]).collect();
        let link = Link::Value { cap };
        self.compare("mean", link, predicted, &theirs, measured);
    }

    /// The newest sample of every entity: how run-to-failure sets are scored.
    fn last_of_units(&self, own: &[f64], measured: &mut Measured) {
        let last: Vec<usize> = (0..self.samples.len())
            .filter(|&row| {
                self.samples.get(row + 1).is_none_or(|next| next.entity != self.samples[row].entity)
            })
            .collect();
        if last.len() < 2 || last.len() == self.samples.len() {
            return;
        }
        let truth: Vec<f64> = last.iter().map(|&row| self.judged.y.row(row)[0]).collect();
        let own: Vec<f64> = last.iter().map(|&row| own[row]).collect();
        measured.add("rmse_last", metrics::rmse(&truth, &own), last.len());
        measured.add("mae_last", metrics::mae(&truth, &own), last.len());
        let score = metrics::fd001_score(&truth, &own);
        measured.add("fd001_score_last", score, last.len());
    }
}

fn top(p: &[f64]) -> usize {
    (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0)
}

/// Whether the event happened by the end of the last of these bins; `None` where that was not seen.
pub(crate) fn by_horizon(bins: &[f64]) -> Option<bool> {
    if bins.iter().any(|label| *label > 0.5) {
        return Some(true);
    }
    bins.iter().all(|label| label.is_finite()).then_some(false)
}

/// Share of events per bin among those that reached it.
fn base_hazards(fit: &Samples) -> Vec<f64> {
    (0..fit.y.columns())
        .map(|k| {
            let seen = fit.y.iter().map(|y| y[k]).filter(|label| label.is_finite());
            let (sum, total) = seen.fold((0.0, 0.0), |(sum, total), y| (sum + y, total + 1.0));
            (sum + 0.5) / (total + 1.0)
        })
        .collect()
}

fn loss(link: Link, predicted: &[f64], y: &[f64]) -> f64 {
    let kept = |p: f64| p.clamp(1e-9, 1.0 - 1e-9);
    match link {
        Link::Value { .. } => (predicted[0] - y[0]).powi(2),
        Link::Classes if y[0].is_nan() => f64::NAN,
        Link::Classes => -predicted.get(y[0] as usize).copied().map_or(1e-9, kept).ln(),
        Link::LogOdds if y.iter().all(|label| label.is_nan()) => f64::NAN,
        Link::LogOdds => predicted
            .iter()
            .zip(y)
            .filter(|(_, label)| label.is_finite())
            .map(|(&p, &label)| -(label * kept(p).ln() + (1.0 - label) * (1.0 - kept(p)).ln()))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_is_seen_or_not() {
        assert_eq!(by_horizon(&[0.0, 1.0, f64::NAN]), Some(true));
        assert_eq!(by_horizon(&[0.0, 0.0]), Some(false));
        assert_eq!(by_horizon(&[0.0, f64::NAN]), None);
    }

    #[test]
    fn losses_by_hand() {
        let bce = loss(Link::LogOdds, &[0.25, 0.5], &[1.0, f64::NAN]);
        assert!((bce - 4.0_f64.ln()).abs() < 1e-12);
        assert!(loss(Link::LogOdds, &[0.5], &[f64::NAN]).is_nan());
        assert_eq!(loss(Link::Value { cap: None }, &[3.0], &[5.0]), 4.0);
    }
}
