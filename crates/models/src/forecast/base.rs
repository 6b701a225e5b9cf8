//! The ways to continue a series.

use serde::{Deserialize, Serialize};

use super::Forecaster;
use crate::linear::Ridge;

/// A way to continue a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The last season again.
    LastSeason,
    /// Mean of the last four seasons, phase by phase.
    FourSeasons,
    /// Smoothed level of the season times its shape.
    LevelShape,
    /// Ridge from the look-back to the whole horizon, fitted on all series.
    Ridge,
    /// Mean of the last four seasons, carried on by a slope; see [`Bases::own_slope`].
    Trend,
}

impl Base {
    /// All of them, the simplest first: ties go to it.
    pub const ALL: [Self; 5] =
        [Self::LastSeason, Self::FourSeasons, Self::LevelShape, Self::Trend, Self::Ridge];

    /// The word for cards and baselines.
    pub fn word(self) -> &'static str {
        match self {
            Self::LastSeason => "seasonal naive",
            Self::FourSeasons => "mean of 4 seasons",
            Self::LevelShape => "level x shape",
            Self::Ridge => "pooled ridge",
            Self::Trend => "trend + season",
        }
    }
}

/// Fitted state of the bases.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Bases {
    /// From scaled windows to scaled horizons; `None` with too few windows.
    pub ridge: Option<Ridge>,
    /// Median growth of all series per step, as a share of their level.
    pub growth: f64,
    /// Weight of a series' own slope against the growth of all.
    pub own_slope: f64,
    /// Smallest value that can occur, if the fit slice never went below it.
    pub floor: Option<f64>,
    /// Greatest value that can occur.
    pub ceiling: Option<f64>,
}

impl Bases {
    /// The value kept between floor and ceiling.
    pub fn bounded(&self, value: f64) -> f64 {
        let above = self.floor.map_or(value, |floor| value.max(floor));
        self.ceiling.map_or(above, |ceiling| above.min(ceiling))
    }

    /// `[horizon]`; `None` where less than one season is observed.
    pub fn forecast(
        &self,
        base: Base,
        history: &[f64],
        scale: f64,
        frame: &Forecaster,
    ) -> Option<Vec<f64>> {
        let season = frame.season;
        let steps = 0..frame.horizon;
        let values: Option<Vec<f64>> = match base {
            Base::LastSeason => steps.map(|h| last_season(history, season, h)).collect(),
            Base::FourSeasons => steps.map(|h| mean_of_seasons(history, season, 4, h)).collect(),
            Base::LevelShape => level_shape(history, season, frame.horizon),
            Base::Ridge => self.ridge(history, scale, frame),
            Base::Trend => {
                let slope = self.slope(history, season);
                let carried = |h: usize| {
                    let usual = mean_of_seasons(history, season, 4, h)?;
                    // The values behind the mean lie whole seasons before the step itself.
                    let back = mean(same_phase(history, season, h).take(4).map(|(back, _)| back))?;
                    Some(usual + slope * season as f64 * (back + (h / season) as f64))
                };
                steps.map(carried).collect()
            }
        };
        Some(values?.into_iter().map(|value| self.bounded(value)).collect())
    }

    fn ridge(&self, history: &[f64], scale: f64, frame: &Forecaster) -> Option<Vec<f64>> {
        let ridge = self.ridge.as_ref()?;
        let (inputs, mean) = window(history, frame.look_back, frame.season, scale)?;
        let outputs = ridge.predict(&inputs);
        Some(outputs.into_iter().map(|value| mean + scale * value).collect())
    }

    /// Slope per step: Theil-Sen through season means, shrunk towards the growth of all series.
    fn slope(&self, history: &[f64], season: usize) -> f64 {
        let means = season_means(history, season);
        let level = mean(means.iter().rev().take(4).map(|(_, mean)| *mean)).unwrap_or(0.0);
        let pooled = self.growth * level;
        let own = theil_sen(&means).unwrap_or(pooled);
        self.own_slope * own + (1.0 - self.own_slope) * pooled
    }
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Values of the phase of step `h` ahead in earlier seasons, newest first, with how many seasons back
/// each is from the first season ahead.
fn same_phase(history: &[f64], season: usize, h: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
    let phase = h % season;
    (1..=history.len() / season)
        .map(move |back| (back as f64, history[history.len() - back * season + phase]))
        .filter(|(_, value)| value.is_finite())
}

fn last_season(history: &[f64], season: usize, h: usize) -> Option<f64> {
    same_phase(history, season, h).next().map(|(_, value)| value)
}

/// Mean of up to `seasons` observed values of the phase of step `h` ahead.
pub(super) fn mean_of_seasons(
    history: &[f64],
    season: usize,
    seasons: usize,
    h: usize,
) -> Option<f64> {
    mean(same_phase(history, season, h).take(seasons).map(|(_, value)| value))
}

/// Position (steps, centred) and mean of every whole season, oldest first.
pub(super) fn season_means(history: &[f64], season: usize) -> Vec<(f64, f64)> {
    let first = history.len() % season;
    history[first..]
        .chunks_exact(season)
        .enumerate()
        .filter_map(|(index, values)| {
            let at = ((index * season) as f64) + season as f64 / 2.0;
            let seen = values.iter().filter(|value| value.is_finite()).count();
            // Half a season of gaps shifts a mean by more than any growth.
            (2 * seen > season).then(|| mean(values.iter().copied()))?.map(|m| (at, m))
        })
        .collect()
}

/// Median slope over all pairs of points; `None` below four points.
pub(super) fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 4 {
        return None;
    }
    let mut slopes = Vec::new();
    for (index, (x, y)) in points.iter().enumerate() {
        slopes.extend(points[index + 1..].iter().map(|(u, v)| (v - y) / (u - x)));
    }
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    Some(if slopes.len() % 2 == 1 {
        slopes[middle]
    } else {
        f64::midpoint(slopes[middle - 1], slopes[middle])
    })
}

/// Shape of the last four seasons times a level smoothed over the seasons.
///
/// Source: the closed-form level x shape idea of FLAIR (arXiv 2605.07222), its ridge on the levels
/// replaced by exponential smoothing.
fn level_shape(history: &[f64], season: usize, horizon: usize) -> Option<Vec<f64>> {
    const KEEP: f64 = 0.5;
    let means = season_means(history, season);
    let level = means.iter().fold(None, |level: Option<f64>, (_, mean)| {
        Some(level.map_or(*mean, |level| KEEP * level + (1.0 - KEEP) * mean))
    })?;
    let recent = mean(means.iter().rev().take(4).map(|(_, mean)| *mean))?;
    if recent.abs() < 1e-9 {
        return None;
    }
    (0..horizon).map(|h| Some(mean_of_seasons(history, season, 4, h)? / recent * level)).collect()
}

/// The scaled window of a ridge and the mean that was subtracted; gaps read like their phase.
pub(super) fn window(
    history: &[f64],
    look_back: usize,
    season: usize,
    scale: f64,
) -> Option<(Vec<f64>, f64)> {
    let values = history.get(history.len().checked_sub(look_back)?..)?;
    let seen = values.iter().filter(|value| value.is_finite()).count();
    if 2 * seen < look_back {
        return None;
    }
    let centre = mean(values.iter().copied())?;
    let inputs = values
        .iter()
        .enumerate()
        .map(|(at, &value)| {
            let phase = at % season;
            let value = if value.is_finite() {
                value
            } else {
                mean(values.iter().copied().skip(phase).step_by(season)).unwrap_or(centre)
            };
            (value - centre) / scale
        })
        .collect();
    Some((inputs, centre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_aligned_with_the_end() {
        // Season 3, newest season 7 8 9: one step ahead repeats 7.
        let history = [0.0, 1.0, 2.0, 3.0, 7.0, f64::NAN, 9.0];
        assert_eq!(last_season(&history, 3, 0), Some(7.0));
        assert_eq!(last_season(&history, 3, 1), Some(2.0));
        assert_eq!(last_season(&history, 3, 5), Some(9.0));
        assert_eq!(mean_of_seasons(&history, 3, 4, 0), Some(4.0));
    }

    #[test]
    fn theil_sen_ignores_an_outlier() {
        let points = [(0.0, 0.0), (1.0, 2.0), (2.0, 4.0), (3.0, 60.0), (4.0, 8.0)];
        assert_eq!(theil_sen(&points), Some(2.0));
        assert_eq!(theil_sen(&points[..3]), None);
    }

    #[test]
    fn theil_sen_matches_scipy() {
        // python: scipy.stats.theilslopes([1, 2, 4, 3], [0, 1, 2, 3]).slope
        let slope = theil_sen(&[(0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (3.0, 3.0)]).unwrap();
        assert!((slope - 5.0 / 6.0).abs() < 1e-12, "{slope}");
    }
}
