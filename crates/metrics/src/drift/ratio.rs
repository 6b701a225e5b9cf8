//! The ratio test of a software upgrade: a counter that was renamed or is counted in another unit
//! changes at once on everything that was upgraded, while the traffic does not.
//!
//! Entities that were not upgraded stand beside it, so that a warm weekend is no upgrade. Medians of
//! logarithms, because a factor is asked for and single cells fail all the time; their standard error
//! is that of a median of normal values, 1.2533 σ / √n, with σ from the median absolute deviation.

/// Entities that were upgraded without which nothing is said.
const LEAST_ENTITIES: usize = 5;
/// Standard errors from which on a factor is no chance.
const SURE: f64 = 4.0;
/// Least factor, up or down, that matters.
const LEAST_FACTOR: f64 = 1.05;
/// Share of upgraded entities that lost the channel for it to count as gone.
const GONE: f64 = 0.5;

/// Means of a channel before and after; NaN where there is no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Mean before the upgrade.
    pub before: f64,
    /// Mean after it.
    pub after: f64,
}

impl Pair {
    fn ln_factor(self) -> Option<f64> {
        let factor = self.after / self.before;
        (factor.is_finite() && factor > 0.0).then(|| factor.ln())
    }

    fn is_gone(self) -> bool {
        self.before.is_finite() && !self.after.is_finite()
    }
}

/// One channel and the traffic on the same entities, before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// The channel.
    pub channel: Pair,
    /// The traffic.
    pub traffic: Pair,
}

/// What an upgrade did to a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// The channel is counted in another way: its factor, the traffic's being `traffic`.
    Rescaled {
        /// Factor of the channel, beside entities without the upgrade.
        factor: f64,
        /// Factor of the traffic.
        traffic: f64,
    },
    /// The channel is gone from this share of the upgraded entities, and the traffic goes on.
    Gone {
        /// Share that lost it.
        share: f64,
    },
    /// The channel and the traffic moved by the same factor: demand, not the counter.
    WithTraffic {
        /// Factor of both.
        factor: f64,
    },
    /// Nothing that is sure and matters.
    None,
}

/// Compares upgraded entities with the others.
pub fn change(upgraded: &[Observed], others: &[Observed]) -> Change {
    if upgraded.len() < LEAST_ENTITIES {
        return Change::None;
    }
    let gone = upgraded.iter().filter(|o| o.channel.is_gone() && !o.traffic.is_gone()).count();
    let had = upgraded.iter().filter(|observed| observed.channel.before.is_finite()).count();
    let share = gone as f64 / had.max(1) as f64;
    if had >= LEAST_ENTITIES && share >= GONE {
        return Change::Gone { share };
    }
    let channel = beside(upgraded, others, |observed| observed.channel);
    let traffic = beside(upgraded, others, |observed| observed.traffic);
    let Some((ln, error)) = channel else {
        return Change::None;
    };
    if ln.abs() < LEAST_FACTOR.ln() || ln.abs() < SURE * error {
        return Change::None;
    }
    // Without traffic to compare with, the counter alone is no evidence.
    match traffic {
        Some((of_traffic, _)) if of_traffic.abs() < ln.abs() / 2.0 => {
            Change::Rescaled { factor: ln.exp(), traffic: of_traffic.exp() }
        }
        _ => Change::WithTraffic { factor: ln.exp() },
    }
}

/// Logarithm of the upgraded entities' factor over the others', and its standard error.
fn beside(
    upgraded: &[Observed],
    others: &[Observed],
    of: impl Fn(&Observed) -> Pair,
) -> Option<(f64, f64)> {
    let factors = |observed: &[Observed]| -> Vec<f64> {
        observed.iter().filter_map(|observed| of(observed).ln_factor()).collect()
    };
    let (own, own_error) = middle(factors(upgraded))?;
    let (other, other_error) = middle(factors(others)).unwrap_or((0.0, 0.0));
    Some((own - other, own_error.hypot(other_error)))
}

/// Median and its standard error.
fn middle(mut values: Vec<f64>) -> Option<(f64, f64)> {
    if values.len() < LEAST_ENTITIES {
        return None;
    }
    let count = values.len();
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        (values[(count - 1) / 2] + values[count / 2]) / 2.0
    };
    let middle = median(&mut values);
    let mut apart: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let sigma = 1.4826 * median(&mut apart);
    Some((middle, 1.2533 * sigma / (count as f64).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(count: usize, channel: f64, traffic: f64) -> Vec<Observed> {
        let pair = |at: usize, factor: f64| {
            let before = 10.0 + at as f64;
            let noise = 1.0 + 0.05 * (((at * 7919) % 11) as f64 / 11.0 - 0.5);
            Pair { before, after: before * factor * noise }
        };
        (0..count)
            .map(|at| Observed { channel: pair(at, channel), traffic: pair(at + 3, traffic) })
            .collect()
    }

    #[test]
    fn another_unit_shows_while_traffic_rests() {
        let Change::Rescaled { factor, traffic } =
            change(&observed(40, 1000.0, 1.0), &observed(60, 1.0, 1.0))
        else {
            panic!("expected a factor");
        };
        assert!((factor / 1000.0 - 1.0).abs() < 0.02 && (traffic - 1.0).abs() < 0.02);
    }

    #[test]
    fn demand_is_no_new_counter() {
        let moved = change(&observed(40, 1.3, 1.3), &observed(60, 1.0, 1.0));
        assert!(matches!(moved, Change::WithTraffic { .. }), "{moved:?}");
        // What the others do as well is no upgrade.
        assert_eq!(change(&observed(40, 1.3, 1.0), &observed(60, 1.3, 1.0)), Change::None);
    }

    #[test]
    fn a_renamed_counter_is_gone() {
        let mut lost = observed(40, 1.0, 1.0);
        for observed in &mut lost[..30] {
            observed.channel.after = f64::NAN;
        }
        assert_eq!(change(&lost, &[]), Change::Gone { share: 0.75 });
        assert_eq!(change(&lost[..4], &[]), Change::None);
    }
}
