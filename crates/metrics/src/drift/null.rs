//! How far blocks of a network without drift lie apart: the null that a window is held against.
//!
//! It is made of blocks of the window's own length, each pooled over all entities, because
//! autocorrelation and what happens to everybody at once (weather, football) make any formula for
//! independent values far too sure. At least [`LEAST_BLOCKS`] are needed.
//!
//! The tail comes from Student's t on the blocks' values. The rank (b + 1) / (n + 1) assumes less,
//! but with the eight weeks of a usual reference never falls below 1/57: among forty tests nothing
//! would survive false-discovery control. [`BlockNull::rank`] stands beside it.

use super::moments;
use super::student;

/// Blocks without which there is no null: three weeks have as many of three days, a day apart.
pub const LEAST_BLOCKS: usize = 19;

/// Which values are surprising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Great ones: a distance.
    Upper,
    /// Both ends: a level.
    Both,
}

/// The null of one statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockNull {
    values: Vec<f64>,
    mean: f64,
    /// Standard deviation of a further block about the mean, both being estimated.
    scale: f64,
    freedom: f64,
    tail: Tail,
}

impl BlockNull {
    /// The null from the statistic's value in every block of the reference, in order of time.
    ///
    /// `least_scale` keeps a statistic that hardly ever moves from making a last digit significant.
    /// Neighbouring blocks that resemble each other count for less. `None` with fewer than
    /// [`LEAST_BLOCKS`] finite values.
    pub fn new(values: &[f64], tail: Tail, least_scale: f64) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if values.len() < LEAST_BLOCKS {
            return None;
        }
        let (mean, deviation) = moments(&values)?;
        let worth = (values.len() as f64 / repetition(&values, mean)).max(3.0);
        // The sample variance of dependent values is too small by as much.
        let unbiased = deviation * ((1.0 - 1.0 / values.len() as f64) / (1.0 - 1.0 / worth)).sqrt();
        let scale = unbiased.max(least_scale) * (1.0 + 1.0 / worth).sqrt();
        Some(Self { values, mean, scale, freedom: worth - 1.0, tail })
    }

    /// Chance that a block without drift lies at least this far out.
    pub fn p_value(&self, value: f64) -> f64 {
        let t = self.score(value);
        match self.tail {
            Tail::Upper => student::upper(t, self.freedom),
            Tail::Both => student::two_sided(t, self.freedom),
        }
    }

    /// The same by rank among the blocks, (b + 1) / (n + 1): no smaller than one in n + 1.
    pub fn rank(&self, value: f64) -> f64 {
        let far = |other: f64| match self.tail {
            Tail::Upper => other,
            Tail::Both => (other - self.mean).abs(),
        };
        let beyond = self.values.iter().filter(|other| far(**other) >= far(value)).count();
        (beyond + 1) as f64 / (self.values.len() + 1) as f64
    }

    /// The value that a block without drift passes (on either side) with this chance.
    pub fn threshold(&self, chance: f64) -> f64 {
        let (share, sign) = match self.tail {
            Tail::Upper => (chance, self.mean),
            Tail::Both => (chance / 2.0, 0.0),
        };
        sign + student::upper_quantile(share, self.freedom) * self.scale
    }

    /// Distance from the mean of the blocks, in standard deviations of a further one.
    pub fn score(&self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }

    /// Mean of the blocks.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Blocks behind it.
    pub fn blocks(&self) -> usize {
        self.values.len()
    }
}

/// How many blocks say as much as one independent one: 1 + 2 Σ (1 - k / 9) ρₖ over eight lags, at
/// least 1. Source: Bartlett's kernel, Newey and West 1987.
fn repetition(values: &[f64], mean: f64) -> f64 {
    const LAGS: usize = 8;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if total <= 0.0 {
        return 1.0;
    }
    let correlation = |lag: usize| {
        let pairs = values.iter().zip(&values[lag..]);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / total
    };
    let sum: f64 = (1..=LAGS.min(values.len() - 1))
        .map(|lag| (1.0 - lag as f64 / (LAGS + 1) as f64) * correlation(lag))
        .sum();
    (1.0 + 2.0 * sum).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wobble(count: usize) -> Vec<f64> {
        (0..count).map(|at| ((at * 7919) % 101) as f64 / 101.0 - 0.5).collect()
    }

    #[test]
    fn few_blocks_make_no_null() {
        assert_eq!(BlockNull::new(&wobble(18), Tail::Both, 0.0), None);
        let mut holes = wobble(30);
        holes[..12].fill(f64::NAN);
        assert_eq!(BlockNull::new(&holes, Tail::Both, 0.0), None);
    }

    #[test]
    fn the_far_value_is_rare_and_the_usual_one_is_not() {
        let null = BlockNull::new(&wobble(56), Tail::Both, 0.0).unwrap();
        assert!(null.p_value(0.1) > 0.3 && null.p_value(3.0) < 1e-8);
        assert_eq!(null.rank(3.0), 1.0 / 57.0);
        let threshold = null.threshold(0.01);
        assert!((null.p_value(threshold + null.mean()) - 0.01).abs() < 1e-6);
        let upper = BlockNull::new(&wobble(56), Tail::Upper, 0.0).unwrap();
        assert!((upper.p_value(upper.threshold(0.01)) - 0.01).abs() < 1e-6);
        assert!(upper.p_value(-3.0) > 0.99);
    }

    #[test]
    fn blocks_that_follow_each_other_count_for_less() {
        let mut slow = wobble(56);
        slow.sort_by(f64::total_cmp);
        let [fast, slow] =
            [wobble(56), slow].map(|v| BlockNull::new(&v, Tail::Both, 0.0).unwrap().p_value(1.5));
        assert!(slow > 100.0 * fast, "{slow} {fast}");
    }

    #[test]
    fn what_never_moved_has_a_least_scale() {
        let null = BlockNull::new(&[0.0; 30], Tail::Both, 0.05).unwrap();
        assert!(null.p_value(0.01) > 0.5 && null.p_value(1.0) < 1e-6);
    }
}
