//! How well a model probably does before anybody knows: an estimate from its own probabilities.
//!
//! Source: confidence-based performance estimation (CBPE, NannyML; Kull and Flach 2015). When a
//! probability means what it says, p (1 - p) is the Brier score to be expected and Σ p the number of
//! events. It holds while only the inputs move (covariate shift). When the same inputs begin to mean
//! something else it does not, and it cannot know: [`holds`] asks the predictions whose truth has
//! arrived.

use super::moments;
use super::student;

/// What is to be expected of probabilities that mean what they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Brier score.
    pub brier: f64,
    /// Events.
    pub events: f64,
    /// Standard deviation of the number of events, were all of them independent.
    pub events_deviation: f64,
    /// Predictions behind it.
    pub samples: usize,
}

/// The estimate; `None` without probabilities.
pub fn estimate(probabilities: &[f64]) -> Option<Estimate> {
    let known = probabilities.iter().copied().filter(|p| p.is_finite());
    let (samples, sum, variance) =
        known.fold((0_usize, 0.0, 0.0), |(n, sum, v), p| (n + 1, sum + p, v + p * (1.0 - p)));
    (samples > 0).then(|| Estimate {
        brier: variance / samples as f64,
        events: sum,
        events_deviation: variance.max(0.0).sqrt(),
        samples,
    })
}

/// Whether estimates can be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holds {
    /// What was predicted and what came agree.
    Yes,
    /// They do not: events that came and that had been expected, and the chance of such a difference.
    No {
        /// Events that came.
        came: usize,
        /// Events that the probabilities promised.
        expected: f64,
        /// Chance of such a difference, did probabilities mean what they say.
        p_value: f64,
    },
    /// Too little truth to say.
    Unknown,
}

/// Blocks without which nothing can be said.
const LEAST_BLOCKS: usize = 5;
/// Events, come or expected, without which nothing can be said.
const LEAST_EVENTS: f64 = 3.0;
/// Chance from which on a difference is no chance.
const ALPHA: f64 = 0.01;

/// Predictions whose truth has arrived.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What came of them.
    pub labels: &'a [bool],
    /// What was said.
    pub probabilities: &'a [f64],
    /// What hangs together: an entity's weeks, or its horizons where those are longer.
    pub blocks: &'a [u64],
    /// Predictions that see the same event; 1 where each looks at a time of its own.
    pub sharing: usize,
}

/// Compares probabilities with what came of them, block by block: rows of a block see the same event
/// many times and count once. A t-test of the blocks' differences.
///
/// Its variance is the greater of that which was seen and of that which the probabilities promise
/// (Poisson's, where events are rare): where next to no block saw an event, all blocks differ from
/// what was expected by the same small number, and say so with no spread at all.
///
/// # Panics
/// When the slices differ in length.
pub fn holds(judged: Judged<'_>) -> Holds {
    let Judged { labels, probabilities, blocks, sharing } = judged;
    assert!(labels.len() == probabilities.len() && labels.len() == blocks.len(), "equal lengths");
    let mut by_block: std::collections::BTreeMap<u64, f64> = std::collections::BTreeMap::new();
    for ((label, p), block) in labels.iter().zip(probabilities).zip(blocks) {
        *by_block.entry(*block).or_default() += f64::from(u8::from(*label)) - p;
    }
    let came = labels.iter().filter(|label| **label).count();
    let expected: f64 = probabilities.iter().sum();
    let differences: Vec<f64> = by_block.into_values().collect();
    let Some((mean, deviation)) = moments(&differences) else {
        return Holds::Unknown;
    };
    // Of an event that so many rows share, each row more is no news.
    let sharing = sharing.max(1) as f64;
    if differences.len() < LEAST_BLOCKS || (came as f64).max(expected) / sharing < LEAST_EVENTS {
        return Holds::Unknown;
    }
    let count = differences.len() as f64;
    let promised = sharing * probabilities.iter().map(|p| p * (1.0 - p)).sum::<f64>();
    let variance = (count * deviation.powi(2)).max(promised);
    let t = mean * count / variance.sqrt().max(f64::MIN_POSITIVE);
    let p_value = student::two_sided(t, count - 1.0);
    if p_value < ALPHA { Holds::No { came, expected, p_value } } else { Holds::Yes }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::brier;

    fn holds(labels: &[bool], probabilities: &[f64], blocks: &[u64]) -> Holds {
        super::holds(Judged { labels, probabilities, blocks, sharing: 1 })
    }

    /// Probabilities with outcomes at `factor` times their odds of coming.
    fn drawn(factor: f64) -> (Vec<bool>, Vec<f64>, Vec<u64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let p: Vec<f64> = (0..4000).map(|_| 0.4 * rng.random::<f64>().powi(2)).collect();
        let labels = p.iter().map(|p| rng.random::<f64>() < p * factor).collect();
        (labels, p, (0..4000).map(|at| at / 20).collect())
    }

    #[test]
    fn calibrated_probabilities_foretell_their_score() {
        let (labels, p, blocks) = drawn(1.0);
        let estimate = estimate(&p).unwrap();
        let realised = brier(&labels, &p).unwrap();
        assert!((estimate.brier / realised - 1.0).abs() < 0.1, "{} {realised}", estimate.brier);
        assert_eq!(holds(&labels, &p, &blocks), Holds::Yes);
    }

    #[test]
    fn an_estimate_that_no_longer_holds_says_so() {
        let (labels, p, blocks) = drawn(1.8);
        let Holds::No { came, expected, .. } = holds(&labels, &p, &blocks) else {
            panic!("expected a difference");
        };
        assert!(came as f64 > 1.5 * expected);
        assert_eq!(holds(&labels[..50], &p[..50], &blocks[..50]), Holds::Unknown);
        assert_eq!(super::estimate(&[f64::NAN]), None);
    }

    #[test]
    fn that_no_rare_event_came_is_no_surprise() {
        // Four were expected in a thousand entities' weeks: none comes with the chance e⁻⁴ = .018.
        let of = |count: u64, p: f64| {
            let blocks: Vec<u64> = (0..count).collect();
            holds(&vec![false; blocks.len()], &vec![p; blocks.len()], &blocks)
        };
        assert_eq!(of(1000, 0.004), Holds::Yes);
        assert!(matches!(of(5000, 0.004), Holds::No { came: 0, .. }), "{:?}", of(5000, 0.004));
    }

    #[test]
    fn rows_that_share_an_event_are_one_surprise() {
        // A thousand days of 24 rows that each look at the whole day: four events were expected.
        let labels = vec![false; 24_000];
        let probabilities = vec![0.004; labels.len()];
        let blocks: Vec<u64> = (0..24_000).map(|at| at / 24).collect();
        let of = |sharing| {
            let (labels, probabilities) = (&labels[..], &probabilities[..]);
            super::holds(Judged { labels, probabilities, blocks: &blocks, sharing })
        };
        assert_eq!(of(24), Holds::Yes);
        assert!(matches!(of(1), Holds::No { .. }), "{:?}", of(1));
        assert_eq!(of(48), Holds::Unknown);
    }
}
