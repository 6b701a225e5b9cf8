//! Random numbers that are a function of a name, not of the order of drawing.
//!
//! A [`Key`] is built from the seed and the names of what is drawn for (entity, purpose, period);
//! a [`Stream`] draws a handful of numbers from it. Two calls with the same key give the same
//! numbers whatever was drawn before, so any hour can be written alone and still agree with its
//! neighbours. The generator is SplitMix64: own code, so that no dependency's release can change
//! a byte of the output.

/// What a random stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Key {
    /// The key that all others of a network come from.
    pub fn root(seed: u64) -> Self {
        Self(mix(seed ^ 0x05ee_d0f0_0007_e000))
    }

    /// The key of a named part.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.at(hash)
    }

    /// The key of the part with this number: an index, a period, a knot.
    #[must_use]
    pub fn at(self, number: u64) -> Self {
        Self(mix(self.0.rotate_left(23) ^ number.wrapping_mul(GOLDEN)))
    }

    /// The key of a signed number, such as a time.
    #[must_use]
    pub fn at_time(self, number: i64) -> Self {
        self.at(number.cast_unsigned())
    }

    /// One uniform number in (0, 1).
    pub fn uniform(self) -> f64 {
        unit(mix(self.0 ^ GOLDEN))
    }

    /// The numbers of this key, in order.
    pub fn stream(self) -> Stream {
        Stream(self.0)
    }

    /// The key as a number, for identifiers.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A sequence of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// Uniform in (0, 1), both ends excluded.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        unit(mix(self.0))
    }

    /// Uniform in (low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// `true` with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// A whole number below `count`; 0 when there is none.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// Log-normal by its median and the standard deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Exponential by its mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    /// Gamma with mean 1 and shape 2: how much more often one site fails than the next.
    pub fn frailty(&mut self) -> f64 {
        0.5 * (self.exponential(1.0) + self.exponential(1.0))
    }

    /// Poisson; by the normal approximation above a mean of 30.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let limit = self.uniform();
        let (mut count, mut term) = (0.0, (-mean).exp());
        let mut cumulated = term;
        while cumulated < limit && count < 200.0 {
            count += 1.0;
            term *= mean / count;
            cumulated += term;
        }
        count
    }

    /// Binomial, by the Poisson law of its rarer outcome.
    pub fn binomial(&mut self, trials: f64, probability: f64) -> f64 {
        if probability > 0.5 {
            trials - self.binomial(trials, 1.0 - probability)
        } else {
            self.poisson(trials * probability).min(trials)
        }
    }
}

/// Student's t with four degrees of freedom, scaled to unit variance, by its quantile function:
/// the heavy tail of the demand noise.
pub fn heavy_tailed(p: f64) -> f64 {
    let alpha = 4.0 * p * (1.0 - p);
    let root = alpha.sqrt();
    let q = (root.acos() / 3.0).cos() / root;
    let t = (2.0 * (q - 1.0).max(0.0).sqrt()).copysign(p - 0.5);
    t * std::f64::consts::FRAC_1_SQRT_2
}

/// Quantile function of the standard normal.
///
/// **Source**: P. J. Acklam, relative error below 1.2e-9.
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    if !(0.02425..=0.97575).contains(&p) {
        let q = (-2.0 * p.min(1.0 - p).ln()).sqrt();
        return (horner(&C, q) / horner(&D, q)).copysign(p - 0.5);
    }
    let q = p - 0.5;
    let r = q * q;
    q * horner(&A, r) / horner(&B, r)
}

/// Distribution function of the standard normal.
///
/// **Source**: Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
pub fn normal_probability(x: f64) -> f64 {
    const P: [f64; 6] =
        [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592, 0.0];
    let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let tail = 0.5 * horner(&P, t) * (-z * z).exp();
    if x > 0.0 { 1.0 - tail } else { tail }
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

fn unit(bits: u64) -> f64 {
    ((bits >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: impl FnMut(u64) -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..20_000).map(draw).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance)
    }

    #[test]
    fn keys_do_not_depend_on_order() {
        let key = Key::root(7).named("north/N001");
        assert_eq!(key.at(3).uniform(), key.at(3).uniform());
        assert_ne!(key.at(3), key.at(4));
        assert_ne!(key.named("a").at(1), key.named("b").at(1));
    }

    #[test]
    fn samplers_have_their_moments() {
        let key = Key::root(1);
        let near = |(mean, variance): (f64, f64), m: f64, v: f64| {
            assert!((mean - m).abs() < 0.04 * v.sqrt().max(1.0), "mean {mean}, expected {m}");
            assert!((variance / v - 1.0).abs() < 0.15, "variance {variance}, expected {v}");
        };
        near(moments(|n| key.at(n).stream().normal()), 0.0, 1.0);
        near(moments(|n| key.at(n).stream().poisson(3.0)), 3.0, 3.0);
        near(moments(|n| key.at(n).stream().poisson(90.0)), 90.0, 90.0);
        near(moments(|n| key.at(n).stream().binomial(50.0, 0.96)), 48.0, 2.0);
        near(moments(|n| key.at(n).stream().frailty()), 1.0, 0.5);
        near(moments(|n| heavy_tailed(key.at(n).uniform())), 0.0, 1.0);
    }

    #[test]
    fn normal_functions_agree_with_tables() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.959_964, 0.025), (2.326_348, 0.99)] {
            assert!((normal_probability(x) - p).abs() < 1e-6);
            assert!((normal_quantile(p) - x).abs() < 1e-5);
        }
    }
}
