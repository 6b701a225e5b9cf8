//! Fitting, head by head.

use foresite_datasets::measure::{self, Judging, Measured};
use foresite_datasets::{
    CutoffGrid, Data, Fitted, Package, SampleSet, link, model_error, origins, periods, season,
    series, tabular_slices,
};
use foresite_features::cube::Cube;
use foresite_features::kernel::FeatureKernel;
use foresite_features::task::{DAY, Head, MINUTE, SliceName, Task};
use foresite_models::Reference;
use foresite_models::anomaly::{Anomaly, AnomalyOptions, Panel};
use foresite_models::forecast::{ForecastOptions, Forecaster, Origins};
use foresite_models::tabular::{Candidate, FitOptions, Link, Samples, Sliced, Tabular};
use foresite_stage::{ErrorKind, Lineage, Result, StageError};
use foresite_training::{Device, DeviceChoice, Torch, has_cuda_library};

use crate::Config;

/// Events with a known cause below which causes are not told apart.
const LEAST_CAUSES: usize = 30;
/// Minutes that the smoothing of a detector spans by default.
const SMOOTHING_MINUTES: i64 = 100;

/// Fits the model of the task.
pub(crate) fn package(
    task: &Task,
    (set, data): (&SampleSet, &Data),
    (config, choice): (&Config, &FitOptions<'_>),
    lineage: &Lineage,
) -> Result<Package> {
    let fitted = match data {
        Data::Panel(panel) => detector(task, set, panel, (config, choice))?,
        Data::Series(cube) => forecaster(task, set, cube, choice)?,
        Data::Rows => rows(task, set, choice)?,
    };
    let spans = SliceName::ALL
        .into_iter()
        .filter_map(|slice| Some((slice.word().to_owned(), set.span(slice)?)))
        .collect();
    Ok(Package {
        task: task.clone(),
        lineage_id: lineage.id.clone(),
        sample_set_id: set.id.clone(),
        seed: config.seed,
        samples: set.counts(),
        spans,
        fitted,
    })
}

fn detector(
    task: &Task,
    set: &SampleSet,
    (panel, grid): &(Panel, CutoffGrid),
    (config, choice): (&Config, &FitOptions<'_>),
) -> Result<Fitted> {
    let step = task.cutoffs.step.micros();
    let usual = (SMOOTHING_MINUTES * MINUTE / step).clamp(3, 20);
    let options = AnomalyOptions {
        silence: task.inputs.silence.clone(),
        parts: config.anomaly.parts.clone(),
        lags: config.anomaly.lags,
        smoothing: config.anomaly.smoothing_steps.unwrap_or(usize::try_from(usual).unwrap_or(3)),
        budget: config.anomaly.alerts_per_entity_day * step as f64 / DAY as f64,
        ..AnomalyOptions::default()
    };
    let periods = periods(set, grid);
    let (model, gate) = Anomaly::fit(panel, &periods, &options, choice).map_err(model_error)?;
    if let Some(promise) = model.alarms.promise.filter(|promise| !promise.is_kept()) {
        tracing::warn!(
            task = task.task,
            budget = promise.budget,
            found = promise.found,
            "no alarm level keeps the budget of alarms per entity and step; the strictest one ships"
        );
    }
    Ok(Fitted::Anomaly { model: Box::new(model), gate })
}

fn forecaster(
    task: &Task,
    set: &SampleSet,
    cube: &Cube,
    choice: &FitOptions<'_>,
) -> Result<Fitted> {
    let Head::Forecast { horizon, quantiles, .. } = &task.head else {
        return Err(StageError::new(ErrorKind::Internal, "a series without a forecast head"));
    };
    let values = series(cube, task).ok_or_else(|| {
        let message = format!("task `{}`: its series lack the label's channel", task.task);
        StageError::new(ErrorKind::BadData, message)
    })?;
    let of = |slice| origins(set, cube, task, slice);
    let slices = Origins {
        fit: of(SliceName::Fit),
        select: of(SliceName::Select),
        calibrate: of(SliceName::Calibrate),
        gate: of(SliceName::Gate),
    };
    let options = ForecastOptions {
        horizon: *horizon,
        look_back: task.window_steps(),
        season: season(task),
        quantiles: quantiles.clone(),
        ceiling: ceiling(task),
    };
    let (model, bases, gate) =
        Forecaster::fit(&values, &slices, &options, choice).map_err(model_error)?;
    Ok(Fitted::Forecast { model: Box::new(model), bases, gate })
}

/// What to fit, and what trains the networks among it.
pub(crate) fn choice<'a>(config: &Config, torch: &'a Torch) -> FitOptions<'a> {
    FitOptions {
        candidates: config.candidates.clone(),
        seed: config.seed,
        replicates: config.replicates,
        trainer: torch,
    }
}

/// What trains networks, where the configuration says.
pub(crate) fn torch(config: &Config) -> Result<Torch> {
    device(config).map(Torch::on)
}

/// Where the networks among the candidates are trained, tried out; the CPU where there are none.
fn device(config: &Config) -> Result<Device> {
    let is_network = |candidate: &Candidate| matches!(candidate, Candidate::Network { .. });
    if config.device == DeviceChoice::Cpu || !config.candidates.iter().any(is_network) {
        return Ok(Device::Cpu);
    }
    let device = config.device.open().map_err(model_error)?;
    if device == Device::Cpu && has_cuda_library() {
        tracing::warn!("libtorch for GPUs finds none; networks are trained on the CPU");
    }
    Ok(device)
}

/// A percentage ends at 100; the catalogue knows which channels are one.
fn ceiling(task: &Task) -> Option<f64> {
    let name = task.label.channel()?;
    let channels = foresite_kpi::channels();
    let is_percentage = channels.iter().any(|column| column.name == name && column.unit == "%");
    is_percentage.then_some(100.0)
}

fn rows(task: &Task, set: &SampleSet, choice: &FitOptions<'_>) -> Result<Fitted> {
    let Some((link, outputs)) = link(task) else {
        return Err(StageError::new(ErrorKind::Internal, "feature rows without a head for them"));
    };
    let raw: Vec<f64> =
        set.of(SliceName::Fit).flat_map(|sample| sample.features.iter().copied()).collect();
    let kernel = FeatureKernel::fit(task.clone(), &raw);
    let slices = tabular_slices(set, &kernel, outputs)?;
    let (model, gate) = Tabular::fit(link, outputs, &slices, choice).map_err(model_error)?;
    let causes = causes(task, set, &kernel, choice)?;
    let usual = medians(&raw, kernel.raw_names().len());
    let (kernel, model) = (Box::new(kernel), Box::new(model));
    Ok(Fitted::Tabular { kernel, model, causes, usual, gate })
}

/// Median of every column of `[rows, width]`; 0 where nothing was observed.
fn medians(rows: &[f64], width: usize) -> Vec<f64> {
    (0..width)
        .map(|column| {
            let values = rows.iter().skip(column).step_by(width).copied();
            Reference::new(values).quantile(0.5).unwrap_or(0.0)
        })
        .collect()
}

/// Which cause, given that it happens: a linear model of the samples whose cause became known.
fn causes(
    task: &Task,
    set: &SampleSet,
    kernel: &FeatureKernel,
    options: &FitOptions<'_>,
) -> Result<Option<Box<Tabular>>> {
    let Head::TimeToEvent { causes, .. } = &task.head else {
        return Ok(None);
    };
    let slice = |name| {
        let mut samples = Samples::empty(kernel.names().len(), 1);
        for sample in set.of(name).filter(|sample| sample.label.is_some()) {
            let encoded: Vec<f64> =
                kernel.encode(&sample.features).into_iter().map(f64::from).collect();
            samples.push(
                &encoded,
                &[sample.label.unwrap_or(f64::NAN)],
                sample.weight,
                set.block(sample),
            );
        }
        samples
    };
    let slices = Sliced {
        fit: slice(SliceName::Fit),
        select: slice(SliceName::Select),
        calibrate: slice(SliceName::Calibrate),
        gate: slice(SliceName::Gate),
    };
    if causes.len() < 2 || slices.fit.rows() < LEAST_CAUSES {
        return Ok(None);
    }
    let linear = FitOptions { candidates: Vec::new(), ..options.clone() };
    let (model, _) =
        Tabular::fit(Link::Classes, causes.len(), &slices, &linear).map_err(model_error)?;
    Ok(Some(Box::new(model)))
}

/// The numbers of the gate slice, for the bundle.
pub(crate) fn on_gate(
    package: &Package,
    set: &SampleSet,
    data: &Data,
    config: &Config,
) -> Result<Measured> {
    let judging =
        Judging { replicates: config.replicates, seed: config.seed, ..Judging::default() };
    let (task, gate) = (&package.task, SliceName::Gate);
    match (&package.fitted, data) {
        (Fitted::Tabular { kernel, model, .. }, _) => {
            measure::tabular(package, (kernel, model), set, gate, &judging)
        }
        (Fitted::Forecast { model, .. }, Data::Series(cube)) => {
            Ok(measure::forecast(task, model, set, cube, gate, &judging))
        }
        (Fitted::Anomaly { model, .. }, Data::Panel(panel)) => {
            let (panel, grid) = &**panel;
            Ok(measure::anomaly(task, (model, panel), (set, grid), None, gate, &judging))
        }
        _ => Ok(Measured::default()),
    }
}
