//! Autocorrelated noise that can be evaluated at any time without walking there.
//!
//! At each of several time scales τ, knots stand every τ hours; each knot draws one heavy-tailed
//! number from its own key. Between two knots the value turns from one to the other on a quarter
//! circle (weights cos and sin), so that the variance is the same at every time. The sum over the
//! scales has a correlation that falls slowly, as that of real traffic does.

use crate::random::{Key, heavy_tailed};

/// One time scale of the noise.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Distance of the knots.
    pub hours: f64,
    /// Standard deviation that this scale adds.
    pub sigma: f64,
}

/// Noise that all sectors of a region share: weather, news, national events.
pub const REGION: &[Scale] = &[
    Scale { hours: 6.0, sigma: 0.025 },
    Scale { hours: 40.0, sigma: 0.035 },
    Scale { hours: 400.0, sigma: 0.02 },
];

/// Noise of one sector: who happens to be there.
pub const SECTOR: &[Scale] = &[
    Scale { hours: 0.75, sigma: 0.06 },
    Scale { hours: 4.0, sigma: 0.07 },
    Scale { hours: 30.0, sigma: 0.05 },
    Scale { hours: 500.0, sigma: 0.035 },
];

/// The noise of `key` at `hours` since the epoch; mean 0, variance = sum of the squared sigmas.
pub fn smooth(key: Key, scales: &[Scale], hours: f64) -> f64 {
    let terms = scales.iter().zip(0..).map(|(scale, number)| {
        let key = key.at(number);
        let place = hours / scale.hours;
        let knot = place.floor();
        let (sin, cos) = ((place - knot) * std::f64::consts::FRAC_PI_2).sin_cos();
        let draw = |knot: f64| heavy_tailed(key.at_time(knot as i64).uniform());
        scale.sigma * (cos * draw(knot) + sin * draw(knot + 1.0))
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_holds_between_knots_and_correlation_falls() {
        let key = Key::root(3);
        let scales = [Scale { hours: 4.0, sigma: 1.0 }];
        let correlation = |lag: f64| {
            let pairs = (0..20_000).map(|n| {
                let at = f64::from(n) * 9.3;
                smooth(key, &scales, at) * smooth(key, &scales, at + lag)
            });
            pairs.sum::<f64>() / 20_000.0
        };
        assert!((correlation(0.0) - 1.0).abs() < 0.12);
        assert!(correlation(1.0) > 0.7);
        assert!(correlation(9.0).abs() < 0.05);
    }

    #[test]
    fn noise_is_continuous() {
        let key = Key::root(3);
        for n in 0..1000 {
            let at = f64::from(n) * 0.25;
            let step = smooth(key, SECTOR, at + 1e-6) - smooth(key, SECTOR, at);
            assert!(step.abs() < 1e-5);
        }
    }
}
