//! The chain of the monitor stage over a made-up network: windows, tests, findings.

use foresite_metrics::drift::decision::{Rule, confirms};
use foresite_metrics::drift::discovery::q_values;
use foresite_metrics::drift::group::{Group, Kinds, Tested};
use foresite_metrics::drift::profile::{Blocks, Cut, blocks};

use crate::synthetic::{DAY, Network};

/// A channel of a group, tested in every window: `[window][statistic]`.
pub(crate) type Watched = Vec<Vec<Tested>>;

/// Days of a window; the next begins a day later.
pub(crate) const WINDOW_DAYS: usize = 2;

/// Tests a channel: the whole network, then its cells cut into so many equal groups.
pub(crate) fn watch(network: &Network, values: &[Vec<f32>], groups: usize) -> Vec<Watched> {
    let cut = Cut {
        reference_steps: network.reference_days * DAY,
        block_steps: WINDOW_DAYS * DAY,
        stride_steps: DAY,
        week_steps: 7 * DAY,
    };
    let hours: Vec<u8> = (0..network.hours()).map(|hour| (hour % 168) as u8).collect();
    let cells: Vec<Blocks> =
        values.iter().filter_map(|values| blocks(values, &hours, cut)).collect();
    let weekday = |day: usize| (day % 7) as u8;
    let reference: Vec<Option<u8>> = (0..network.reference_days).map(weekday).map(Some).collect();
    let windows: Vec<u8> =
        (0..network.window_days).map(|day| weekday(network.reference_days + day)).collect();
    let kinds = Kinds { reference: &reference, windows: &windows };
    let size = if groups == 0 { cells.len() } else { cells.len().div_ceil(groups) };
    let parts = cells.chunks(size).filter(|part| part.len() < cells.len());
    std::iter::once(&cells[..])
        .chain(parts)
        .map(|members| {
            let members: Vec<&Blocks> = members.iter().collect();
            let group = Group::new(&members, kinds);
            let test = |window| group.as_ref().map(|group| group.test(window)).unwrap_or_default();
            (0..=network.window_days - WINDOW_DAYS).map(test).collect()
        })
        .collect()
}

/// Confirmed findings: (place among the watched, statistic, window), each once when it begins.
pub(crate) fn confirmed(watched: &[Watched], rule: &Rule) -> Vec<(usize, usize, usize)> {
    let windows = watched.iter().map(Vec::len).min().unwrap_or(0);
    let mut found = Vec::new();
    let mut before: Vec<Option<Tested>> = Vec::new();
    let mut open: Vec<bool> = Vec::new();
    for window in 0..windows {
        let now: Vec<(usize, usize, Tested)> = watched
            .iter()
            .enumerate()
            .flat_map(|(place, of)| {
                of[window].iter().enumerate().map(move |(which, tested)| (place, which, *tested))
            })
            .collect();
        let p_values: Vec<f64> = now.iter().map(|(_, _, tested)| tested.p_value).collect();
        let q = q_values(&p_values);
        before.resize(now.len(), None);
        open.resize(now.len(), false);
        for (at, (place, which, tested)) in now.into_iter().enumerate() {
            let flagged = rule.flags(&tested, q[at]).then_some(tested);
            let holds = matches!((before[at], flagged), (Some(a), Some(b)) if confirms(&a, &b));
            if holds && !open[at] {
                found.push((place, which, window));
            }
            open[at] = holds;
            before[at] = flagged;
        }
    }
    found
}
