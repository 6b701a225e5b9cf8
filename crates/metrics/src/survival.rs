//! Times to an event, some of which nobody lived to see.

/// Harrell's concordance: share of comparable pairs in which the earlier event has the higher risk.
///
/// A pair is comparable when the earlier time is an event. Equal risks count half. `None` without a
/// comparable pair. Quadratic in the number of samples.
///
/// # Panics
/// When the slices differ in length.
pub fn c_index(times: &[f64], happened: &[bool], risks: &[f64]) -> Option<f64> {
    assert!(
        times.len() == happened.len() && times.len() == risks.len(),
        "one time, event flag and risk per sample"
    );
    let (mut pairs, mut concordant) = (0.0, 0.0);
    for first in (0..times.len()).filter(|&index| happened[index]) {
        for second in 0..times.len() {
            let later = times[second] > times[first]
                || (times[second] == times[first] && !happened[second]);
            if !later || first == second {
                continue;
            }
            pairs += 1.0;
            concordant += match risks[first].total_cmp(&risks[second]) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    (pairs > 0.0).then(|| concordant / pairs)
}

/// Median |predicted - actual| of event dates, in the caller's unit, over pairs that have both.
///
/// `None` without such a pair.
///
/// # Panics
/// When the slices differ in length.
pub fn median_absolute_date_error(
    actual: &[Option<f64>],
    predicted: &[Option<f64>],
) -> Option<f64> {
    assert_eq!(actual.len(), predicted.len(), "one prediction per event");
    let mut errors: Vec<f64> = actual
        .iter()
        .zip(predicted)
        .filter_map(|(a, b)| Some((a.as_ref()? - b.as_ref()?).abs()))
        .collect();
    errors.sort_by(f64::total_cmp);
    let middle = errors.len() / 2;
    match errors.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(errors[middle]),
        _ => Some(f64::midpoint(errors[middle - 1], errors[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concordance_by_hand() {
        // Events at 2 and 5, censored at 3 and 9. Comparable: (2,3) (2,5) (2,9) (5,9).
        // Risks .9 .8 .4 .5: first three concordant, (5,9) is not.
        let value =
            c_index(&[2.0, 3.0, 5.0, 9.0], &[true, false, true, false], &[0.9, 0.8, 0.4, 0.5]);
        assert_eq!(value, Some(0.75));
        assert_eq!(c_index(&[1.0], &[false], &[0.1]), None);
    }

    #[test]
    fn a_censored_twin_lives_longer() {
        assert_eq!(c_index(&[4.0, 4.0], &[true, false], &[0.9, 0.1]), Some(1.0));
    }

    #[test]
    fn date_error_is_a_median() {
        let actual = [Some(10.0), Some(20.0), None, Some(40.0)];
        let predicted = [Some(12.0), Some(15.0), Some(3.0), None];
        assert_eq!(median_absolute_date_error(&actual, &predicted), Some(3.5));
    }
}
