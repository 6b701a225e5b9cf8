//! Errors of point, quantile and interval forecasts.
//!
//! Pairs in which either side is not finite (a gap in the truth) do not count.

fn observed<'a>(truth: &'a [f64], forecast: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    assert_eq!(truth.len(), forecast.len(), "one forecast per observation");
    truth
        .iter()
        .copied()
        .zip(forecast.iter().copied())
        .filter(|(a, b)| a.is_finite() && b.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Mean absolute error; `None` without an observed pair.
///
/// # Panics
/// When the slices differ in length, as everywhere in this module.
pub fn mae(truth: &[f64], forecast: &[f64]) -> Option<f64> {
    mean(observed(truth, forecast).map(|(a, b)| (a - b).abs()))
}

/// Root mean squared error; `None` without an observed pair.
pub fn rmse(truth: &[f64], forecast: &[f64]) -> Option<f64> {
    mean(observed(truth, forecast).map(|(a, b)| (a - b).powi(2))).map(f64::sqrt)
}

/// Σ |error| / Σ |truth|; `None` where the truth is zero throughout.
pub fn wape(truth: &[f64], forecast: &[f64]) -> Option<f64> {
    let (errors, total) = observed(truth, forecast)
        .fold((0.0, 0.0), |(errors, total), (a, b)| (errors + (a - b).abs(), total + a.abs()));
    (total > 0.0).then(|| errors / total)
}

/// Mean |x_t - x_{t-season}| of a history: the unit that MASE measures in.
///
/// `None` where the history is shorter than a season or never changes.
pub fn seasonal_scale(history: &[f64], season: usize) -> Option<f64> {
    let later = history.get(season..)?;
    mae(later, &history[..later.len()]).filter(|&scale| scale > 0.0)
}

/// Pinball loss of one quantile forecast.
fn pinball(truth: f64, forecast: f64, quantile: f64) -> f64 {
    let error = truth - forecast;
    (quantile * error).max((quantile - 1.0) * error)
}

/// Weighted quantile loss: mean over quantiles of 2 Σ pinball / Σ |truth|, both sums over the pairs
/// that the quantile observed.
///
/// `forecasts[k]` is the forecast of `quantiles[k]`, one value per observation. `None` where a
/// quantile has no pair, or the truth is zero throughout.
pub fn weighted_quantile_loss(
    truth: &[f64],
    forecasts: &[Vec<f64>],
    quantiles: &[f64],
) -> Option<f64> {
    assert_eq!(forecasts.len(), quantiles.len(), "one forecast per quantile");
    let losses: Option<Vec<f64>> = forecasts
        .iter()
        .zip(quantiles)
        .map(|(forecast, &quantile)| {
            let (loss, total) = observed(truth, forecast)
                .fold((0.0, 0.0), |(loss, total), (a, b)| {
                    (loss + 2.0 * pinball(a, b, quantile), total + a.abs())
                });
            (total > 0.0).then(|| loss / total)
        })
        .collect();
    mean(losses?.into_iter())
}

/// Share of observations within [low, high]; `None` without an observed triple.
pub fn coverage(truth: &[f64], low: &[f64], high: &[f64]) -> Option<f64> {
    assert!(truth.len() == low.len() && truth.len() == high.len(), "one interval per observation");
    let inside = truth
        .iter()
        .zip(low.iter().zip(high))
        .filter(|(a, (l, h))| a.is_finite() && l.is_finite() && h.is_finite())
        .map(|(a, (l, h))| f64::from(u8::from(l <= a && a <= h)));
    mean(inside)
}

/// The scoring function of the C-MAPSS challenge: Σ exp(d/10)-1 late, exp(-d/13)-1 early,
/// d = forecast - truth. Lower is better; `None` without an observed pair.
///
/// Source: Saxena et al., PHM 2008.
pub fn fd001_score(truth: &[f64], forecast: &[f64]) -> Option<f64> {
    let penalties = observed(truth, forecast).map(|(a, b)| {
        let late_by = b - a;
        let scale = if late_by >= 0.0 { 10.0 } else { -13.0 };
        (late_by / scale).exp_m1()
    });
    penalties.fold(None, |sum: Option<f64>, penalty| Some(sum.unwrap_or(0.0) + penalty))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<f64>, expected: f64) {
        let got = got.unwrap();
        assert!((got - expected).abs() < 1e-9, "{got} against {expected}");
    }

    #[test]
    fn errors_by_hand_skip_gaps() {
        let truth = [1.0, f64::NAN, 3.0, 5.0];
        let forecast = [2.0, 9.0, 3.0, 3.0];
        close(mae(&truth, &forecast), 1.0);
        close(rmse(&truth, &forecast), (5.0_f64 / 3.0).sqrt());
        close(wape(&truth, &forecast), 3.0 / 9.0);
        assert_eq!(mae(&[f64::NAN], &[1.0]), None);
    }

    #[test]
    fn the_scale_is_the_seasonal_naive_error() {
        // History 1 3 2 6, season 2: |2-1| and |6-3|.
        close(seasonal_scale(&[1.0, 3.0, 2.0, 6.0], 2), 2.0);
        assert_eq!(seasonal_scale(&[1.0, 2.0], 7), None);
        assert_eq!(seasonal_scale(&[2.0; 20], 7), None);
    }

    #[test]
    fn pinball_matches_scikit_learn() {
        // python -c "from sklearn.metrics import mean_pinball_loss as m;
        //            print(m([3,1,4],[2,2,5],alpha=.9), m([3,1,4],[2,2,5],alpha=.1))"
        let pairs = [(3.0, 2.0), (1.0, 2.0), (4.0, 5.0)];
        let at = |level| mean(pairs.iter().map(|&(truth, said)| pinball(truth, said, level)));
        close(at(0.9), 0.366_666_666_666_666_6);
        close(at(0.1), 0.633_333_333_333_333_3);
    }

    #[test]
    fn quantile_loss_of_the_median_is_wape() {
        let truth = [3.0, 1.0, 4.0];
        let median = vec![2.0, 2.0, 5.0];
        let loss = weighted_quantile_loss(&truth, std::slice::from_ref(&median), &[0.5]);
        close(loss, wape(&truth, &median).unwrap());
    }

    #[test]
    fn a_quantile_that_says_nothing_is_not_a_perfect_one() {
        let truth = [3.0, 1.0];
        let silent = vec![f64::NAN; 2];
        assert_eq!(weighted_quantile_loss(&truth, &[silent], &[0.5]), None);
        // Said only where the truth is 1: error 1 of 1.
        let half = vec![f64::NAN, 2.0];
        close(weighted_quantile_loss(&truth, &[half], &[0.5]), 1.0);
        assert_eq!(weighted_quantile_loss(&truth, &[], &[]), None);
    }

    #[test]
    fn intervals_and_engines() {
        close(coverage(&[1.0, 2.0, 3.0, f64::NAN], &[0.0; 4], &[2.5; 4]), 2.0 / 3.0);
        // e^1 - 1 late by ten cycles, e^1 - 1 early by thirteen.
        let score = fd001_score(&[50.0, 50.0], &[60.0, 37.0]);
        close(score, 2.0 * (1.0_f64.exp() - 1.0));
        assert_eq!(fd001_score(&[f64::NAN], &[1.0]), None);
    }
}
