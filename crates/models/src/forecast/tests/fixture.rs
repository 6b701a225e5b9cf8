//! Series from a seed, for forecasters without a network here and for those with one in
//! `foresite-training`.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Origin, SeriesSet};

pub(super) const STEPS: usize = 700;
const SHAPE: [f64; 7] = [0.0, 1.0, 2.0, 2.0, 3.0, -4.0, -4.0];

/// A weekly shape, growth and noise.
pub(super) fn set(growth_per_day: f64, seed: u64) -> SeriesSet {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut set = SeriesSet::new((0..8).map(|i| format!("sector-{i}")).collect(), STEPS);
    for series in 0..8 {
        let level = 30.0 + 2.0 * series as f64;
        for (step, value) in set.row_mut(series).iter_mut().enumerate() {
            let noise: f64 = rng.random_range(-1.5..1.5);
            *value = level + growth_per_day * step as f64 + SHAPE[step % 7] + noise;
        }
    }
    set
}

/// Every third step of a range, of every series.
pub(super) fn origins(range: std::ops::Range<usize>) -> Vec<Origin> {
    range
        .step_by(3)
        .flat_map(|step| {
            (0..8).map(move |series| Origin { series, step, reach: 60, block: (step / 7) as u64 })
        })
        .collect()
}
