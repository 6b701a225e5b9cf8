//! From tests to drift that people hear about.

use super::discovery::q_values;
use super::group::{Statistic, Tested};

/// Greatest p-value of each of two windows that are sure together: one that says nothing by itself
/// confirms nothing.
const HINT: f64 = 0.05;

/// When a test is a finding, and when it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Greatest q-value of a finding.
    pub false_discovery_rate: f64,
    /// Greatest q-value of two windows in a row together, which confirm a finding.
    pub false_confirmation_rate: f64,
    /// Least effect, in interquartile ranges of the reference: with enough cells the smallest
    /// difference is significant, and means nothing.
    pub least_effect: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { false_discovery_rate: 0.05, false_confirmation_rate: 0.01, least_effect: 0.2 }
    }
}

impl Rule {
    /// Whether a test says drift in its window.
    pub fn flags(&self, tested: &Tested, q_value: f64) -> bool {
        q_value <= self.false_discovery_rate && tested.effect >= self.least_effect
    }

    /// Which tests are confirmed: of each, what it said in the window before and what it says now,
    /// where it was tested in both.
    ///
    /// The two are judged together ([`Tested::together`]), because neither need be sure: a movement
    /// that is found in one window for certain is hidden in the next by a noisy day as often as not.
    pub fn confirmed(&self, pairs: &[Option<(Tested, Tested)>]) -> Vec<bool> {
        let p_values: Vec<f64> =
            pairs.iter().flatten().map(|(_, now)| now.together.unwrap_or(1.0)).collect();
        let mut q_values = q_values(&p_values).into_iter();
        let mut is_sure = |(before, now): &(Tested, Tested)| {
            let q = q_values.next().unwrap_or(1.0);
            let hints = |of: &Tested| of.p_value <= HINT && of.effect >= self.least_effect;
            q <= self.false_confirmation_rate && hints(before) && hints(now) && agree(before, now)
        };
        pairs.iter().map(|pair| pair.as_ref().is_some_and(&mut is_sure)).collect()
    }
}

/// Whether two windows in a row say the same: a level that is up one day and down the next is noise,
/// and a single bad day is an incident, though every window that holds it shows it.
fn agree(before: &Tested, now: &Tested) -> bool {
    before.statistic == now.statistic
        && now.persists
        && (now.statistic == Statistic::Part || (before.moved > 0.0) == (now.moved > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(statistic: Statistic, value: f64, effect: f64) -> Tested {
        Tested {
            statistic,
            value,
            moved: value,
            threshold: 1.0,
            effect,
            p_value: 0.0,
            together: Some(0.0),
            rank: 0.0,
            entities: 100,
            blocks: 56,
            persists: true,
        }
    }

    #[test]
    fn a_finding_needs_an_effect() {
        let rule = Rule::default();
        assert!(rule.flags(&tested(Statistic::Level, 1.0, 0.3), 0.01));
        assert!(!rule.flags(&tested(Statistic::Level, 1.0, 0.1), 1e-9));
        assert!(!rule.flags(&tested(Statistic::Part, 0.1, 0.3), 0.06));
    }

    #[test]
    fn ups_and_downs_confirm_nothing() {
        let level = |value| tested(Statistic::Level, value, 1.0);
        assert!(agree(&level(-1.0), &level(-0.5)));
        assert!(!agree(&level(1.0), &level(-1.0)));
        // Above zero and below what is usual is down.
        let below = Tested { moved: -0.5, ..level(0.5) };
        assert!(!agree(&level(1.0), &below) && agree(&level(-1.0), &below));
        let part = tested(Statistic::Part, 0.2, 1.0);
        assert!(agree(&part, &part) && !agree(&part, &level(1.0)));
        assert!(!agree(&part, &Tested { persists: false, ..part }));
    }

    #[test]
    fn a_weak_window_is_carried_by_a_strong_one_and_a_silent_one_is_not() {
        let part = |p_value, together| Tested {
            p_value,
            together: Some(together),
            ..tested(Statistic::Part, 0.2, 0.3)
        };
        let others = || std::iter::repeat_n(Some((part(0.5, 1.0), part(0.5, 0.5))), 59);
        let is_confirmed = |before: Tested, now: Tested| {
            let pairs: Vec<_> = std::iter::once(Some((before, now))).chain(others()).collect();
            let said = Rule::default().confirmed(&pairs);
            assert!(said[1..].iter().all(|confirmed| !confirmed), "{said:?}");
            said[0]
        };
        // .0001 among 60 tests is a q of .006.
        assert!(is_confirmed(part(1e-5, 1.0), part(0.01, 1e-4)), "a weak one after a sure one");
        assert!(is_confirmed(part(0.01, 1.0), part(0.02, 1e-4)), "two that are not sure");
        assert!(!is_confirmed(part(1e-5, 1e-9), part(0.01, 1e-3)), "together they are not sure");
        assert!(!is_confirmed(part(1e-12, 1.0), part(0.06, 1e-6)), "one of them says nothing");
        let unknown = Tested { together: None, ..part(1e-9, 0.0) };
        assert!(!is_confirmed(part(1e-9, 1.0), unknown), "nobody has values in both");
        let small = Tested { effect: 0.1, ..part(1e-5, 1e-9) };
        assert!(!is_confirmed(part(1e-5, 1.0), small), "one of them does not matter");
        assert_eq!(Rule::default().confirmed(&[None, None]), [false, false]);
    }
}
