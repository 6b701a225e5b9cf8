//! Measures how often drift is reported where there is none, and how soon where there is some, beside
//! what tools do by default. `cargo run --example drift_figures -p foresite-metrics [quiet MONTHS]
//! [shift RUNS] [seed FIRST] [drawn]`; a run's seeds follow from its number and the first. `drawn`: each
//! month and each run on a network of another kind.

#![allow(clippy::print_stdout)]

mod synthetic;
mod watch;

use foresite_metrics::drift::decision::Rule;
use foresite_metrics::drift::defaults::verdicts;
use foresite_metrics::drift::distance::Sorted;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use synthetic::{DAY, Network, Shift};
use watch::{WINDOW_DAYS, Watched, confirmed, watch};

const CHANNELS: u64 = 10;
const GROUPS: usize = 2;
const NETWORK: Network = Network {
    cells: 2000,
    reference_days: 56,
    window_days: 30,
    noise: 0.15,
    persistence: 0.9,
    common: 0.02,
    bursts: 0.0,
};

/// Which networks.
#[derive(Clone, Copy)]
enum Kind {
    /// Those that the rules were developed on.
    Known,
    /// Another kind each time.
    Drawn,
}

impl Kind {
    fn network(self, seed: u64) -> Network {
        match self {
            Self::Known => NETWORK,
            Self::Drawn => drawn(&mut ChaCha8Rng::seed_from_u64(seed)),
        }
    }
}

/// How noisy and how slow cells are, how much days differ, and how often something else goes on, each from
/// a range around what is known.
fn drawn(rng: &mut ChaCha8Rng) -> Network {
    Network {
        noise: rng.random_range(0.05..0.3),
        persistence: rng.random_range(0.5..0.97),
        common: rng.random_range(0.005..0.04),
        bursts: rng.random_range(0.0..0.01),
        ..NETWORK
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str, usual: u64| {
        let at = arguments.iter().position(|argument| argument == word);
        at.map_or(usual, |at| arguments.get(at + 1).and_then(|n| n.parse().ok()).unwrap_or(usual))
    };
    let is_drawn = arguments.iter().any(|argument| argument == "drawn");
    let kind = if is_drawn { Kind::Drawn } else { Kind::Known };
    let seed = asked("seed", 1);
    quiet(kind, asked("quiet", 12), seed * 1_000_000);
    shifted(kind, asked("shift", 40), seed * 1_000_000 + 500_000);
}

/// Months without drift.
fn quiet(kind: Kind, months: u64, seed: u64) {
    let (mut ours, mut defaults) = (Vec::new(), [0_usize; 3]);
    for month in 0..months {
        let seed = seed + 1000 * month;
        let network = kind.network(seed + CHANNELS);
        let mut watched = Vec::new();
        for channel in 0..CHANNELS {
            let values = network.channel(seed + channel, None);
            watched.extend(watch(&network, &values, GROUPS));
            for (sum, count) in defaults.iter_mut().zip(by_default(&values)) {
                *sum += count;
            }
        }
        let found = confirmed(&watched, &Rule::default());
        println!("quiet month {month}: {} confirmed {found:?}", found.len());
        ours.push(found.len());
    }
    let per_month = |sum: usize| sum as f64 / months as f64;
    println!("confirmed findings a month: {:.2}", per_month(ours.iter().sum()));
    for (name, sum) in ["ks p < .05", "psi >= .1", "wasserstein >= .1"].iter().zip(defaults) {
        println!("{name}: {:.1} channel-days a month of {}", per_month(sum), 30 * CHANNELS);
    }
}

/// Places among the watched of one channel: the network and its groups.
const PLACES: usize = GROUPS + 1;

/// Days on which each default fires, a channel pooled over every tenth cell.
fn by_default(values: &[Vec<f32>]) -> [usize; 3] {
    let sampled: Vec<&Vec<f32>> = values.iter().step_by(10).collect();
    let part = |from: usize, to: usize| {
        Sorted::new(sampled.iter().flat_map(|cell| cell[from * DAY..to * DAY].iter().copied()))
    };
    let reference = part(0, NETWORK.reference_days);
    let mut fired = [0; 3];
    for day in NETWORK.reference_days..NETWORK.reference_days + NETWORK.window_days {
        let said = verdicts(&reference, &part(day, day + 1));
        for (count, fires) in fired.iter_mut().zip([said.ks, said.psi, said.wasserstein]) {
            *count += usize::from(fires);
        }
    }
    fired
}

/// A tenth less or more on a fifth of the cells, in one channel of ten.
fn shifted(kind: Kind, runs: u64, seed: u64) {
    const FROM: usize = 3;
    let (mut in_time, mut others) = (0, 0);
    for run in 0..runs {
        let seed = seed + 1000 * run;
        let network = Network { window_days: FROM + 5, ..kind.network(seed + CHANNELS) };
        let factor = if run % 2 == 0 { 1.1 } else { 0.9 };
        let shift = Shift { share: 0.2, factor, from_window: FROM };
        let watched: Vec<Watched> = (0..CHANNELS)
            .flat_map(|channel| {
                let shift = (channel == 0).then_some(shift);
                let values = network.channel(seed + channel, shift);
                watch(&network, &values, GROUPS)
            })
            .collect();
        let found = confirmed(&watched, &Rule::default());
        let first = found.iter().filter(|(place, ..)| *place < PLACES).map(|(.., window)| *window);
        let first = first.filter(|window| *window >= FROM).min();
        in_time += usize::from(first.is_some_and(|window| window + WINDOW_DAYS <= FROM + 3));
        others += found.iter().filter(|(place, ..)| *place >= PLACES).count();
        let Network { noise, persistence, common, bursts, .. } = network;
        let like =
            format!("noise {noise:.3} of {persistence:.2}, days {common:.3}, bursts {bursts:.4}");
        let day = first.map(|window| window + WINDOW_DAYS - FROM);
        println!("shift run {run} x{factor} ({like}): day {day:?}, {found:?}");
    }
    println!("found within 3 days: {in_time} of {runs}; other channels confirmed: {others}");
}
