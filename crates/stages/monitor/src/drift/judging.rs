//! From tests to drift: all tests of a window, false-discovery control over them, and over what they
//! say together with the window before.

use foresite_metrics::drift::decision::Rule;
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
    let [before, now] = [BEFORE, NOW].map(|window| tested(places, window));
    let p_values: Vec<f64> = now.iter().flatten().map(|tested| tested.p_value).collect();
    let both: Vec<(Tested, Option<Tested>)> = now
        .iter()
        .zip(&before)
        .flat_map(|(now, before)| {
            let earlier = |now: &Tested| before.iter().find(|of| of.statistic == now.statistic);
            now.iter().map(move |now| (*now, earlier(now).copied()))
        })
        .collect();
    let pairs: Vec<_> = both.iter().map(|(now, before)| Some(((*before)?, *now))).collect();
    let mut verdicts = both.into_iter().zip(q_values(&p_values)).zip(rule.confirmed(&pairs)).map(
        |(((tested, before), q_value), confirmed)| {
            let flagged = confirmed || rule.flags(&tested, q_value);
            Verdict { tested, q_value, flagged, confirmed, before }
        },
    );
    now.iter().map(|of| verdicts.by_ref().take(of.len()).collect()).collect()
}

/// The verdict of a statistic.
pub(super) fn of(verdicts: &[Verdict], statistic: Statistic) -> Option<&Verdict> {
    verdicts.iter().find(|verdict| verdict.tested.statistic == statistic)
}

/// All tests of one window, place by place.
fn tested(places: &[Place<'_>], window: usize) -> Vec<Vec<Tested>> {
    let of = |place: &Place<'_>| place.group.as_ref().map(|group| group.test(window));
    places.iter().map(|place| of(place).unwrap_or_default()).collect()
}
