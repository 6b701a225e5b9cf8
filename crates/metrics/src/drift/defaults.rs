//! What tools do when nobody tells them otherwise, on the pooled values of a channel: named
//! baselines for comparisons, used for nothing else.
//!
//! Source: Evidently 0.7 (KS at .05, normed Wasserstein at .1, PSI at .1); the asymptotic KS tail is
//! Kolmogorov's series with Stephens' correction (1970).

use super::distance::{Sorted, kolmogorov_smirnov, population_stability, wasserstein};
use super::moments;

/// p-value below which KS says drift.
pub const KS_ALPHA: f64 = 0.05;
/// Index from which PSI says drift.
pub const PSI_LIMIT: f64 = 0.1;
/// Distance in standard deviations of the reference from which Wasserstein says drift.
pub const WASSERSTEIN_LIMIT: f64 = 0.1;

/// What the three say about one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdicts {
    /// Kolmogorov-Smirnov, p < .05.
    pub ks: bool,
    /// Population stability index ≥ .1 on deciles of the reference.
    pub psi: bool,
    /// Wasserstein distance / standard deviation ≥ .1.
    pub wasserstein: bool,
}

/// The verdicts on a window's values against the reference's; an empty sample is no drift.
pub fn verdicts(reference: &Sorted, window: &Sorted) -> Verdicts {
    let ks = kolmogorov_smirnov(reference, window)
        .map(|distance| asymptotic_tail(distance, reference.len(), window.len()));
    let wide: Vec<f64> = reference.values().iter().map(|value| f64::from(*value)).collect();
    let deviation = moments(&wide).map(|(_, deviation)| deviation).filter(|d| *d > 0.0);
    let normed = deviation.and_then(|d| Some(wasserstein(reference, window)? / d));
    Verdicts {
        ks: ks.is_some_and(|p| p < KS_ALPHA),
        psi: population_stability(reference, window).is_some_and(|index| index >= PSI_LIMIT),
        wasserstein: normed.is_some_and(|distance| distance >= WASSERSTEIN_LIMIT),
    }
}

/// Chance of such a distance between samples of independent values.
fn asymptotic_tail(distance: f64, n: usize, m: usize) -> f64 {
    let root = ((n * m) as f64 / (n + m) as f64).sqrt();
    let x = (root + 0.12 + 0.11 / root) * distance;
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        2.0 * (-1.0_f64).powf(k - 1.0) * (-2.0 * k * k * x * x).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_great_move_is_seen_by_all_three_and_none_by_none() {
        let reference = Sorted::new((0..400).map(|at| at as f32));
        let same = Sorted::new((0..100).map(|at| 4.0 * at as f32 + 1.5));
        let moved = Sorted::new((0..100).map(|at| 4.0 * at as f32 + 150.0));
        assert_eq!(verdicts(&reference, &same), Verdicts::default());
        assert_eq!(
            verdicts(&reference, &moved),
            Verdicts { ks: true, psi: true, wasserstein: true }
        );
        assert_eq!(verdicts(&reference, &Sorted::default()), Verdicts::default());
    }

    #[test]
    fn the_tail_is_that_of_the_series() {
        // Kolmogorov's distribution: P(K > 1.358) = .05 for great samples.
        let n = 1_000_000_usize;
        let tail = asymptotic_tail(1.358 / (n as f64 / 2.0).sqrt(), n, n);
        assert!((tail - 0.05).abs() < 1e-3, "{tail}");
    }
}
