//! How right something was, by those of its cases that people judged.

use crate::Interval;

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share of right cases with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Its interval.
    pub interval: Interval,
    /// Cases behind it.
    pub count: usize,
}

/// The share of `right` among `count` cases with the interval of Wilson, which holds for few cases
/// and at the ends; `None` without a case.
///
/// **Source**: Wilson, "Probable inference, the law of succession, and statistical inference"
/// (Journal of the American Statistical Association 22, 1927).
pub fn right_share(right: usize, count: usize) -> Option<Share> {
    (count > 0 && right <= count).then(|| {
        let value = right as f64 / count as f64;
        Share { value, interval: wilson(value, count as f64), count }
    })
}

/// The share of right cases among all from which the judged ones were drawn, each with the
/// probability with which it was drawn and whether it was right; `None` without a case.
///
/// A case that is drawn with probability .01 stands for a hundred. Weights are normalised by their
/// sum (Hájek), and the interval is Wilson's at the effective number of cases (Kish): a few cases
/// with great weights are no many.
///
/// # Panics
/// When a probability is not in (0, 1].
pub fn drawn_share(judged: &[(f64, bool)]) -> Option<Share> {
    if judged.is_empty() {
        return None;
    }
    let weight = |inclusion: f64| {
        assert!(inclusion > 0.0 && inclusion <= 1.0, "a probability in (0, 1], got {inclusion}");
        1.0 / inclusion
    };
    let sum = |of: &dyn Fn(f64, bool) -> f64| -> f64 {
        judged.iter().map(|(inclusion, is_right)| of(weight(*inclusion), *is_right)).sum()
    };
    let total = sum(&|weight, _| weight);
    let value = sum(&|weight, is_right| if is_right { weight } else { 0.0 }) / total;
    let effective = total * total / sum(&|weight, _| weight * weight);
    Some(Share { value, interval: wilson(value, effective), count: judged.len() })
}

fn wilson(share: f64, count: f64) -> Interval {
    let squared = Z * Z;
    let scale = 1.0 + squared / count;
    let centre = (share + squared / (2.0 * count)) / scale;
    let spread = share * (1.0 - share) / count + squared / (4.0 * count * count);
    let half = Z * spread.sqrt() / scale;
    Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 5e-4
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Newcombe (Statistics in Medicine 17, 1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
        let table = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];
        for (right, count, low, high) in table {
            let Interval { low: found_low, high: found_high } =
                right_share(right, count).unwrap().interval;
            assert!(is_near(found_low, low) && is_near(found_high, high), "{right}/{count}");
        }
        assert_eq!(right_share(0, 0), None);
        assert_eq!(right_share(2, 1), None);
    }

    #[test]
    fn a_rare_draw_stands_for_many() {
        // By hand: one listed case that was right stands for 1, two draws of 1 % for 100 each, one
        // of them right: 101 / 201.
        let share = drawn_share(&[(1.0, true), (0.01, true), (0.01, false)]).unwrap();
        assert!(is_near(share.value, 101.0 / 201.0));
        // Effectively 201² / (1 + 2 · 100²) = 2.02 cases, so the interval says next to nothing.
        assert!(share.interval.low < 0.15 && share.interval.high > 0.85, "{share:?}");
        assert_eq!(drawn_share(&[]), None);
    }

    #[test]
    fn equal_chances_are_the_plain_share() {
        let judged: Vec<(f64, bool)> = (0..20).map(|n| (0.25, n < 5)).collect();
        let (drawn, plain) = (drawn_share(&judged).unwrap(), right_share(5, 20).unwrap());
        assert!(is_near(drawn.value, plain.value));
        assert!(is_near(drawn.interval.low, plain.interval.low));
        assert!(is_near(drawn.interval.high, plain.interval.high));
    }
}
