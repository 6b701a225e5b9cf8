//! What a model promises without a network, on rows from a seed.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::network::Refusing;

/// Rows whose label depends on two features, linearly or by their product, and a gap now and then.
fn samples(rows: u32, seed: u64, label: impl Fn(f64, f64, f64) -> Vec<f64>) -> Samples {
    let mut samples = Samples::empty(3, label(0.0, 0.0, 0.0).len());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for i in 0..rows {
        let (a, b) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let c = rng.random_range(0.0..1.0);
        let seen = if i % 11 == 0 { f64::NAN } else { a };
        samples.push(&[seen, b, 7.0], &label(a, b, c), 1.0, u64::from(i / 8));
    }
    samples
}

fn sliced(label: impl Fn(f64, f64, f64) -> Vec<f64> + Copy) -> Sliced {
    Sliced {
        fit: samples(1200, 0, label),
        select: samples(300, 1, label),
        calibrate: samples(400, 2, label),
        gate: samples(600, 3, label),
    }
}

fn yes(p: bool) -> f64 {
    f64::from(u8::from(p))
}

fn linear_hazards(a: f64, b: f64, noise: f64) -> Vec<f64> {
    let first = yes(2.0 * a - b + 2.0 * noise > 2.0);
    let second = if first > 0.5 { f64::NAN } else { yes(a + noise > 1.2) };
    vec![first, second]
}

fn crossed(a: f64, b: f64, noise: f64) -> Vec<f64> {
    vec![yes(a * b + 0.2 * (noise - 0.5) > 0.0)]
}

fn options(candidates: Vec<Candidate>) -> FitOptions<'static> {
    FitOptions { candidates, seed: 7, replicates: 300, trainer: &Refusing }
}

#[test]
fn the_linear_path_is_compared_with_a_calibration_of_its_own() {
    let slices = sliced(crossed);
    let only_linear = options(Vec::new());
    let (linear, _) = Tabular::fit(Link::LogOdds, 1, &slices, &only_linear).unwrap();
    let (shipped, _) =
        Tabular::fit(Link::LogOdds, 1, &slices, &options(vec![Candidate::Trees])).unwrap();
    assert_ne!(shipped.calibrators, linear.calibrators);
    assert_eq!(shipped.linear_alone(&slices.calibrate), linear);
}

#[test]
fn classes_sum_to_one() {
    let label = |a: f64, b: f64, _: f64| vec![if a > 0.3 { 2.0 } else { yes(b > 0.0) }];
    let (model, _) =
        Tabular::fit(Link::Classes, 3, &sliced(label), &options(vec![Candidate::Trees])).unwrap();
    let p = model.predict(&[0.9, 0.0, 7.0]).unwrap();
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9 && p[2] > 0.8, "{p:?}");
}

#[test]
fn linear_drivers_add_up_to_the_score() {
    let only_linear = options(Vec::new());
    let (model, _) = Tabular::fit(Link::LogOdds, 2, &sliced(linear_hazards), &only_linear).unwrap();
    let row = [f64::NAN, 0.4, 7.0];
    let shares: f64 = model.drivers(&row, &[1.0, 0.0]).iter().map(|(_, share)| share).sum();
    let score = model.scores(&row)[0] - model.linear.intercepts[0];
    assert!((shares - score).abs() < 1e-9);
}

#[test]
fn rows_of_another_shape_are_refused() {
    let only_linear = options(Vec::new());
    let (model, _) = Tabular::fit(Link::LogOdds, 1, &sliced(crossed), &only_linear).unwrap();
    assert!(matches!(model.predict(&[1.0]), Err(ModelError::Shape { .. })));
    assert_eq!(Matrix::with_columns(2).rows(), 0);
}
