//! Future values of one series, and the date on which it passes a limit.
//!
//! ```text
//! history [look-back] ──► base (chosen on the select slice, per series where it clearly differs)
//!                          ├ last season · mean of 4 seasons · level x shape · pooled ridge
//!                          └ trend: season + slope shrunk towards the growth of all series
//!                    + residual, where one earned its place on the gate slice
//! quantiles = point + scale · quantiles of calibrate-slice errors, per season ahead
//! paths     = point + scale · whole error trajectories of the calibrate slice
//! date      = first passage of the limit over the paths, censored beyond the horizon
//! ```
//! Whole trajectories are drawn, because marginal quantiles give no first passage: errors of
//! neighbouring weeks belong together, and they grow with the lead. That growth, the trend's
//! uncertainty and the weekly noise are all in the trajectories as they were observed.

mod base;
mod errors;
mod fit;
mod passage;
mod residual;
mod series;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::linear::Matrix;
use crate::network::Residual;

pub use base::{Base, Bases};
pub use fit::{BaseScore, ForecastOptions, Origins};
pub use passage::{Limit, Passage};
pub use series::{Origin, SeriesSet};

/// A fitted forecaster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecaster {
    /// Values ahead.
    pub horizon: usize,
    /// Newest values that are looked at.
    pub look_back: usize,
    /// Steps of a season.
    pub season: usize,
    /// Quantile levels, ascending.
    pub quantiles: Vec<f64>,
    /// Fitted state of all bases.
    pub bases: Bases,
    /// The base of a series without a choice of its own.
    pub base: Base,
    /// What is added to the base of every series, where it earned its place.
    pub residual: Option<Residual>,
    /// What is known per series.
    pub series: BTreeMap<String, SeriesState>,
    /// Scale of a series that was not there.
    pub newcomer_scale: f64,
    /// `[seasons ahead, quantiles]`: error quantiles in scales.
    pub errors: Matrix,
    /// `[trajectories, horizon]`: errors of the calibrate slice in scales.
    pub trajectories: Matrix,
}

/// What is known about one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesState {
    /// Mean |change over a season| of the fit slice.
    pub scale: f64,
    /// A base of its own, where it clearly differs.
    pub base: Option<Base>,
}

/// A forecast of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// `[horizon]`, residual included.
    pub base: Vec<f64>,
    /// `[quantiles][horizon]`, never crossing.
    pub quantiles: Vec<Vec<f64>>,
}

/// What a forecast value is made of; the three add up to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Components {
    /// Mean of the last four seasons.
    pub level: f64,
    /// What this phase of the season usually adds.
    pub shape: f64,
    /// Everything else: growth and what the last days say.
    pub change: f64,
}

impl Forecaster {
    /// Scale of a series.
    pub fn scale(&self, series: &str) -> f64 {
        self.series.get(series).map_or(self.newcomer_scale, |state| state.scale)
    }

    /// The base of a series.
    pub fn base_of(&self, series: &str) -> Base {
        self.series.get(series).and_then(|state| state.base).unwrap_or(self.base)
    }

    /// Forecast from the newest values; `None` where too little is observed.
    pub fn predict(&self, series: &str, history: &[f64]) -> Option<Forecast> {
        let scale = self.scale(series);
        let base = self.point(self.residual.as_ref(), series, history)?;
        let quantiles = (0..self.quantiles.len())
            .map(|q| {
                base.iter()
                    .enumerate()
                    .map(|(h, value)| value + scale * self.errors.row(h / self.season)[q])
                    .map(|value| self.bases.bounded(value))
                    .collect()
            })
            .collect();
        Some(Forecast { base, quantiles })
    }

    /// The base with what a residual adds, `[horizon]`.
    fn point(
        &self,
        residual: Option<&Residual>,
        series: &str,
        history: &[f64],
    ) -> Option<Vec<f64>> {
        let scale = self.scale(series);
        let mut point = self.bases.forecast(self.base_of(series), history, scale, self)?;
        if let Some(residual) = residual
            && let Some((window, _)) = base::window(history, self.look_back, self.season, scale)
        {
            for (value, added) in point.iter_mut().zip(residual.outputs(&window)) {
                *value = self.bases.bounded(*value + scale * added);
            }
        }
        Some(point)
    }

    /// Name of what ships, for the card.
    pub fn path_name(&self) -> String {
        match &self.residual {
            Some(residual) => format!("{} + network {}", self.base.word(), residual.name()),
            None => self.base.word().into(),
        }
    }

    /// What the forecast `h` steps ahead is made of.
    pub fn components(&self, series: &str, history: &[f64], h: usize) -> Option<Components> {
        let value = *self.predict(series, history)?.base.get(h)?;
        let window = &history[history.len().saturating_sub(4 * self.season)..];
        let level = base::mean(window.iter().copied())?;
        let usual = base::mean_of_seasons(history, self.season, 4, h).unwrap_or(level);
        Some(Components { level, shape: usual - level, change: value - usual })
    }
}

#[cfg(test)]
mod tests;
