//! Choosing and calibrating.

use std::collections::BTreeMap;

use foresite_metrics::seasonal_scale;
use serde::{Deserialize, Serialize};

use super::base::{Base, Bases, season_means, theil_sen, window};
use super::{Forecaster, Origin, SeriesSet, SeriesState};
use crate::ModelError;
use crate::conformal::Reference;
use crate::linear::{Gram, Matrix};
use crate::network::Residual;
use crate::tabular::{FitOptions, GateResult};

/// Share of the common base's error that a base of its own must save.
const OWN_GAIN: f64 = 0.1;
/// Weights of a series' own slope that are tried.
const OWN_SLOPES: [f64; 4] = [0.0, 0.25, 0.5, 1.0];

/// What to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastOptions {
    /// Values ahead.
    pub horizon: usize,
    /// Newest values that are looked at.
    pub look_back: usize,
    /// Steps of a season.
    pub season: usize,
    /// Quantile levels, ascending.
    pub quantiles: Vec<f64>,
    /// Greatest value that can occur: 100 for a percentage.
    pub ceiling: Option<f64>,
}

/// Origins per slice; the whole horizon of an origin lies in its slice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    /// Ridge, scales, growth, weights of a residual.
    pub fit: Vec<Origin>,
    /// Choice of the base; when training a residual stops.
    pub select: Vec<Origin>,
    /// Errors.
    pub calibrate: Vec<Origin>,
    /// A residual against the bases alone.
    pub gate: Vec<Origin>,
}

/// How a base did on the select slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseScore {
    /// The base.
    pub base: Base,
    /// Mean |error| in scales over all series.
    pub error: f64,
    /// Series that chose it against the common one.
    pub own: usize,
}

impl Forecaster {
    /// Fits on the origins of a set. Of the candidates, networks of the residual architecture may add
    /// to the bases; how each did on the gate slice comes back beside the bases.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] without an origin in the calibrate slice that can be forecast.
    pub fn fit(
        set: &SeriesSet,
        origins: &Origins,
        options: &ForecastOptions,
        choice: &FitOptions<'_>,
    ) -> Result<(Self, Vec<BaseScore>, Vec<GateResult>), ModelError> {
        let mut model = Self {
            horizon: options.horizon,
            look_back: options.look_back,
            season: options.season.max(1),
            quantiles: options.quantiles.clone(),
            bases: Bases { ceiling: options.ceiling, ..Bases::default() },
            base: Base::FourSeasons,
            residual: None,
            series: BTreeMap::new(),
            newcomer_scale: 1.0,
            errors: Matrix::with_columns(options.quantiles.len()),
            trajectories: Matrix::with_columns(options.horizon),
        };
        model.learn_scales(set, &origins.fit);
        model.bases.ridge = model.fit_ridge(set, &origins.fit)?;
        let scores = model.choose(set, &origins.select);
        let gate = model.choose_residual(set, origins, choice)?;
        model.learn_errors(set, &origins.calibrate)?;
        Ok((model, scores, gate))
    }

    /// Scales per series, the growth of all, and the floor, from everything up to the last fit origin.
    fn learn_scales(&mut self, set: &SeriesSet, fit: &[Origin]) {
        let end = fit.iter().map(|origin| origin.step).max().unwrap_or(0);
        let mut growths = Vec::new();
        let mut least = f64::INFINITY;
        for (series, name) in set.names.iter().enumerate() {
            let past = &set.row(series)[..end.min(set.steps())];
            let Some(scale) = seasonal_scale(past, self.season) else {
                continue;
            };
            let state = SeriesState { scale, base: None };
            self.series.insert(name.clone(), state);
            least = past.iter().copied().filter(|v| v.is_finite()).fold(least, f64::min);
            let means = season_means(past, self.season);
            let level = super::base::mean(means.iter().map(|(_, mean)| *mean)).unwrap_or(0.0);
            if let Some(slope) = theil_sen(&means).filter(|_| level.abs() > 1e-9) {
                growths.push(slope / level);
            }
        }
        let scales = Reference::new(self.series.values().map(|state| state.scale));
        self.newcomer_scale = scales.quantile(0.5).unwrap_or(1.0);
        self.bases.growth = Reference::new(growths).quantile(0.5).unwrap_or(0.0);
        // What was never negative stays so; other series have no floor.
        self.bases.floor = (least >= 0.0 && least.is_finite()).then_some(0.0);
    }

    fn fit_ridge(
        &self,
        set: &SeriesSet,
        fit: &[Origin],
    ) -> Result<Option<crate::linear::Ridge>, ModelError> {
        let mut gram = Gram::new(self.look_back, self.horizon);
        for &origin in fit {
            let scale = self.scale(&set.names[origin.series]);
            let future = set.future(origin, self.horizon);
            let whole = future.len() == self.horizon && future.iter().all(|v| v.is_finite());
            let history = set.history(origin, self.look_back);
            let Some((inputs, mean)) =
                window(history, self.look_back, self.season, scale).filter(|_| whole)
            else {
                continue;
            };
            let outputs: Vec<f64> = future.iter().map(|value| (value - mean) / scale).collect();
            gram.add(&inputs, &outputs, 1.0);
        }
        if gram.rows() < 2 * self.look_back {
            return Ok(None);
        }
        gram.ridge().map(Some)
    }

    /// The common base by mean error in scales; a series keeps another one only if it saves a tenth.
    fn choose(&mut self, set: &SeriesSet, select: &[Origin]) -> Vec<BaseScore> {
        self.choose_slope(set, select);
        let mut by_series: BTreeMap<&str, BTreeMap<Base, f64>> = BTreeMap::new();
        let mut scores = Vec::new();
        for base in Base::ALL {
            let errors = self.errors_by_series(set, select, base);
            if errors.is_empty() {
                continue;
            }
            let error = errors.values().sum::<f64>() / errors.len() as f64;
            scores.push(BaseScore { base, error, own: 0 });
            for (series, error) in errors {
                by_series.entry(&set.names[series]).or_default().insert(base, error);
            }
        }
        let Some(best) = scores.iter().min_by(|a, b| a.error.total_cmp(&b.error)) else {
            return scores;
        };
        self.base = best.base;
        for (name, errors) in by_series {
            let common = errors.get(&self.base).copied().unwrap_or(f64::INFINITY);
            let own = errors.iter().min_by(|a, b| a.1.total_cmp(b.1));
            if let (Some((&base, &error)), Some(state)) = (own, self.series.get_mut(name))
                && error < (1.0 - OWN_GAIN) * common
            {
                state.base = Some(base);
                scores.iter_mut().filter(|s| s.base == base).for_each(|s| s.own += 1);
            }
        }
        scores
    }

    fn choose_slope(&mut self, set: &SeriesSet, select: &[Origin]) {
        let mut best = (f64::INFINITY, OWN_SLOPES[0]);
        for own_slope in OWN_SLOPES {
            self.bases.own_slope = own_slope;
            let errors = self.errors_by_series(set, select, Base::Trend);
            let error: f64 = errors.values().sum();
            if error < best.0 && !errors.is_empty() {
                best = (error, own_slope);
            }
        }
        self.bases.own_slope = best.1;
    }

    /// Mean |error| in scales per series.
    fn errors_by_series(
        &self,
        set: &SeriesSet,
        origins: &[Origin],
        base: Base,
    ) -> BTreeMap<usize, f64> {
        let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for &origin in origins {
            let Some(error) = self.trajectory(set, origin, base) else {
                continue;
            };
            let entry = sums.entry(origin.series).or_default();
            for value in error.into_iter().filter(|value| value.is_finite()) {
                entry.0 += value.abs();
                entry.1 += 1.0;
            }
        }
        sums.into_iter()
            .filter(|(_, (_, count))| *count > 0.0)
            .map(|(series, (sum, count))| (series, sum / count))
            .collect()
    }

    /// Errors of a base in scales, NaN where nothing was observed.
    pub(super) fn trajectory(
        &self,
        set: &SeriesSet,
        origin: Origin,
        base: Base,
    ) -> Option<Vec<f64>> {
        let scale = self.scale(&set.names[origin.series]);
        let history = set.history(origin, self.look_back);
        let forecast = self.bases.forecast(base, history, scale, self)?;
        Some(self.errors_of(&forecast, set, origin))
    }

    /// Errors of the base with a residual in scales, NaN where nothing was observed.
    pub(super) fn errors_with(
        &self,
        residual: Option<&Residual>,
        set: &SeriesSet,
        origin: Origin,
    ) -> Option<Vec<f64>> {
        let history = set.history(origin, self.look_back);
        let forecast = self.point(residual, &set.names[origin.series], history)?;
        Some(self.errors_of(&forecast, set, origin))
    }

    fn errors_of(&self, forecast: &[f64], set: &SeriesSet, origin: Origin) -> Vec<f64> {
        let scale = self.scale(&set.names[origin.series]);
        let future = set.future(origin, self.horizon);
        let errors = forecast
            .iter()
            .enumerate()
            .map(|(h, value)| future.get(h).map_or(f64::NAN, |truth| (truth - value) / scale));
        errors.collect()
    }
}
