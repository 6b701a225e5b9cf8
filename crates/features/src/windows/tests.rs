//! Windows against their definition.

use proptest::prelude::*;

use super::*;

const ALL: [Statistic; 6] = [
    Statistic::Mean,
    Statistic::Std,
    Statistic::Slope,
    Statistic::Min,
    Statistic::Max,
    Statistic::Last,
];

/// The definition, in two passes, values shifted by the first one so that nothing cancels.
fn two_pass(window: &[(f64, f64)], statistic: Statistic) -> f64 {
    let seen: Vec<_> = window.iter().filter(|(_, x)| !x.is_nan()).copied().collect();
    let Some(&(_, first)) = seen.first() else {
        return f64::NAN;
    };
    let n = seen.len() as f64;
    let mean = first + seen.iter().map(|(_, x)| x - first).sum::<f64>() / n;
    let time = seen.iter().map(|(t, _)| t).sum::<f64>() / n;
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| seen.iter().map(|(t, x)| f(t - time, x - mean)).sum::<f64>();
    match statistic {
        Statistic::Mean => mean,
        Statistic::Std if n > 1.0 => (sum(&|_, x| x * x) / (n - 1.0)).sqrt(),
        Statistic::Slope if n > 1.0 => sum(&|t, x| t * x) / sum(&|t, _| t * t),
        Statistic::Std | Statistic::Slope => f64::NAN,
        Statistic::Min => seen.iter().map(|(_, x)| *x).fold(f64::INFINITY, f64::min),
        Statistic::Max => seen.iter().map(|(_, x)| *x).fold(f64::NEG_INFINITY, f64::max),
        Statistic::Last => seen.last().map_or(f64::NAN, |(_, x)| *x),
    }
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * scale.max(1e-9)
}

proptest! {
    #[test]
    fn rolling_equals_two_passes(
        values in prop::collection::vec(prop_oneof![4 => -1.0..1.0_f64, 1 => Just(f64::NAN)], 1..120),
        k in 1_usize..40,
        origin in -1_000_000_i64..1_000_000,
        level in prop_oneof![Just(0.0), Just(1e9)],
    ) {
        let values: Vec<f64> = values.iter().map(|x| level + x).collect();
        let windows = rolling(&values, origin, k);
        for (end, moments) in windows.iter().enumerate() {
            let start = (end + 1).saturating_sub(k);
            let window: Vec<_> = (start..=end).map(|i| (i as f64, values[i])).collect();
            for statistic in ALL {
                let expected = two_pass(&window, statistic);
                // A level of 1e9 leaves about 1e-7 of absolute resolution in the values themselves.
                let scale = if level > 0.0 { 1e3 } else { 1.0 };
                let got = moments.statistic(statistic);
                prop_assert!(close(got, expected, scale), "{statistic:?} {got} {expected}");
            }
        }
    }

    #[test]
    fn a_window_does_not_depend_on_where_the_series_began(
        values in prop::collection::vec(-1e6..1e6_f64, 60..120),
        cut in 0_usize..20,
        k in 1_usize..30,
    ) {
        let whole = rolling(&values, 1000, k);
        let later = rolling(&values[cut..], 1000 + cut as i64, k);
        for (a, b) in whole[cut + k - 1..].iter().zip(&later[k - 1..]) {
            prop_assert_eq!(a, b);
        }
        for end in k - 1..values.len() {
            let start = end + 1 - k;
            prop_assert_eq!(over(&values[start..=end], 1000 + start as i64), whole[end]);
        }
    }
}

#[test]
fn too_little_observed_is_missing() {
    let window = over(&[1.0, f64::NAN, f64::NAN, 4.0], 0);
    assert_eq!(observed(&window, Statistic::Mean, 4, 0.5), 2.5);
    assert!(observed(&window, Statistic::Mean, 4, 0.6).is_nan());
    assert_eq!(window.statistic(Statistic::Slope), 1.0);
}
