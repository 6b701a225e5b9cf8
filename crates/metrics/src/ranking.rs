//! How well a score ranks positives before negatives.

/// Indices from the greatest score to the smallest; equal scores keep their order, and a score that
/// is no number ranks last.
pub(crate) fn by_descending_score(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| rank(scores[b]).total_cmp(&rank(scores[a])));
    order
}

/// What a score is ranked by.
fn rank(score: f64) -> f64 {
    if score.is_nan() { f64::NEG_INFINITY } else { score }
}

/// Share of positives; `None` without samples.
pub fn base_rate(labels: &[bool]) -> Option<f64> {
    let positives = labels.iter().filter(|&&label| label).count();
    (!labels.is_empty()).then(|| positives as f64 / labels.len() as f64)
}

/// Cumulative (positives, predictions) at the end of each run of equal scores, best first.
fn operating_points(labels: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let order = by_descending_score(scores);
    let mut points = Vec::new();
    let mut hits = 0.0;
    for (place, &index) in order.iter().enumerate() {
        hits += f64::from(u8::from(labels[index]));
        let next = order.get(place + 1).map(|&next| rank(scores[next]));
        if next != Some(rank(scores[index])) {
            points.push((hits, (place + 1) as f64));
        }
    }
    points
}

/// Average precision: Σ (recallᵢ - recallᵢ₋₁) precisionᵢ over the distinct scores.
///
/// `None` without a positive. Equals `sklearn.metrics.average_precision_score`.
///
/// # Panics
/// When the slices differ in length.
pub fn auc_pr(labels: &[bool], scores: &[f64]) -> Option<f64> {
    assert_eq!(labels.len(), scores.len(), "one score per label");
    let points = operating_points(labels, scores);
    let positives = points.last()?.0;
    if positives == 0.0 {
        return None;
    }
    let mut area = 0.0;
    let mut before = 0.0;
    for (hits, predicted) in points {
        area += (hits - before) / positives * (hits / predicted);
        before = hits;
    }
    Some(area)
}

/// Probability that a positive outranks a negative, ties counted half; `None` without both.
///
/// # Panics
/// When the slices differ in length.
pub fn auc_roc(labels: &[bool], scores: &[f64]) -> Option<f64> {
    assert_eq!(labels.len(), scores.len(), "one score per label");
    let points = operating_points(labels, scores);
    let &(positives, total) = points.last()?;
    let negatives = total - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut area = 0.0;
    let (mut hits_before, mut false_before) = (0.0, 0.0);
    for (hits, predicted) in points {
        let false_alarms = predicted - hits;
        area += (false_alarms - false_before) * (hits + hits_before) / 2.0;
        (hits_before, false_before) = (hits, false_alarms);
    }
    Some(area / (positives * negatives))
}

#[cfg(test)]
mod tests {
    use super::*;

    // python -c "from sklearn.metrics import *; y=[0,1,1,0,1,0,0,1]; s=[.1,.9,.4,.4,.8,.7,.2,.15];
    //            print(average_precision_score(y,s), roc_auc_score(y,s))"
    const LABELS: [bool; 8] = [false, true, true, false, true, false, false, true];
    const SCORES: [f64; 8] = [0.1, 0.9, 0.4, 0.4, 0.8, 0.7, 0.2, 0.15];

    #[test]
    fn areas_match_scikit_learn() {
        assert!((auc_pr(&LABELS, &SCORES).unwrap() - 0.792_857_142_857_142_9).abs() < 1e-12);
        assert!((auc_roc(&LABELS, &SCORES).unwrap() - 0.718_75).abs() < 1e-12);
    }

    #[test]
    fn undefined_without_positives() {
        assert_eq!(auc_pr(&[false; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(auc_roc(&[true; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(auc_pr(&[], &[]), None);
        assert_eq!(base_rate(&[]), None);
    }

    #[test]
    fn a_constant_score_is_worth_the_base_rate() {
        assert_eq!(auc_pr(&LABELS, &[1.0; 8]), base_rate(&LABELS));
        assert_eq!(auc_roc(&LABELS, &[1.0; 8]), Some(0.5));
    }

    #[test]
    fn no_number_is_no_high_score() {
        // One positive at the top, the other without a score: 1/2 · 1/1 + 1/2 · 2/4.
        let labels = [false, true, true, false];
        let scores = [0.2, 0.9, f64::NAN, f64::NAN];
        assert_eq!(auc_pr(&labels, &scores), Some(0.75));
    }
}
