//! From p-values to alarms that neither flicker nor repeat.

use serde::{Deserialize, Serialize};

/// An open alarm clears at this multiple of the level.
const CLEAR: f64 = 10.0;

/// How fast the level of an entity follows its own false alarms.
const ADAPTATION: f64 = 0.5;

/// When alarms rise and clear.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// Level that two of three p-values must undercut.
    pub alpha: f64,
    /// An open alarm clears when the p-value passes `clear * alpha`.
    pub clear: f64,
    /// How fast the level of an entity follows its own false alarms: at 0.5 an exceedance takes two
    /// fifths of it and `1 / alpha` quiet steps give them back; 0 = not at all.
    pub adaptation: f64,
    /// Promised and found alarms per entity and step; `None` for a level that was not calibrated.
    #[serde(default)]
    pub promise: Option<Promise>,
}

/// What a level promises, and what it kept on the calibrate slice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Alarms per entity and step that people can look at.
    pub budget: f64,
    /// Those that the level raised. Above the budget where even the strictest level raises more.
    pub found: f64,
}

impl Promise {
    /// Whether the level keeps what it promises.
    pub fn is_kept(&self) -> bool {
        self.found <= self.budget
    }
}

/// What an entity carries from one step to the next.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AlarmState {
    /// Whether an alarm is open.
    pub is_open: bool,
    /// The last p-values, newest last, at most three.
    pub recent: Vec<f64>,
    /// The entity's own level; `None` before its first step.
    pub level: Option<f64>,
}

impl Alarms {
    /// Takes the next p-value; returns whether an alarm is open after it. A missing one changes
    /// nothing.
    ///
    /// The level follows the entity so that in the long run it is passed as often as promised, although
    /// the reference ages, and never more than the budget allows; it rests while an alarm is open, so that what lasts is not unlearned.
    /// Source: Gibbs and Candès 2021 (adaptive conformal inference), here on the logarithm.
    pub fn step(&self, state: &mut AlarmState, p_value: Option<f64>) -> bool {
        let Some(p) = p_value else {
            return state.is_open;
        };
        let level = state.level.unwrap_or(self.alpha);
        state.recent.push(p);
        let learned = (state.recent.len() > 3).then(|| state.recent.remove(0));
        if state.is_open {
            state.is_open = p <= self.alpha * self.clear;
        } else {
            let low = state.recent.iter().filter(|&&p| p <= level).count();
            state.is_open = low >= 2;
        }
        // A p-value is learned from when it leaves the window, so that it can raise an alarm first.
        if let (Some(p), false) = (learned, state.is_open) {
            let passed = f64::from(u8::from(p <= level));
            let next = level * (self.adaptation * (self.alpha - passed)).exp();
            state.level = Some(next.clamp(self.alpha / 50.0, self.alpha));
        }
        state.is_open
    }

    /// Alarm flags of a run of steps from a quiet start.
    pub fn run(&self, p_values: &[Option<f64>]) -> Vec<bool> {
        let mut state = AlarmState::default();
        p_values.iter().map(|&p| self.step(&mut state, p)).collect()
    }

    /// A level that nothing was promised of, as before the calibration.
    pub const fn at(alpha: f64) -> Self {
        Self { alpha, clear: CLEAR, adaptation: ADAPTATION, promise: None }
    }

    /// The greatest level whose alarms stay within `budget` per entity and step, on runs of p-values
    /// of the calibrate slice, each from a reference that does not hold it; the strictest level
    /// where none does, and then the promise is not kept.
    pub fn within_budget(runs: &[Vec<Option<f64>>], budget: f64) -> Self {
        const LEVELS: [f64; 14] = [
            0.05, 0.03, 0.02, 0.015, 0.01, 0.006, 0.004, 0.003, 0.002, 0.0015, 0.001, 0.0007,
            0.0005, 0.0003,
        ];
        let steps: usize = runs.iter().map(Vec::len).sum();
        let rate = |alpha: f64| {
            // Without adaptation: it would hide how often the level is passed, and buy a greater one.
            let alarms = Self { adaptation: 0.0, ..Self::at(alpha) };
            let episodes: usize =
                runs.iter().map(|run| foresite_metrics::segments(&alarms.run(run)).len()).sum();
            episodes as f64 / steps.max(1) as f64
        };
        let mut strictest = Self::at(LEVELS[0]);
        for alpha in LEVELS {
            let promise = Promise { budget, found: rate(alpha) };
            strictest = Self { promise: Some(promise), ..Self::at(alpha) };
            if promise.is_kept() {
                break;
            }
        }
        strictest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three_raise_and_only_calm_clears() {
        let alarms = Alarms::at(0.01);
        let p = [0.5, 0.009, 0.5, 0.009, 0.05, 0.09, 0.2, 0.5].map(Some);
        let open = alarms.run(&p);
        assert_eq!(open, [false, false, false, true, true, true, false, false]);
    }

    #[test]
    fn an_entity_that_cries_wolf_is_believed_less() {
        let alarms = Alarms::at(0.01);
        // Twice in a row every forty steps: each pair would be an alarm.
        let p: Vec<Option<f64>> =
            (0..1200).map(|step| Some(if step % 40 < 2 { 0.005 } else { 0.5 })).collect();
        let raised = foresite_metrics::segments(&alarms.run(&p)).len();
        assert!((1..15).contains(&raised), "{raised} of 30");
    }

    #[test]
    fn a_gap_keeps_the_state() {
        let alarms = Alarms::at(0.01);
        assert_eq!(
            alarms.run(&[Some(0.001), Some(0.001), None, Some(0.9)]),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_smaller_budget_gives_a_stricter_level() {
        // Pairs of equal p-values, so that every low one counts twice.
        let run: Vec<Option<f64>> =
            (0..8000_u32).map(|i| Some(f64::from((i / 2 * 7919) % 4001) / 4001.0)).collect();
        let generous = Alarms::within_budget(std::slice::from_ref(&run), 0.02);
        let strict = Alarms::within_budget(&[run], 0.0005);
        assert!(strict.alpha < generous.alpha);
        assert!(generous.promise.unwrap().is_kept());
    }

    #[test]
    fn a_budget_that_no_level_keeps_is_not_promised() {
        // Two steps in five beyond any level.
        let run: Vec<Option<f64>> =
            (0..1000).map(|step| Some(if step % 5 < 2 { 0.0001 } else { 0.9 })).collect();
        let alarms = Alarms::within_budget(&[run], 0.001);
        let promise = alarms.promise.unwrap();
        assert!(!promise.is_kept(), "{promise:?}");
        assert!((promise.found - 0.2).abs() < 0.01, "{promise:?}");
    }
}
