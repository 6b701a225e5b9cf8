//! A made-up network: cells with a daily and weekly course, slow noise of their own and days that are
//! the same for everybody. Nothing of it is taken from the simulator.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Hours of a day.
pub(crate) const DAY: usize = 24;

/// What the network is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    /// Cells.
    pub(crate) cells: usize,
    /// Days of the reference.
    pub(crate) reference_days: usize,
    /// Days that are judged.
    pub(crate) window_days: usize,
    /// Standard deviation of a cell's own hourly noise, as a share of its level.
    pub(crate) noise: f64,
    /// How much of that noise is still there an hour later.
    pub(crate) persistence: f64,
    /// Standard deviation of what a day is like for all cells.
    pub(crate) common: f64,
    /// Share of a cell's hours in which something else goes on there.
    pub(crate) bursts: f64,
}

/// What an hour is multiplied by in which something else goes on.
const BURST: f64 = 3.0;

/// What happens to some of the cells from a window on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    /// Share of the cells.
    pub(crate) share: f64,
    /// What their values are multiplied by.
    pub(crate) factor: f64,
    /// First window of it.
    pub(crate) from_window: usize,
}

impl Network {
    /// Hours of all days.
    pub(crate) fn hours(&self) -> usize {
        (self.reference_days + self.window_days) * DAY
    }

    /// Hourly values of one channel, cell by cell.
    pub(crate) fn channel(&self, seed: u64, shift: Option<Shift>) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut day = 0.0;
        let common: Vec<f64> = (0..self.hours() / DAY)
            .map(|_| {
                day = 0.7 * day + self.common * (1.0_f64 - 0.49).sqrt() * normal(&mut rng);
                day
            })
            .collect();
        (0..self.cells).map(|_| self.cell(&mut rng, &common, shift)).collect()
    }

    fn cell(&self, rng: &mut ChaCha8Rng, common: &[f64], shift: Option<Shift>) -> Vec<f32> {
        let level = 40.0 * (0.5 * normal(rng)).exp();
        let (phase, weekend) = (14.0 + 3.0 * normal(rng), 0.7 + 0.15 * normal(rng));
        // Drawn in any case, so that a shift changes nothing else.
        let lot = rng.random::<f64>();
        let is_shifted = shift.filter(|shift| lot < shift.share);
        let fresh = (1.0 - self.persistence * self.persistence).sqrt();
        let mut slow = normal(rng);
        (0..self.hours())
            .map(|hour| {
                slow = self.persistence * slow + fresh * normal(rng);
                let day = hour / DAY;
                let angle = std::f64::consts::TAU * ((hour % DAY) as f64 - phase) / DAY as f64;
                let week = if day % 7 >= 5 { weekend } else { 1.0 };
                let usual = level * (1.0 + 0.6 * angle.cos()) * week;
                let factor = is_shifted
                    .filter(|shift| day >= self.reference_days + shift.from_window)
                    .map_or(1.0, |shift| shift.factor);
                let is_burst = self.bursts > 0.0 && rng.random::<f64>() < self.bursts;
                let burst = if is_burst { BURST } else { 1.0 };
                (usual * factor * burst * (1.0 + self.noise * slow) * (1.0 + common[day])) as f32
            })
            .collect()
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
