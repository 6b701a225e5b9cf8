//! How many alerts a day are usual: a control band for counts.
//!
//! Counts of a quiet process are Poisson; alerts come in bursts (one storm, many sites), so that the
//! band is negative binomial with the variance that was seen, never less than Poisson's. That the
//! mean was estimated from few days widens it.

use super::moments;
use super::student::ln_gamma;

/// Days without which there is no band.
pub const LEAST_DAYS: usize = 7;

/// The counts that are usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Fewer are unusual.
    pub low: u64,
    /// More are unusual.
    pub high: u64,
    /// Mean of the days it was made of.
    pub mean: f64,
}

impl Band {
    /// The band that a day leaves with the chance `alpha` (half on either side); `None` with fewer
    /// than [`LEAST_DAYS`] days.
    pub fn of(days: &[u64], alpha: f64) -> Option<Self> {
        if days.len() < LEAST_DAYS {
            return None;
        }
        let counts: Vec<f64> = days.iter().map(|count| *count as f64).collect();
        let (mean, deviation) = moments(&counts)?;
        // Even a process that was silent so far may speak: half an event is added, as Jeffreys does.
        let expected = mean.max(0.5 / counts.len() as f64);
        let variance = deviation.powi(2).max(expected) * (1.0 + 1.0 / counts.len() as f64);
        let quantile = |q| quantile(expected, variance, q);
        Some(Self { low: quantile(alpha / 2.0), high: quantile(1.0 - alpha / 2.0), mean })
    }

    /// Whether a day's count is usual.
    pub fn holds(&self, count: u64) -> bool {
        (self.low..=self.high).contains(&count)
    }
}

/// Smallest count whose cumulative chance reaches `q` under the negative binomial of this mean and
/// variance.
fn quantile(mean: f64, variance: f64, q: f64) -> u64 {
    const MOST: u64 = 10_000_000;
    let size = mean * mean / (variance - mean);
    let (ln_p, ln_q) = ((size / (size + mean)).ln(), (mean / (size + mean)).ln());
    let mut sum = 0.0;
    for count in 0..MOST {
        let k = count as f64;
        let ln = ln_gamma(k + size) - ln_gamma(size) - ln_gamma(k + 1.0) + size * ln_p + k * ln_q;
        sum += ln.exp();
        // The sum of chances may stop short of 1 by rounding: far beyond the mean nothing is left.
        if sum >= q || (k > mean && ln < -40.0) {
            return count;
        }
    }
    MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats.nbinom.ppf([.0005, .9995], 2.5, 2.5 / 10.5)
        let variance = 8.0 + 8.0 * 8.0 / 2.5;
        assert_eq!((quantile(8.0, variance, 0.0005), quantile(8.0, variance, 0.9995)), (0, 39));
    }

    #[test]
    fn bursts_widen_the_band() {
        let steady = Band::of(&[4, 5, 3, 4, 6, 4, 3, 5, 4, 4], 0.001).unwrap();
        let bursts = Band::of(&[0, 1, 0, 22, 0, 2, 1, 16, 0, 0], 0.001).unwrap();
        assert!(steady.holds(4) && !steady.holds(20) && bursts.holds(20), "{steady:?} {bursts:?}");
        assert!(!bursts.holds(400));
    }

    #[test]
    fn a_silent_week_still_has_a_band() {
        let band = Band::of(&[0; 14], 0.001).unwrap();
        assert!(band.holds(0) && band.high < 5, "{band:?}");
        assert_eq!(Band::of(&[1; 6], 0.001), None);
    }
}
