//! New software as a cause: the finding hangs on who runs it, or they count in another way.

use std::collections::BTreeSet;

use foresite_metrics::drift::ratio::{Change, Observed, Pair, change};
use foresite_schema::site_of;

use super::{Case, Cause, Explained, Known};
use crate::drift::NOW;
use crate::panel::Series;

impl Known {
    pub(super) fn upgrade(&self, case: &Case<'_>) -> Option<Explained> {
        let release = |id: &str, at| {
            let of = |id| self.network.state(id, at).and_then(|state| state.software.clone());
            of(id).or_else(|| of(site_of(id)))
        };
        let before = self.since(case);
        let upgraded = case.concerned(|id| {
            let (was, is) = (release(id, before), release(id, self.window.1));
            was.is_some() && is.is_some() && was != is
        });
        if upgraded.is_empty() {
            return None;
        }
        let releases: BTreeSet<String> = upgraded
            .iter()
            .filter_map(|place| release(&case.members[*place], self.window.1))
            .collect();
        let releases = releases.into_iter().collect::<Vec<_>>().join(", ");
        let ratio = ratio_test(case, &upgraded);
        let hangs = case.hangs_on(&upgraded, &format!("run new software ({releases})"));
        let counted = || {
            format!(
                "{} of {} entities run new software ({releases})",
                upgraded.len(),
                case.group.len()
            )
        };
        let mut evidence = match (hangs, &ratio) {
            (Some(evidence), _) => evidence,
            (None, Some(_)) => vec![counted()],
            (None, None) => return None,
        };
        evidence.extend(ratio);
        Some((Cause::SoftwareUpgrade, evidence))
    }
}

/// Whether upgraded entities count in another way, in words.
fn ratio_test(case: &Case<'_>, upgraded: &BTreeSet<usize>) -> Option<String> {
    let traffic = case.traffic?;
    let observed = |place: usize| Observed {
        channel: pair(&case.channel.series[place]),
        traffic: pair(&traffic.series[place]),
    };
    let (own, others): (Vec<usize>, Vec<usize>) =
        case.group.iter().copied().partition(|place| upgraded.contains(place));
    let [own, others] =
        [own, others].map(|of| of.into_iter().map(observed).collect::<Vec<Observed>>());
    match change(&own, &others) {
        Change::Rescaled { factor, traffic } => Some(format!(
            "`{}` is {factor:.3} times what it was on upgraded entities beside the others, their traffic {traffic:.3} times",
            case.channel.name
        )),
        Change::Gone { share } => Some(format!(
            "`{}` is gone from {:.0} % of the upgraded entities while their traffic goes on",
            case.channel.name,
            100.0 * share
        )),
        Change::WithTraffic { .. } | Change::None => None,
    }
}

/// Level of the reference, and of the window.
fn pair(series: &Series) -> Pair {
    let Some(blocks) = &series.blocks else {
        return Pair { before: f64::NAN, after: f64::NAN };
    };
    let moved = blocks.windows.get(NOW).map_or(f64::NAN, |mean| blocks.moved(*mean));
    Pair { before: blocks.level, after: blocks.level + moved }
}
