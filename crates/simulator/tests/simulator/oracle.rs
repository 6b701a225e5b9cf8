//! The oracle against what happens in a large network.

use std::sync::LazyLock;

use foresite_simulator::calendar::{DAY, HOUR, Micros};
use foresite_simulator::oracle::{HORIZONS, Oracle};
use foresite_simulator::{Config, Network};

use crate::at;

/// Predicted and realised shares of one group of moments.
struct Group {
    predicted: f64,
    realised: f64,
    events: f64,
}

/// Three hundred sites over a year and a half.
fn large() -> Network {
    let mut config = Config {
        seed: 3,
        start: at("2024-01-01T00:00:00Z"),
        end: at("2025-07-01T00:00:00Z"),
        ..Config::default()
    };
    for region in &mut config.regions {
        region.sites = 150;
    }
    Network::generate(&config).unwrap()
}

/// (probability, whether it happened) for every horizon, moments within an outage left out.
static OUTCOMES: LazyLock<Vec<Vec<(f64, bool)>>> = LazyLock::new(|| {
    let network = &large();
    let oracle = Oracle::new(network);
    let mut pairs = vec![Vec::new(); HORIZONS.len()];
    for site in 0..network.layout.sites.len() {
        let starts: Vec<Micros> =
            network.failures_of[site].iter().map(|&f| network.faults.failures[f].start).collect();
        let mut moment = network.config.start.0 + DAY;
        while moment < network.config.end.0 {
            if !network.is_out(site, moment) {
                let next = starts.partition_point(|start| *start <= moment);
                let wait = starts.get(next).map(|start| (start - moment) as f64 / HOUR as f64);
                let predicted = oracle.failure_within(site, moment);
                for (h, hours) in HORIZONS.into_iter().enumerate() {
                    pairs[h].push((predicted[h], wait.is_some_and(|wait| wait <= hours)));
                }
            }
            // Not a multiple of a day, so that all hours are met.
            moment += 54 * HOUR;
        }
    }
    pairs
});

fn groups(mut pairs: Vec<(f64, bool)>, count: usize) -> Vec<Group> {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = pairs.len() / count;
    let happened = |chunk: &[(f64, bool)]| chunk.iter().filter(|pair| pair.1).count() as f64;
    let mean = |chunk: &[(f64, bool)]| Group {
        predicted: chunk.iter().map(|pair| pair.0).sum::<f64>() / chunk.len() as f64,
        realised: happened(chunk) / chunk.len() as f64,
        events: happened(chunk),
    };
    pairs.chunks(size).take(count).map(mean).collect()
}

#[test]
fn hazards_come_true_as_often_as_they_say() {
    for (hours, pairs) in HORIZONS.into_iter().zip(OUTCOMES.clone()) {
        let all = &groups(pairs.clone(), 1)[0];
        let error = (all.predicted / all.realised - 1.0).abs();
        assert!(
            error < 0.05 + 2.0 / all.events.sqrt(),
            "{hours} h: {:.4} against {:.4}",
            all.predicted,
            all.realised
        );
        for Group { predicted, realised, .. } in groups(pairs, 5) {
            // Groups hold few independent sites, so the short horizons get an absolute allowance.
            let allowed = 0.0015 + 0.15 * predicted;
            let text = format!("{hours} h: predicted {predicted:.4}, realised {realised:.4}");
            assert!((predicted - realised).abs() < allowed, "{text}");
        }
    }
}

#[test]
fn what_the_oracle_singles_out_fails_more() {
    for (hours, pairs) in HORIZONS.into_iter().zip(OUTCOMES.clone()) {
        let groups = groups(pairs, 20);
        let (worst, rest) = (&groups[19], &groups[10]);
        let lift = worst.realised / rest.realised.max(1e-4);
        let expected = if hours <= 72.0 { 8.0 } else { 3.0 };
        assert!(lift > expected, "{hours} h: worst twentieth only {lift:.1} times the middle");
    }
}

#[test]
fn the_oracle_does_not_look_ahead() {
    // The same past with another future gives the same probabilities.
    let mut config = crate::small();
    let whole = Network::generate(&config).unwrap();
    config.truth_days = 1;
    let mut cut = Network::generate(&config).unwrap();
    let moment = config.end.0 - 7 * DAY;
    let unknown = |start: Micros| start > moment;
    cut.faults.failures.clear();
    for site in 0..cut.layout.sites.len() {
        cut.failures_of[site].clear();
        cut.faults.episodes[site].retain(|episode| !unknown(episode.start));
        cut.faults.spells[site].retain(|spell| !unknown(spell.start));
        for episode in &mut cut.faults.episodes[site] {
            // Its end lies in the future: only that it has not ended is known.
            if episode.end > moment {
                episode.end = Micros::MAX;
            }
        }
        let [seen, blind] =
            [&whole, &cut].map(|network| Oracle::new(network).failure_within(site, moment));
        assert_eq!(seen, blind);
    }
}
