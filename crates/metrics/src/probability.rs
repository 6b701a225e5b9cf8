//! Whether probabilities mean what they say.

/// Mean squared difference of probability and outcome; `None` without samples.
///
/// # Panics
/// When the slices differ in length.
pub fn brier(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    assert_eq!(labels.len(), probabilities.len(), "one probability per label");
    let sum: f64 = pairs(labels, probabilities).map(|(outcome, p)| (p - outcome).powi(2)).sum();
    (!labels.is_empty()).then(|| sum / labels.len() as f64)
}

/// 1 - Brier / Brier of always saying the base rate; `None` where the outcome is constant.
///
/// # Panics
/// When the slices differ in length.
pub fn brier_skill(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    let rate = crate::base_rate(labels)?;
    let reference = rate * (1.0 - rate);
    (reference > 0.0)
        .then(|| brier(labels, probabilities))
        .flatten()
        .map(|score| 1.0 - score / reference)
}

/// Mean negative log likelihood, probabilities kept 1e-15 from 0 and 1; `None` without samples.
///
/// # Panics
/// When the slices differ in length.
pub fn log_loss(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    assert_eq!(labels.len(), probabilities.len(), "one probability per label");
    let sum: f64 = pairs(labels, probabilities)
        .map(|(outcome, p)| -ln_kept(if outcome > 0.5 { p } else { 1.0 - p }))
        .sum();
    (!labels.is_empty()).then(|| sum / labels.len() as f64)
}

/// The same over classes: `probabilities` holds `classes` values per sample, sample after sample.
///
/// # Panics
/// When `probabilities` does not hold `labels.len() * classes` values.
pub fn multiclass_log_loss(labels: &[usize], probabilities: &[f64], classes: usize) -> Option<f64> {
    assert_eq!(probabilities.len(), labels.len() * classes, "one row of classes per label");
    let sum: f64 = labels
        .iter()
        .zip(probabilities.chunks_exact(classes.max(1)))
        .map(|(&label, row)| -ln_kept(row.get(label).copied().unwrap_or(0.0)))
        .sum();
    (!labels.is_empty()).then(|| sum / labels.len() as f64)
}

/// Expected calibration error over at most `bins` bins of equal mass: Σ n_b/n · |mean p - mean outcome|.
/// Equal probabilities share a bin.
///
/// `None` without samples.
///
/// # Panics
/// When the slices differ in length.
pub fn expected_calibration_error(
    labels: &[bool],
    probabilities: &[f64],
    bins: usize,
) -> Option<f64> {
    assert_eq!(labels.len(), probabilities.len(), "one probability per label");
    let mut sorted: Vec<(f64, f64)> = pairs(labels, probabilities).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let total = sorted.len();
    let bins = bins.clamp(1, total.max(1));
    let (mut gap, mut start) = (0.0, 0);
    for bin in 1..=bins {
        let mut end = (bin * total / bins).max(start);
        // A cut through equal probabilities would tell them apart by nothing but their order.
        while end > start && end < total && sorted[end].1 == sorted[end - 1].1 {
            end += 1;
        }
        gap += sorted[start..end].iter().map(|(outcome, p)| p - outcome).sum::<f64>().abs();
        start = end;
    }
    (total > 0).then(|| gap / total as f64)
}

fn pairs<'a>(labels: &'a [bool], probabilities: &'a [f64]) -> impl Iterator<Item = (f64, f64)> {
    labels.iter().zip(probabilities).map(|(&label, &p)| (f64::from(u8::from(label)), p))
}

fn ln_kept(p: f64) -> f64 {
    p.clamp(1e-15, 1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [bool; 6] = [true, false, true, false, false, true];
    const P: [f64; 6] = [0.9, 0.2, 0.6, 0.4, 0.1, 0.3];

    #[test]
    fn losses_match_scikit_learn() {
        // python -c "from sklearn.metrics import *; y=[1,0,1,0,0,1]; p=[.9,.2,.6,.4,.1,.3];
        //            print(brier_score_loss(y,p), log_loss(y,p))"
        assert!((brier(&LABELS, &P).unwrap() - 0.145).abs() < 1e-12);
        assert!((log_loss(&LABELS, &P).unwrap() - 0.443_248_105_747_963_36).abs() < 1e-9);
    }

    #[test]
    fn skill_is_zero_for_the_base_rate() {
        assert!(brier_skill(&LABELS, &[0.5; 6]).unwrap().abs() < 1e-12);
        assert_eq!(brier_skill(&[true, true], &[0.5, 0.5]), None);
    }

    #[test]
    fn calibration_error_by_hand() {
        // Two bins of three: p .1 .2 .3 with outcomes 0 0 1, p .4 .6 .9 with outcomes 0 1 1.
        // |.6 - 1| + |1.9 - 2| = .5, over six samples.
        let error = expected_calibration_error(&LABELS, &P, 2).unwrap();
        assert!((error - 0.5 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn equal_probabilities_are_judged_together() {
        // Always the base rate: calibrated, however many bins are asked for.
        let error = expected_calibration_error(&LABELS, &[0.5; 6], 6).unwrap();
        assert!(error < 1e-12, "{error}");
        // Bins {.1}, {.2 .2 .2} and {.9 .9}: |.1 - 0| + |.6 - 1| + |1.8 - 2|, over six samples.
        let labels = [false, true, false, false, true, true];
        let p = [0.1, 0.2, 0.2, 0.2, 0.9, 0.9];
        let error = expected_calibration_error(&labels, &p, 6).unwrap();
        assert!((error - 0.7 / 6.0).abs() < 1e-12, "{error}");
    }

    #[test]
    fn classes_are_read_row_by_row() {
        // -(ln .7 + ln .5) / 2
        let loss = multiclass_log_loss(&[0, 2], &[0.7, 0.2, 0.1, 0.25, 0.25, 0.5], 3).unwrap();
        assert!((loss - 0.524_911_062_193_422_2).abs() < 1e-9);
    }
}
