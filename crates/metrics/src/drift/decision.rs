//! From tests to drift that people hear about.

use super::group::{Statistic, Tested};

/// When a test is a finding.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Greatest q-value of a part that moved.
    pub false_discovery_rate: f64,
    /// Greatest q-value of a level. What all share (weather, football) lasts for days and comes again,
    /// so that false ones are not independent from window to window: less is allowed.
    pub level_false_discovery_rate: f64,
    /// Least effect, in interquartile ranges of the reference: with enough cells the smallest
    /// difference is significant, and means nothing.
    pub least_effect: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { false_discovery_rate: 0.1, level_false_discovery_rate: 0.025, least_effect: 0.2 }
    }
}

impl Rule {
    /// Whether a test says drift in its window.
    pub fn flags(&self, tested: &Tested, q_value: f64) -> bool {
        let most = match tested.statistic {
            Statistic::Level => self.level_false_discovery_rate,
            Statistic::Part => self.false_discovery_rate,
        };
        q_value <= most && tested.effect >= self.least_effect
    }
}

/// q-values of all tests of a window, levels and parts by themselves: they answer two questions.
pub fn q_values(tests: &[Tested]) -> Vec<f64> {
    let mut q = vec![1.0; tests.len()];
    for statistic in [Statistic::Level, Statistic::Part] {
        let of: Vec<usize> =
            (0..tests.len()).filter(|at| tests[*at].statistic == statistic).collect();
        let p_values: Vec<f64> = of.iter().map(|at| tests[*at].p_value).collect();
        for (at, value) in of.into_iter().zip(super::discovery::q_values(&p_values)) {
            q[at] = value;
        }
    }
    q
}

/// Whether two flagged tests of windows in a row say the same: a level that is up one day and down
/// the next is noise, and a single bad day is an incident, though every window that holds it shows it.
pub fn confirms(before: &Tested, now: &Tested) -> bool {
    before.statistic == now.statistic
        && now.persists
        && (now.statistic == Statistic::Part || (before.value > 0.0) == (now.value > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(statistic: Statistic, value: f64, effect: f64) -> Tested {
        Tested {
            statistic,
            value,
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
        assert!(rule.flags(&tested(Statistic::Part, 0.1, 0.3), 0.06));
        assert!(!rule.flags(&tested(Statistic::Level, 0.1, 0.3), 0.06));
    }

    #[test]
    fn many_quiet_levels_do_not_hide_a_part() {
        let of = |statistic, p_value| Tested { p_value, ..tested(statistic, 1.0, 1.0) };
        let mut tests = vec![of(Statistic::Level, 0.5); 50];
        tests.push(of(Statistic::Part, 0.01));
        tests.push(of(Statistic::Part, 0.8));
        let q = q_values(&tests);
        assert!((q[50] - 0.02).abs() < 1e-12 && q[0] > 0.4, "{q:?}");
    }

    #[test]
    fn ups_and_downs_confirm_nothing() {
        let level = |value| tested(Statistic::Level, value, 1.0);
        assert!(confirms(&level(-1.0), &level(-0.5)));
        assert!(!confirms(&level(1.0), &level(-1.0)));
        let part = tested(Statistic::Part, 0.2, 1.0);
        assert!(confirms(&part, &part) && !confirms(&part, &level(1.0)));
        assert!(!confirms(&part, &Tested { persists: false, ..part }));
    }
}
