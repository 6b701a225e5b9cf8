//! A detector on panels from a seed: a daily wave, coupled channels, neighbours that share a mood.

#[path = "../../../models/src/anomaly/tests/fixture.rs"]
mod fixture;

use fixture::{STEPS, panel};
use foresite_models::anomaly::{Anomaly, AnomalyOptions, Panel, Periods};
use foresite_models::network::NetworkOptions;
use foresite_models::tabular::{Candidate, FitOptions, GateResult};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::CPU;

fn fitted(panel: &Panel) -> Anomaly {
    gated(panel, None).0
}

/// Fitted with a network of this step size among the candidates.
fn gated(panel: &Panel, learning_rate: Option<f64>) -> (Anomaly, Vec<GateResult>) {
    let periods =
        Periods { fit: 0..600, select: 600..700, calibrate: 700..1000, gate: 1000..1150, week: 10 };
    let network = |learning_rate| {
        let options = NetworkOptions { learning_rate, ..NetworkOptions::default() };
        vec![Candidate::Trees, Candidate::Network { options }]
    };
    let candidates = learning_rate.map(network).unwrap_or_default();
    let choice = FitOptions { candidates, seed: 7, replicates: 200, trainer: &CPU };
    let options = AnomalyOptions {
        silence: vec!["channel-0".into()],
        lags: 4,
        budget: 0.002,
        ..AnomalyOptions::default()
    };
    Anomaly::fit(panel, &periods, &options, &choice).unwrap()
}

/// Every step of a channel is a tent of the step before: chaos that no ridge continues.
fn tents(seed: u64) -> Panel {
    let mut panel = panel(seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for entity in 0..4 {
        let mut x: [f64; 3] = std::array::from_fn(|_| rng.random_range(0.1..0.9));
        for step in 0..STEPS {
            x = x.map(|x| 0.95 * (1.0 - (2.0 * x - 1.0).abs()) + rng.random_range(0.0..0.02));
            panel.row_mut(entity, step).copy_from_slice(&x.map(|x| x as f32));
        }
    }
    panel
}

#[test]
fn a_network_earns_its_place_where_no_ridge_sees_the_pattern() {
    let mut panel = tents(8);
    let (model, gate) = gated(&panel, Some(0.01));
    assert_eq!(gate.len(), 1, "trees cannot add to a forecast of many channels");
    assert!(gate[0].earned, "{gate:?}");
    assert!(model.path_name().ends_with("+ network residual 64"), "{}", model.path_name());
    assert_eq!(model, gated(&panel, Some(0.01)).0, "the same seed gives the same bits");
    // A value that is usual as such, and wrong after the one before it: seen by the network alone.
    let linear = fitted(&panel);
    let usual = panel.row(1, 1180).to_vec();
    panel.row_mut(1, 1180)[2] = 0.95 - usual[2];
    let scored = model.score(&panel, 1, 1180).unwrap();
    let linear = linear.score(&panel, 1, 1180).unwrap();
    assert!((scored.shares.iter().sum::<f64>() - scored.score).abs() < 1e-9);
    assert!(scored.parts[0] > 2.0 * linear.parts[0], "{scored:?} {linear:?}");
    assert!(scored.shares[2] > 0.5 * scored.score, "{scored:?}");
}

#[test]
fn a_network_that_learned_nothing_is_the_linear_path() {
    let panel = panel(9);
    let (model, gate) = gated(&panel, Some(0.0));
    assert_eq!(gate[0].loss, gate[0].reference_loss);
    assert!(gate[0].loss.is_some() && !gate[0].earned);
    assert_eq!(model, fitted(&panel));
}

#[test]
fn a_network_is_dropped_where_the_ridge_says_it_all() {
    let panel = panel(10);
    let (model, gate) = gated(&panel, Some(0.01));
    assert!(gate[0].test.is_some() && !gate[0].earned, "{gate:?}");
    assert_eq!(model, fitted(&panel));
}

#[test]
fn one_step_equals_the_run_with_a_network_too() {
    let panel = tents(4);
    let (model, gate) = gated(&panel, Some(0.01));
    assert!(gate[0].earned);
    let run = model.run(&panel, 1, 1050..1060);
    for (at, scored) in run.into_iter().enumerate() {
        let single = model.smoothed(&panel, 1, 1050 + at).unwrap();
        assert_eq!(scored.unwrap().1, single.0);
    }
}
