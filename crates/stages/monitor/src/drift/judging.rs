//! From tests to drift: all tests of a window, false-discovery control over them, and whether the
//! window before said the same.

use foresite_metrics::drift::decision::{Rule, confirms};
use foresite_metrics::drift::discovery::q_values;
use foresite_metrics::drift::group::{Statistic, Tested};

use super::place::Place;
use super::{BEFORE, NOW};

/// A test of the window, as it was judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) tested: Tested,
    pub(super) q_value: f64,
    pub(super) flagged: bool,
    pub(super) confirmed: bool,
    /// The same test of the window before.
    pub(super) before: Option<Tested>,
}

/// The verdicts on every place, in order: one a statistic that could be tested.
pub(super) fn judge(rule: &Rule, places: &[Place<'_>]) -> Vec<Vec<Verdict>> {
    let [before, now] = [BEFORE, NOW].map(|window| flagged(rule, places, window));
    let verdict = |(tested, q_value, flagged): Flagged, before: &[Flagged]| {
        let before = before.iter().find(|(before, ..)| before.statistic == tested.statistic);
        let says_so =
            before.is_some_and(|(before, _, flagged)| *flagged && confirms(before, &tested));
        Verdict {
            tested,
            q_value,
            flagged,
            confirmed: flagged && says_so,
            before: before.map(|(before, ..)| *before),
        }
    };
    let both = now.into_iter().zip(before);
    both.map(|(now, before)| now.into_iter().map(|of| verdict(of, &before)).collect()).collect()
}

/// The verdict of a statistic.
pub(super) fn of(verdicts: &[Verdict], statistic: Statistic) -> Option<&Verdict> {
    verdicts.iter().find(|verdict| verdict.tested.statistic == statistic)
}

/// A test with its q-value, and whether it is a finding.
type Flagged = (Tested, f64, bool);

/// All tests of one window, with false-discovery control over them.
fn flagged(rule: &Rule, places: &[Place<'_>], window: usize) -> Vec<Vec<Flagged>> {
    let tests: Vec<Vec<Tested>> = places
        .iter()
        .map(|place| place.group.as_ref().map_or_else(Vec::new, |group| group.test(window)))
        .collect();
    let p_values: Vec<f64> = tests.iter().flatten().map(|tested| tested.p_value).collect();
    let mut q_values = q_values(&p_values).into_iter();
    let mut judge = |tested: Tested| {
        let q = q_values.next().unwrap_or(1.0);
        (tested, q, rule.flags(&tested, q))
    };
    tests.into_iter().map(|of| of.into_iter().map(&mut judge).collect()).collect()
}
