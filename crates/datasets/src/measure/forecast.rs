//! Forecasts and the dates on which a limit is passed.

use foresite_features::cube::Cube;
use foresite_features::task::{SliceName, Task};
use foresite_metrics as metrics;
use foresite_models::forecast::{Base, Forecast, Forecaster, Limit, Origin, Passage, SeriesSet};

use super::{Judging, Measured};
use crate::series::origin;
use crate::{SampleSet, limit, origins, series};

/// Baselines beside every forecast.
const BASELINES: [(&str, Base); 2] =
    [("seasonal_naive", Base::LastSeason), ("mean_4_seasons", Base::FourSeasons)];

/// Pairs of dates that are compared, some seconds' worth; the concordance of more is left undefined.
const MOST_PAIRS: usize = 1_000_000_000;

/// One origin that could be forecast and judged.
struct Row<'a> {
    origin: Origin,
    history: &'a [f64],
    /// At least four seasons: a baseline may remember more than the model does.
    memory: &'a [f64],
    truth: &'a [f64],
    scale: f64,
    forecast: Forecast,
}

/// Judges a forecaster on a slice.
pub fn forecast(
    task: &Task,
    model: &Forecaster,
    set: &SampleSet,
    cube: &Cube,
    slice: SliceName,
    judging: &Judging,
) -> Measured {
    let mut measured = Measured::default();
    let Some(values) = series(cube, task) else {
        return measured;
    };
    let rows: Vec<Row<'_>> = origins(set, cube, task, slice)
        .into_iter()
        .filter_map(|origin| row(model, &values, origin))
        .collect();
    let blocks: Vec<u64> = rows.iter().map(|row| row.origin.block).collect();
    let own: Vec<f64> = rows.iter().map(|row| scaled_error(row, &row.forecast.base)).collect();
    measured.add_with_interval("mase", &blocks, judging, |drawn| {
        let errors = drawn.iter().map(|&row| own[row]).filter(|error| error.is_finite());
        mean(errors)
    });
    errors(&rows, model, &mut measured);
    for (name, base) in BASELINES {
        let theirs: Vec<f64> = rows
            .iter()
            .map(|row| {
                let forecast = model.bases.forecast(base, row.memory, row.scale, model);
                forecast.map_or(f64::NAN, |forecast| scaled_error(row, &forecast))
            })
            .collect();
        let value = mean(theirs.iter().copied().filter(|error| error.is_finite()));
        measured.add_baseline("mase", name, value, rows.len());
        measured.compare(name, (&own, &theirs), &blocks, judging);
    }
    if let Some(limit) = limit(task) {
        passages(&rows, &values, model, limit, &mut measured);
    }
    measured
}

/// Mean error in scales, one per sample of a slice; NaN where it could not be forecast.
pub(super) fn losses(
    task: &Task,
    model: &Forecaster,
    set: &SampleSet,
    cube: &Cube,
    slice: SliceName,
) -> Option<Vec<f64>> {
    let values = series(cube, task)?;
    let error = |sample| {
        let row = row(model, &values, origin(set, cube, task, sample)?)?;
        Some(scaled_error(&row, &row.forecast.base))
    };
    Some(set.of(slice).map(|sample| error(sample).unwrap_or(f64::NAN)).collect())
}

fn row<'a>(model: &Forecaster, values: &'a SeriesSet, origin: Origin) -> Option<Row<'a>> {
    let name = &values.names[origin.series];
    let history = values.history(origin, model.look_back);
    let memory = values.history(origin, model.look_back.max(4 * model.season));
    let truth = values.future(origin, model.horizon);
    let seen = truth.iter().any(|value| value.is_finite());
    let forecast = model.predict(name, history).filter(|_| seen)?;
    Some(Row { origin, history, memory, truth, scale: model.scale(name), forecast })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

fn scaled_error(row: &Row<'_>, forecast: &[f64]) -> f64 {
    let ahead = &forecast[..row.truth.len().min(forecast.len())];
    metrics::mae(&row.truth[..ahead.len()], ahead).map_or(f64::NAN, |error| error / row.scale)
}

/// All pairs of all origins, one column per quantile.
fn errors(rows: &[Row<'_>], model: &Forecaster, measured: &mut Measured) {
    let truth: Vec<f64> = rows.iter().flat_map(|row| row.truth.to_vec()).collect();
    let flat = |of: &dyn Fn(&Row<'_>) -> Vec<f64>| -> Vec<f64> {
        rows.iter().flat_map(|row| of(row)[..row.truth.len()].to_vec()).collect()
    };
    let base = flat(&|row| row.forecast.base.clone());
    let quantiles: Vec<Vec<f64>> = (0..model.quantiles.len())
        .map(|q| flat(&|row| row.forecast.quantiles[q].clone()))
        .collect();
    let n = truth.len();
    measured.add("mae", metrics::mae(&truth, &base), n);
    measured.add("rmse", metrics::rmse(&truth, &base), n);
    measured.add("wape", metrics::wape(&truth, &base), n);
    let wql = metrics::weighted_quantile_loss(&truth, &quantiles, &model.quantiles);
    measured.add("wql", wql, n);
    let level = |q: f64| model.quantiles.iter().position(|have| (have - q).abs() < 1e-9);
    if let (Some(low), Some(high)) = (level(0.1), level(0.9)) {
        let coverage = metrics::coverage(&truth, &quantiles[low], &quantiles[high]);
        measured.add("coverage_80", coverage, n);
    }
}

/// What was said about passing the limit at one origin, and what happened.
struct Judged<'a> {
    row: &'a Row<'a>,
    actual: Option<usize>,
    said: Passage,
}

/// Whether, and when, the limit was passed, against what was said.
fn passages(
    rows: &[Row<'_>],
    values: &SeriesSet,
    model: &Forecaster,
    limit: Limit,
    measured: &mut Measured,
) {
    // A series that is over its limit already has nothing to predict.
    let judged: Vec<Judged<'_>> = rows
        .iter()
        .filter(|row| !limit.is_passed(row.history))
        .filter_map(|row| {
            let name = &values.names[row.origin.series];
            let seed = row.origin.series as u64 * 1_000_003 + row.origin.step as u64;
            let said = model.passage(name, row.history, limit, seed)?;
            Some(Judged { row, actual: limit.passage(row.history, row.truth), said })
        })
        .collect();
    let thirds = [model.horizon / 3, 2 * model.horizon / 3, model.horizon];
    for ahead in thirds.into_iter().filter(|ahead| *ahead > 0) {
        exceedance(&judged, ahead, measured);
    }
    dates(&judged, model.horizon, measured);
}

/// Whether the limit was passed within so many steps.
fn exceedance(judged: &[Judged<'_>], ahead: usize, measured: &mut Measured) {
    // An origin that looks less far would count only where the limit was passed.
    let seen = |one: &Judged<'_>| {
        (one.row.truth.len() >= ahead).then(|| one.actual.is_some_and(|at| at < ahead))
    };
    let (labels, p): (Vec<bool>, Vec<f64>) =
        judged.iter().filter_map(|one| Some((seen(one)?, one.said.within(ahead)))).unzip();
    let n = labels.len();
    measured.add(&format!("exceed_rate_{ahead}"), metrics::base_rate(&labels), n);
    measured.add(&format!("exceed_pr_auc_{ahead}"), metrics::auc_pr(&labels, &p), n);
    let skill = metrics::brier_skill(&labels, &p);
    measured.add(&format!("exceed_brier_skill_{ahead}"), skill, n);
    measured.add(&format!("exceed_brier_{ahead}"), metrics::brier(&labels, &p), n);
}

/// When the limit was passed.
fn dates(judged: &[Judged<'_>], horizon: usize, measured: &mut Measured) {
    let date = |at: Option<usize>| at.map(|at| at as f64);
    let actual: Vec<Option<f64>> = judged.iter().map(|one| date(one.actual)).collect();
    let said: Vec<Option<f64>> = judged.iter().map(|one| date(one.said.quantile(0.5))).collect();
    let both = actual.iter().zip(&said).filter(|(a, b)| a.is_some() && b.is_some()).count();
    let error = metrics::median_absolute_date_error(&actual, &said);
    measured.add("median_date_error_steps", error, both);
    let times: Vec<f64> = judged
        .iter()
        .map(|one| one.actual.map_or(one.row.truth.len() as f64, |at| at as f64))
        .collect();
    let happened: Vec<bool> = actual.iter().map(Option::is_some).collect();
    let risks: Vec<f64> = judged.iter().map(|one| one.said.within(horizon)).collect();
    let pairs = actual.iter().flatten().count().saturating_mul(times.len());
    let concordance =
        (pairs <= MOST_PAIRS).then(|| metrics::c_index(&times, &happened, &risks)).flatten();
    measured.add("c_index", concordance, times.len());
}
