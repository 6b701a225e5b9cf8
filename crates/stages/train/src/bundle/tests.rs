//! Packages with a network, through a bundle's files and back.

use std::collections::BTreeMap;

use foresite_datasets::Fitted;
use foresite_features::kernel::FeatureKernel;
use foresite_features::task::{Task, built_in};
use foresite_models::anomaly::{Anomaly, AnomalyOptions, Panel, Periods};
use foresite_models::forecast::{ForecastOptions, Forecaster, Origin, Origins, SeriesSet};
use foresite_models::network::NetworkOptions;
use foresite_models::tabular::{Candidate, FitOptions, Link, Samples, Sliced, Tabular};
use foresite_training::{Device, Torch};

use super::*;

static CPU: Torch = Torch::on(Device::Cpu);

/// A number between -1 and 1 that looks like noise.
fn noise(at: usize) -> f64 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 12) as f64
        / (1_u64 << 51) as f64
        - 1.0
}

fn package(task: &str, fitted: Fitted) -> Package {
    Package {
        task: serde_json::from_str(built_in(task).unwrap()).unwrap(),
        lineage_id: "0123456789abcdef0123".into(),
        sample_set_id: "set".into(),
        seed: 1,
        samples: BTreeMap::new(),
        spans: BTreeMap::new(),
        fitted,
    }
}

fn comes_back(package: &Package) {
    let folder = folder(package, "# Card".into(), "auc 1\n".into()).unwrap();
    assert_eq!(&Package::from_folder(&folder).unwrap(), package);
    assert_eq!(folder.file(files::NETWORK).is_ok(), package.ships_network());
    assert_eq!(package.model_id(), "0123456789abcdef");
}

/// The next step of a tent: chaos that no linear path continues, but a network does.
fn tent(x: f64, at: usize) -> f64 {
    0.95 * (1.0 - (2.0 * x - 1.0).abs()) + 0.02 * noise(at).abs()
}

fn with_network() -> FitOptions<'static> {
    let options = NetworkOptions { learning_rate: 0.01, ..NetworkOptions::default() };
    FitOptions {
        candidates: vec![Candidate::Network { options }],
        seed: 3,
        replicates: 200,
        trainer: &CPU,
    }
}

#[test]
fn a_detector_comes_back_bit_by_bit() {
    let mut panel = Panel::new(vec!["a".into(), "b".into()], vec!["x".into(), "y".into()], 1200);
    let mut x = [0.3, 0.4];
    for at in 0..2400 {
        x = [tent(x[0], 2 * at), tent(x[1], 2 * at + 1)];
        panel.row_mut(at / 1200, at % 1200).copy_from_slice(&x.map(|x| x as f32));
    }
    let periods =
        Periods { fit: 0..700, select: 700..800, calibrate: 800..1000, gate: 1000..1200, week: 10 };
    let options = AnomalyOptions { lags: 4, ..AnomalyOptions::default() };
    let (model, gate) = Anomaly::fit(&panel, &periods, &options, &with_network()).unwrap();
    assert!(model.residual.is_some(), "{gate:?}");
    comes_back(&package("anomaly", Fitted::Anomaly { model: Box::new(model), gate }));
}

#[test]
fn a_forecaster_comes_back_bit_by_bit() {
    let mut set = SeriesSet::new(vec!["s".into()], 1400);
    let mut x: f64 = 0.3;
    for (at, value) in set.row_mut(0).iter_mut().enumerate() {
        x = tent(x, at);
        *value = 20.0 + 10.0 * x;
    }
    let at = |step| Origin { series: 0, step, reach: 2, block: step as u64 / 7 };
    let origins = Origins {
        fit: (40..900).map(at).collect(),
        select: (910..1050).map(at).collect(),
        calibrate: (1060..1150).map(at).collect(),
        gate: (1160..1390).map(at).collect(),
    };
    let options = ForecastOptions {
        horizon: 2,
        look_back: 14,
        season: 7,
        quantiles: vec![0.1, 0.5, 0.9],
        ceiling: None,
    };
    let (model, bases, gate) = Forecaster::fit(&set, &origins, &options, &with_network()).unwrap();
    assert!(model.residual.is_some(), "{gate:?}");
    let model = Box::new(model);
    comes_back(&package("capacity", Fitted::Forecast { model, bases, gate }));
}

#[test]
fn a_network_comes_back_bit_by_bit() {
    let slice = |from: usize| {
        let mut samples = Samples::empty(2, 1);
        for at in from..from + 200 {
            let (a, b) = (noise(2 * at), noise(2 * at + 1));
            let block = (at / 4) as u64;
            samples.push(&[a, b], &[f64::from(u8::from(a * b > 0.0))], 1.0, block);
        }
        samples
    };
    let slices =
        Sliced { fit: slice(0), select: slice(300), calibrate: slice(600), gate: slice(900) };
    let options = FitOptions {
        candidates: vec![Candidate::Network { options: Default::default() }],
        seed: 3,
        replicates: 200,
        trainer: &CPU,
    };
    let (model, gate) = Tabular::fit(Link::LogOdds, 1, &slices, &options).unwrap();
    assert!(gate[0].earned, "{gate:?}");
    let task: Task = serde_json::from_str(built_in("maintenance").unwrap()).unwrap();
    let kernel = Box::new(FeatureKernel::fit(task, &[]));
    let model = Box::new(model);
    let fitted = Fitted::Tabular { kernel, model, causes: None, usual: vec![0.5; 2], gate };
    comes_back(&package("maintenance", fitted));
}
