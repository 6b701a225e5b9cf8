//! The chain of the monitor stage over a made-up network: windows, tests, findings.

use std::collections::BTreeSet;

use foresite_metrics::drift::decision::Rule;
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
    let mut open: BTreeSet<(usize, usize)> = BTreeSet::new();
    for window in 1..windows {
        let tests = watched.iter().enumerate().flat_map(|(place, of)| {
            let pair = move |(which, now): (usize, &Tested)| {
                let before = of[window - 1].iter().find(|of| of.statistic == now.statistic);
                ((place, which), before.map(|before| (*before, *now)))
            };
            of[window].iter().enumerate().map(pair)
        });
        let (names, pairs): (Vec<(usize, usize)>, Vec<_>) = tests.unzip();
        let holds = names.into_iter().zip(rule.confirmed(&pairs)).filter(|(_, holds)| *holds);
        let now: BTreeSet<(usize, usize)> = holds.map(|(name, _)| name).collect();
        found.extend(now.difference(&open).map(|(place, which)| (*place, *which, window)));
        open = now;
    }
    found
}
