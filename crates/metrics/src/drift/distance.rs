//! Distances between two samples of one quantity.

/// A sample in ascending order, without NaN.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sorted(Vec<f32>);

impl Sorted {
    /// Sorts the values; NaN is left out.
    pub fn new(values: impl IntoIterator<Item = f32>) -> Self {
        let mut kept: Vec<f32> = values.into_iter().filter(|value| !value.is_nan()).collect();
        kept.sort_unstable_by(f32::total_cmp);
        Self(kept)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Quantile by linear interpolation; `None` without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let position = q.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (position.floor() as usize, position.ceil() as usize);
        let (low, high) = (f64::from(self.0[below]), f64::from(self.0[above]));
        Some(low + (high - low) * (position - position.floor()))
    }

    /// Interquartile range.
    pub fn iqr(&self) -> Option<f64> {
        Some(self.quantile(0.75)? - self.quantile(0.25)?)
    }
}

/// The two-sample Kolmogorov-Smirnov distance; `None` where a sample is empty.
///
/// It walks the smaller sample and looks up the greater one: n log N.
pub fn kolmogorov_smirnov(a: &Sorted, b: &Sorted) -> Option<f64> {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if few.is_empty() {
        return None;
    }
    let (count, total) = (few.len() as f64, many.len() as f64);
    let mut greatest = 0.0_f64;
    let mut at = 0;
    while at < few.len() {
        let value = few.0[at];
        let equal = few.0[at..].partition_point(|other| *other <= value);
        let below = many.0.partition_point(|other| *other < value) as f64 / total;
        let up_to = many.0.partition_point(|other| *other <= value) as f64 / total;
        // Between two values of the smaller sample its step function rests: the ends decide.
        greatest = greatest.max((below - at as f64 / count).abs());
        greatest = greatest.max((up_to - (at + equal) as f64 / count).abs());
        at += equal;
    }
    Some(greatest)
}

/// Mean distance that mass has to move to turn one sample into the other (Wasserstein-1), over
/// 200 quantiles; `None` where a sample is empty.
pub fn wasserstein(a: &Sorted, b: &Sorted) -> Option<f64> {
    const LEVELS: usize = 200;
    let mut sum = 0.0;
    for level in 0..LEVELS {
        let q = (level as f64 + 0.5) / LEVELS as f64;
        sum += (a.quantile(q)? - b.quantile(q)?).abs();
    }
    Some(sum / LEVELS as f64)
}

/// Population stability index of `b` against `a` on bins between the deciles of `a`.
///
/// The bins are fixed by the reference. Equal deciles (a channel with many zeros) merge. `None`
/// where a sample is empty or one bin is left.
pub fn population_stability(a: &Sorted, b: &Sorted) -> Option<f64> {
    if b.is_empty() {
        return None;
    }
    let mut edges: Vec<f32> = (1..10)
        .filter_map(|decile| a.quantile(f64::from(decile) / 10.0))
        .map(|q| q as f32)
        .collect();
    edges.dedup();
    let shares = |sample: &Sorted| -> Vec<f64> {
        let ends = edges.iter().map(|edge| sample.0.partition_point(|value| value <= edge));
        let ends: Vec<usize> = ends.chain([sample.len()]).collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        // An empty bin counts as half a value, so that the logarithm stands.
        starts
            .zip(&ends)
            .map(|(start, end)| ((end - start) as f64).max(0.5) / sample.len() as f64)
            .collect()
    };
    let (before, now) = (shares(a), shares(b));
    (!edges.is_empty()).then(|| before.iter().zip(&now).map(|(a, b)| (b - a) * (b / a).ln()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(values: &[f32]) -> Sorted {
        Sorted::new(values.iter().copied())
    }

    #[test]
    fn distances_match_hand_computed_ones() {
        let (a, b) = (sorted(&[1.0, 2.0, 3.0, 4.0]), sorted(&[3.0, 4.0, 5.0, f32::NAN, 6.0]));
        assert_eq!(kolmogorov_smirnov(&a, &b), Some(0.5));
        assert!((wasserstein(&a, &b).unwrap() - 2.0).abs() < 1e-6);
        assert_eq!(kolmogorov_smirnov(&a, &a), Some(0.0));
        assert_eq!(kolmogorov_smirnov(&a, &sorted(&[])), None);
    }

    #[test]
    fn the_distance_is_that_of_scipy() {
        // scipy.stats.ks_2samp([0.1, 0.4, 0.4, 0.9, 1.3], [0.4, 0.5, 0.7, 1.3, 1.5, 2.0, 2.2])
        // .statistic = 0.45714285714285713
        let a = sorted(&[0.1, 0.4, 0.4, 0.9, 1.3]);
        let b = sorted(&[0.4, 0.5, 0.7, 1.3, 1.5, 2.0, 2.2]);
        assert!((kolmogorov_smirnov(&a, &b).unwrap() - 0.457_142_857_142_857_13).abs() < 1e-12);
    }

    #[test]
    fn a_stable_population_has_no_index() {
        let a = Sorted::new((0..1000).map(|at| at as f32));
        let moved = Sorted::new((0..1000).map(|at| at as f32 + 150.0));
        assert!(population_stability(&a, &a).unwrap() < 1e-9);
        assert!(population_stability(&a, &moved).unwrap() > 0.1);
        assert_eq!(population_stability(&a, &sorted(&[])), None);
    }
}
