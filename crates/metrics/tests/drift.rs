//! Drift is found where it is, and not where it is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../examples/drift_figures/synthetic.rs"]
mod synthetic;
#[path = "../examples/drift_figures/watch.rs"]
mod watch;

use foresite_metrics::drift::decision::Rule;
use foresite_metrics::drift::defaults::verdicts;
use foresite_metrics::drift::distance::Sorted;
use synthetic::{DAY, Network, Shift};
use watch::{WINDOW_DAYS, confirmed, watch};

const NETWORK: Network = Network {
    cells: 300,
    reference_days: 56,
    window_days: 14,
    noise: 0.15,
    persistence: 0.9,
    common: 0.02,
    bursts: 0.0,
};

#[test]
fn a_network_without_drift_is_left_alone_where_the_defaults_cry_daily() {
    let mut fired = 0;
    let channels: Vec<Vec<Vec<f32>>> = (0..5).map(|seed| NETWORK.channel(seed, None)).collect();
    for values in &channels {
        let part = |from: usize, to: usize| {
            let hours = from * DAY..to * DAY;
            Sorted::new(values.iter().flat_map(|cell| cell[hours.clone()].iter().copied()))
        };
        let reference = part(0, 56);
        fired += (56..70).filter(|day| verdicts(&reference, &part(*day, day + 1)).ks).count();
    }
    let watched: Vec<_> = channels.iter().flat_map(|values| watch(&NETWORK, values, 0)).collect();
    assert!(confirmed(&watched, &Rule::default()).len() <= 1);
    assert!(fired > 35, "{fired} of 70 channel-days by KS");
}

#[test]
fn single_p_values_are_about_uniform_without_drift() {
    let mut p_values = Vec::new();
    for seed in 10..22 {
        for window in watch(&NETWORK, &NETWORK.channel(seed, None), 0).remove(0) {
            p_values.extend(window.into_iter().map(|tested| tested.p_value));
        }
    }
    let below =
        |limit: f64| p_values.iter().filter(|p| **p < limit).count() as f64 / p_values.len() as f64;
    // A common day lasts several days, so that values of one run hang together.
    assert!((0.01..0.12).contains(&below(0.05)), "{}", below(0.05));
    assert!(below(0.001) < 0.01, "{}", below(0.001));
}

#[test]
fn a_fifth_of_the_cells_moving_by_a_tenth_is_found_within_three_days() {
    for (seed, factor) in [(31, 1.1), (32, 0.9)] {
        let network = Network { cells: 2000, window_days: 6, ..NETWORK };
        let shift = Shift { share: 0.2, factor, from_window: 2 };
        let watched = watch(&network, &network.channel(seed, Some(shift)), 0);
        let found = confirmed(&watched, &Rule::default());
        let parts = found.iter().filter(|(_, which, _)| *which == 1);
        let first = parts.map(|(.., window)| window + WINDOW_DAYS).min();
        assert!(first.is_some_and(|end| end <= 2 + 3), "{factor}: {found:?}");
    }
}

#[test]
fn a_level_that_all_share_is_told_from_a_part() {
    let network = Network { window_days: 5, ..NETWORK };
    let shift = Shift { share: 1.0, factor: 1.25, from_window: 1 };
    let watched = watch(&network, &network.channel(41, Some(shift)), 0);
    let found = confirmed(&watched, &Rule::default());
    assert_eq!(found.iter().map(|(_, which, _)| *which).collect::<Vec<_>>(), [0], "{found:?}");
}

#[test]
fn a_single_bad_day_is_not_confirmed_by_the_window_that_shares_it() {
    let network = Network { window_days: 6, ..NETWORK };
    for (share, factor) in [(1.0, 0.5), (0.3, 0.5)] {
        let shift = Shift { share, factor, from_window: 2 };
        let [mut values, usual] = [Some(shift), None].map(|shift| network.channel(51, shift));
        for (cell, usual) in values.iter_mut().zip(&usual) {
            let after = (network.reference_days + 3) * DAY;
            // The two networks draw alike but for who is shifted; only the tail is put back.
            cell[after..].copy_from_slice(&usual[after..]);
        }
        let watched = watch(&network, &values, 0);
        let found = confirmed(&watched, &Rule::default());
        assert!(found.is_empty(), "share {share}: {found:?}");
    }
}
