//! When a series passes its limit.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Forecaster;

/// Paths that a passage is read from.
const PATHS: usize = 200;

/// A level and how often it must be passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The level.
    pub value: f64,
    /// Steps above it …
    pub steps: usize,
    /// … among this many consecutive ones.
    pub of_steps: usize,
}

/// Distribution of the first passage over the paths.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Step of passage per path, ascending; `None` = not within the horizon, last.
    passages: Vec<Option<usize>>,
}

impl Limit {
    /// Whether the newest values have passed it already.
    pub fn is_passed(&self, past: &[f64]) -> bool {
        let newest = &past[past.len().saturating_sub(self.of_steps)..];
        newest.iter().filter(|value| **value > self.value).count() >= self.steps
    }

    /// Index into `ahead` of the step that completes an exceedance; `past` are the newest known
    /// values, which count towards it.
    pub fn passage(&self, past: &[f64], ahead: &[f64]) -> Option<usize> {
        let reach = self.of_steps.saturating_sub(1);
        let past = &past[past.len().saturating_sub(reach)..];
        let above: Vec<bool> = past.iter().chain(ahead).map(|value| *value > self.value).collect();
        (0..ahead.len()).find(|&step| {
            let end = past.len() + step + 1;
            let window = &above[end.saturating_sub(self.of_steps)..end];
            window.iter().filter(|&&flag| flag).count() >= self.steps
        })
    }
}

impl Passage {
    /// P(passage within `steps` steps).
    pub fn within(&self, steps: usize) -> f64 {
        let early = self.passages.iter().flatten().filter(|&&at| at < steps).count();
        early as f64 / self.passages.len().max(1) as f64
    }

    /// The q-quantile of the passage; `None` = beyond the horizon.
    pub fn quantile(&self, q: f64) -> Option<usize> {
        let rank = (q * self.passages.len() as f64).ceil() as usize;
        *self.passages.get(rank.clamp(1, self.passages.len()) - 1)?
    }
}

impl Forecaster {
    /// First passage of `limit` over sampled paths; `None` where no forecast is possible, or where
    /// the calibrate slice was too short for a single path of errors.
    pub fn passage(
        &self,
        series: &str,
        history: &[f64],
        limit: Limit,
        seed: u64,
    ) -> Option<Passage> {
        let forecast = self.predict(series, history)?;
        let trajectories = self.trajectories.rows();
        if trajectories == 0 {
            return None;
        }
        let scale = self.scale(series);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut passages: Vec<Option<usize>> = (0..PATHS)
            .map(|_| {
                let errors = self.trajectories.row(rng.random_range(0..trajectories));
                let path: Vec<f64> = forecast
                    .base
                    .iter()
                    .zip(errors)
                    .map(|(value, error)| value + scale * error)
                    .collect();
                limit.passage(history, &path)
            })
            .collect();
        passages.sort_by_key(|at| at.unwrap_or(usize::MAX));
        Some(Passage { passages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { value: 70.0, steps: 3, of_steps: 7 };

    #[test]
    fn three_of_seven_days_make_a_passage() {
        let ahead = [71.0, 60.0, 72.0, 60.0, 73.0, 74.0];
        assert_eq!(LIMIT.passage(&[], &ahead), Some(4));
        assert_eq!(LIMIT.passage(&[], &[71.0, 71.0]), None);
    }

    #[test]
    fn days_before_the_cutoff_count() {
        assert_eq!(LIMIT.passage(&[71.0, 60.0, 71.0], &[71.0]), Some(0));
        let long_ago = [71.0, 71.0, 60.0, 60.0, 60.0, 60.0, 60.0];
        assert_eq!(LIMIT.passage(&long_ago, &[71.0]), None);
    }

    #[test]
    fn quantiles_are_censored() {
        let passage = Passage { passages: vec![Some(2), Some(9), None, None] };
        assert_eq!(passage.within(10), 0.5);
        assert_eq!((passage.quantile(0.5), passage.quantile(0.75)), (Some(9), None));
    }
}
