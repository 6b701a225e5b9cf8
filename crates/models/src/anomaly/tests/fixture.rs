//! Panels from a seed, for detectors without a network here and for those with one in
//! `foresite-training`.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Panel;

pub(super) const STEPS: usize = 1200;

/// Four entities, three channels; the second follows the first, the third is noise of its own.
pub(super) fn panel(seed: u64) -> Panel {
    let names = |prefix: &str, count: u32| (0..count).map(|i| format!("{prefix}{i}")).collect();
    let mut panel = Panel::new(names("cell-", 4), names("channel-", 3), STEPS);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut mood = vec![0.0; STEPS];
    for step in 1..STEPS {
        mood[step] = 0.9 * mood[step - 1] + rng.random_range(-0.4..0.4);
    }
    for entity in 0..4 {
        for (step, mood) in mood.iter().enumerate() {
            let noise: [f64; 3] = std::array::from_fn(|_| rng.random_range(-0.3..0.3));
            let first = mood + noise[0];
            let row = [first, 0.8 * first + noise[1], noise[2]];
            for (value, source) in panel.row_mut(entity, step).iter_mut().zip(row) {
                *value = source as f32;
            }
        }
        panel.neighbours[entity] = (0..4).filter(|&other| other != entity).collect();
    }
    panel
}
