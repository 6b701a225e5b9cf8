//! Split conformal p-values and quantiles from a slice that nothing was fitted on.

use serde::{Deserialize, Serialize};

/// Values kept per reference: enough for p-values of 1/2000, cheap for many entities.
const KEPT: usize = 2000;

/// The sorted scores of a reference, thinned evenly where there are many; the greatest stay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reference {
    sorted: Vec<f64>,
    /// Scores behind the kept ones.
    count: usize,
}

impl Reference {
    /// Keeps what `scores` look like; values that are not finite do not count.
    pub fn new(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = scores.into_iter().filter(|s| s.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        if count > KEPT {
            sorted = (0..KEPT).map(|k| sorted[k * (count - 1) / (KEPT - 1)]).collect();
        }
        Self { sorted, count }
    }

    /// The kept scores, ascending.
    pub(crate) fn scores(&self) -> &[f64] {
        &self.sorted
    }

    /// Scores behind the reference.
    pub fn count(&self) -> usize {
        self.count
    }

    /// P(a reference score is at least this great), never 0: (1 + #{>= score}) / (1 + n).
    ///
    /// Beyond the greatest reference score it is 1 / (1 + n), however far beyond.
    pub fn p_value(&self, score: f64) -> f64 {
        let kept = self.sorted.len();
        if kept == 0 {
            return 1.0;
        }
        let at_least = kept - self.sorted.partition_point(|&s| s < score);
        let share = at_least as f64 / kept as f64;
        let count = self.count as f64;
        (1.0 + share * count) / (1.0 + count)
    }

    /// The q-quantile, linearly interpolated; `None` without a reference.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.sorted.len().checked_sub(1)?;
        let position = q.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (position.floor() as usize, position.ceil() as usize);
        let share = position - position.floor();
        Some(self.sorted[below] + (self.sorted[above] - self.sorted[below]) * share)
    }

    /// The smallest score that keeps the conformal promise at level `q`: rank ⌈(n+1) q⌉. Where too few
    /// scores are there for that, the greatest of them, which keeps it only in part.
    pub fn upper(&self, q: f64) -> Option<f64> {
        let kept = self.sorted.len();
        let rank = ((kept + 1) as f64 * q).ceil() as usize;
        (kept > 0).then(|| self.sorted[rank.clamp(1, kept) - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_by_hand() {
        let reference = Reference::new([4.0, 1.0, f64::NAN, 3.0, 2.0]);
        assert_eq!(reference.count(), 4);
        assert_eq!(reference.p_value(5.0), 0.2);
        assert_eq!(reference.p_value(3.0), 0.6);
        assert_eq!(reference.p_value(0.0), 1.0);
        assert_eq!(Reference::default().p_value(9.0), 1.0);
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_shape() {
        let reference = Reference::new((0..100_000).map(f64::from));
        assert_eq!(reference.quantile(1.0), Some(99_999.0));
        let median = reference.quantile(0.5).unwrap();
        assert!((median - 49_999.5).abs() < 60.0);
        assert!((reference.p_value(90_000.0) - 0.1).abs() < 2e-3);
        assert!(reference.p_value(1e9) <= 1.0 / 100_001.0);
    }

    #[test]
    fn upper_rank_is_conservative() {
        let reference = Reference::new((1..=9).map(f64::from));
        assert_eq!(reference.upper(0.8), Some(8.0));
        assert_eq!(reference.upper(0.99), Some(9.0));
    }
}
