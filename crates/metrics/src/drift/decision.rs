//! From tests to drift that people hear about.

use super::group::{Statistic, Tested};

/// When a test is a finding.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Greatest q-value of a finding.
    pub false_discovery_rate: f64,
    /// Least effect, in interquartile ranges of the reference: with enough cells the smallest
    /// difference is significant, and means nothing.
    pub least_effect: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { false_discovery_rate: 0.05, least_effect: 0.2 }
    }
}

impl Rule {
    /// Whether a test says drift in its window.
    pub fn flags(&self, tested: &Tested, q_value: f64) -> bool {
        q_value <= self.false_discovery_rate && tested.effect >= self.least_effect
    }
}

/// Whether two flagged tests of windows in a row say the same: a level that is up one day and down
/// the next is noise, and a single bad day is an incident, though every window that holds it shows it.
pub fn confirms(before: &Tested, now: &Tested) -> bool {
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
        assert!(confirms(&level(-1.0), &level(-0.5)));
        assert!(!confirms(&level(1.0), &level(-1.0)));
        // Above zero and below what is usual is down.
        let below = Tested { moved: -0.5, ..level(0.5) };
        assert!(!confirms(&level(1.0), &below) && confirms(&level(-1.0), &below));
        let part = tested(Statistic::Part, 0.2, 1.0);
        assert!(confirms(&part, &part) && !confirms(&part, &level(1.0)));
        assert!(!confirms(&part, &Tested { persists: false, ..part }));
    }
}
