//! What a model promises without a network, on rows from a seed.

mod fixture;

use fixture::{crossed, linear_hazards, sliced, yes};

use super::*;
use crate::network::Refusing;

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
