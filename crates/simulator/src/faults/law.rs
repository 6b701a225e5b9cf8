//! The law of a deterioration: how likely it is to end in a failure, and when.
//!
//! Severity grows linearly, `x = age / pace`. The hazard of failing is Gompertz in severity,
//! `k · exp(β x) / pace`; the hazard of healing is constant, `h / pace`. Both are memoryless given
//! the severity, so the probability of failing within a horizon is exact from the present state,
//! and no observer of the telemetry can know more.

use crate::random::{Stream, normal_quantile};

/// Scale of the failure hazard: half of the unhealed are gone near severity 0.9.
const K: f64 = 0.018;
/// Growth of the failure hazard with severity.
const BETA: f64 = 6.0;
/// Step and end of the table.
const STEP: f64 = 0.004;
const END: f64 = 2.4;
/// The longest horizon, 30 days.
const FRESH_HOURS: usize = 720;

/// The law of one kind of unit.
#[derive(Debug, Clone)]
pub struct Law {
    /// Median hours to severity 1.
    pub pace_hours: f64,
    /// Standard deviation of the logarithm of the pace.
    pub pace_sigma: f64,
    /// Healing, in units of 1 / pace.
    heal: f64,
    /// Probability to have failed before severity x, at steps of [`STEP`].
    failed: Vec<f64>,
    /// Failures from fresh onsets within each number of hours.
    fresh: Vec<f64>,
}

impl Law {
    /// Tabulates the law.
    pub fn new(pace_days: f64, pace_sigma: f64, heal: f64) -> Self {
        let mut law = Self {
            pace_hours: 24.0 * pace_days,
            pace_sigma,
            heal,
            failed: vec![0.0],
            fresh: Vec::new(),
        };
        let density = |law: &Self, x: f64| K * (BETA * x).exp() * law.survival(x);
        let mut sum = 0.0;
        for step in 0..(END / STEP) as usize {
            let x = step as f64 * STEP;
            let (a, b, c) =
                (density(&law, x), density(&law, x + STEP / 2.0), density(&law, x + STEP));
            sum += STEP / 6.0 * (a + 4.0 * b + c);
            law.failed.push(sum);
        }
        law.fresh = law.tabulate_fresh();
        law
    }

    /// Probability to be neither failed nor healed at severity `x`.
    fn survival(&self, x: f64) -> f64 {
        (-K / BETA * (BETA * x).exp_m1() - self.heal * x).exp()
    }

    fn failed(&self, x: f64) -> f64 {
        let place = (x / STEP).clamp(0.0, (self.failed.len() - 1) as f64);
        let low = place as usize;
        let high = (low + 1).min(self.failed.len() - 1);
        self.failed[low] + (self.failed[high] - self.failed[low]) * place.fract()
    }

    /// Probability to fail within `hours` from severity `x` at this pace.
    pub fn failure_within(&self, x: f64, hours: f64, pace_hours: f64) -> f64 {
        let x = x.min(END - 0.4);
        let gain = self.failed(x + hours.max(0.0) / pace_hours) - self.failed(x);
        (gain / self.survival(x)).clamp(0.0, 1.0)
    }

    /// Expected failures from onsets at rate 1 per hour during the next `hours`:
    /// ∫ P(onset at u fails before `hours`) du, averaged over the pace.
    pub fn fresh_failures(&self, hours: f64) -> f64 {
        let place = hours.clamp(0.0, FRESH_HOURS as f64);
        let low = place as usize;
        let high = (low + 1).min(FRESH_HOURS);
        self.fresh[low] + (self.fresh[high] - self.fresh[low]) * place.fract()
    }

    /// The table behind [`Self::fresh_failures`], a value for each full hour.
    fn tabulate_fresh(&self) -> Vec<f64> {
        const PACES: usize = 15;
        let paces: [f64; PACES] = std::array::from_fn(|n| {
            let z = normal_quantile((n as f64 + 0.5) / PACES as f64);
            self.pace_hours * (self.pace_sigma * z).exp()
        });
        let mut table = vec![0.0];
        let mut sum = 0.0;
        for hour in 0..FRESH_HOURS {
            let failed = |pace: f64| self.failed((hour as f64 + 0.5) / pace);
            sum += paces.iter().map(|&pace| failed(pace)).sum::<f64>() / PACES as f64;
            table.push(sum);
        }
        table
    }

    /// Draws a deterioration: pace in hours, hours to its end, whether it ends in a failure.
    pub fn draw(&self, draw: &mut Stream) -> (f64, f64, bool) {
        let pace = draw.log_normal(self.pace_hours, self.pace_sigma);
        let fails = (1.0 + BETA * draw.exponential(1.0) / K).ln() / BETA;
        let heals = draw.exponential(1.0 / self.heal);
        (pace, pace * fails.min(heals), fails <= heals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn probabilities_match_draws() {
        let law = Law::new(8.0, 0.4, 0.35);
        let key = Key::root(5);
        let draws: Vec<_> = (0..40_000).map(|n| law.draw(&mut key.at(n).stream())).collect();
        // From severity 0.6, within the next 0.2: conditional on having come so far.
        let alive: Vec<_> = draws.iter().filter(|(pace, end, _)| end / pace > 0.6).collect();
        let failed = alive.iter().filter(|(pace, end, fails)| *fails && end / pace <= 0.8).count();
        let expected = law.failure_within(0.6, 0.2 * 100.0, 100.0);
        assert!((failed as f64 / alive.len() as f64 - expected).abs() < 0.01);
        let ever = draws.iter().filter(|(_, _, fails)| *fails).count() as f64 / draws.len() as f64;
        assert!((ever - law.failure_within(0.0, 1e9, 1.0)).abs() < 0.01);
        assert!((0.6..0.85).contains(&ever), "share that fails: {ever}");
    }
}
