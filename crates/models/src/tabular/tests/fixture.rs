//! Rows from a seed, for models without a network here and for those with one in `foresite-training`.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Samples, Sliced};

/// Rows whose label depends on two features, linearly or by their product, and a gap now and then.
pub(super) fn samples(rows: u32, seed: u64, label: impl Fn(f64, f64, f64) -> Vec<f64>) -> Samples {
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

/// The four slices that a model is fitted, chosen, calibrated and judged on.
pub(super) fn sliced(label: impl Fn(f64, f64, f64) -> Vec<f64> + Copy) -> Sliced {
    Sliced {
        fit: samples(1200, 0, label),
        select: samples(300, 1, label),
        calibrate: samples(400, 2, label),
        gate: samples(600, 3, label),
    }
}

pub(super) fn yes(p: bool) -> f64 {
    f64::from(u8::from(p))
}

pub(super) fn linear_hazards(a: f64, b: f64, noise: f64) -> Vec<f64> {
    let first = yes(2.0 * a - b + 2.0 * noise > 2.0);
    let second = if first > 0.5 { f64::NAN } else { yes(a + noise > 1.2) };
    vec![first, second]
}

pub(super) fn crossed(a: f64, b: f64, noise: f64) -> Vec<f64> {
    vec![yes(a * b + 0.2 * (noise - 0.5) > 0.0)]
}
