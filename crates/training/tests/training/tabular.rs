//! The contract that every candidate keeps, on rows from a seed.

#[path = "../../../models/src/tabular/tests/fixture.rs"]
mod fixture;

use fixture::{crossed, linear_hazards, samples, sliced, yes};
use foresite_models::ModelError;
use foresite_models::linear::Matrix;
use foresite_models::network::{Architecture, NetworkOptions};
use foresite_models::tabular::{
    Candidate, FitOptions, Link, Path, Samples, Sliced, Tabular, cumulative,
};
use foresite_training::{DeviceChoice, Torch};

use crate::CPU;

fn options() -> FitOptions<'static> {
    let network = |architecture| Candidate::Network {
        options: NetworkOptions { architecture, learning_rate: 3e-3 },
    };
    FitOptions {
        candidates: vec![
            Candidate::Trees,
            network(Architecture::Residual),
            network(Architecture::TenOne),
        ],
        seed: 7,
        replicates: 300,
        trainer: &CPU,
    }
}

#[test]
fn what_is_linear_stays_linear() {
    let slices = sliced(linear_hazards);
    let (model, results) = Tabular::fit(Link::LogOdds, 2, &slices, &options()).unwrap();
    assert_eq!(results.len(), 3);
    let small = results.iter().all(|result| {
        let (linear, own) = (result.reference_loss.unwrap(), result.loss.unwrap());
        !result.earned || own > 0.85 * linear
    });
    assert!(small, "{results:?}");
    let hazards = model.predict(&[0.9, -0.9, 7.0]).unwrap();
    let safe = model.predict(&[-0.9, 0.9, 7.0]).unwrap();
    assert!(hazards[0] > 0.7 && safe[0] < 0.1, "{hazards:?} {safe:?}");
    let by_then = cumulative(&hazards);
    assert!(by_then[1] >= by_then[0]);
}

#[test]
fn an_interaction_is_won_by_what_can_see_it() {
    let (model, results) = Tabular::fit(Link::LogOdds, 1, &sliced(crossed), &options()).unwrap();
    assert!(results.iter().filter(|result| result.earned).count() >= 2, "{results:?}");
    assert_ne!(model.path, Path::Linear);
    assert!(model.predict(&[0.8, 0.8, 7.0]).unwrap()[0] > 0.8);
    assert!(model.predict(&[-0.8, 0.8, 7.0]).unwrap()[0] < 0.2);
}

#[test]
fn same_seed_same_bits() {
    let slices = sliced(crossed);
    let fit = || Tabular::fit(Link::LogOdds, 1, &slices, &options()).unwrap();
    assert_eq!(fit(), fit());
}

/// A link, the scores it takes, and labels for it.
type Kind = (Link, usize, fn(f64, f64, f64) -> Vec<f64>);

#[test]
fn a_gpu_trains_what_the_cpu_trains_and_repeats_it() {
    if !tch::Cuda::is_available() {
        assert!(std::env::var_os("FORESITE_NEED_GPU").is_none(), "libtorch finds no GPU");
        println!("skipped: no GPU");
        return;
    }
    let kinds: [Kind; 3] = [
        (Link::LogOdds, 1, crossed),
        (Link::Value { cap: None }, 1, |a, b, noise| vec![50.0 + 30.0 * a * b + noise]),
        (Link::Classes, 3, |a, b, _| vec![yes(a * b > 0.0) + yes(a > 0.5)]),
    ];
    let architectures =
        [Architecture::Residual, Architecture::TenOne, Architecture::SixtyFourTwice];
    for (link, scores, label) in kinds {
        let slices = sliced(label);
        for architecture in architectures {
            let options = NetworkOptions { architecture, learning_rate: 3e-3 };
            let candidates = vec![Candidate::Network { options }];
            let fit = |device: DeviceChoice| {
                let trainer = Torch::on(device.open().unwrap());
                let candidates = candidates.clone();
                let options = FitOptions { candidates, trainer: &trainer, ..self::options() };
                Tabular::fit(link, scores, &slices, &options).unwrap()
            };
            let (cpu, gpu) = (fit(DeviceChoice::Cpu), fit(DeviceChoice::Cuda));
            let [on_cpu, on_gpu] = [&cpu, &gpu].map(|(_, results)| results[0].loss.unwrap());
            let far = (on_cpu - on_gpu).abs() / on_cpu;
            assert!(far < 1e-3, "{link:?} {architecture:?}: {on_cpu} on the CPU, {on_gpu}");
            println!("{link:?} {architecture:?}: {on_cpu} on the CPU, {on_gpu} on the GPU");
            assert_eq!(gpu, fit(DeviceChoice::Cuda), "{link:?} {architecture:?}: other bits again");
        }
    }
}

#[test]
fn a_batch_has_the_bits_of_its_rows() {
    let slices = sliced(crossed);
    let network = |architecture| {
        vec![Candidate::Network { options: NetworkOptions { architecture, learning_rate: 3e-3 } }]
    };
    let candidates = [
        Vec::new(),
        vec![Candidate::Trees],
        network(Architecture::Residual),
        network(Architecture::TenOne),
    ];
    let mut names = Vec::new();
    for candidates in candidates {
        let options = FitOptions { candidates, ..options() };
        let (model, _) = Tabular::fit(Link::LogOdds, 1, &slices, &options).unwrap();
        let rows = &slices.gate.x;
        let bits = |p: &[f64]| p.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        for (row, p) in rows.iter().zip(model.predict_all(rows).unwrap()) {
            assert_eq!(bits(&p), bits(&model.predict(row).unwrap()), "{}", model.path_name());
        }
        let wide = Matrix::from_rows(4, vec![0.0; 8]);
        assert!(matches!(model.predict_all(&wide), Err(ModelError::Shape { .. })));
        assert!(model.operations() > 0);
        names.push(model.path_name());
    }
    assert_eq!(names, ["linear", "boosted trees", "network residual 64-32", "network 10-1"]);
}

#[test]
fn values_come_with_an_interval() {
    let label = |a: f64, b: f64, noise: f64| vec![50.0 + 30.0 * a - 10.0 * b + 4.0 * (noise - 0.5)];
    let mut options = options();
    options.candidates = vec![
        Candidate::Trees,
        Candidate::Network {
            options: NetworkOptions {
                architecture: Architecture::SixtyFourTwice,
                learning_rate: 1e-3,
            },
        },
    ];
    let link = Link::Value { cap: Some(80.0) };
    let slices = sliced(label);
    let (model, _) = Tabular::fit(link, 1, &slices, &options).unwrap();
    let value = model.predict(&[0.5, 0.5, 7.0]).unwrap()[0];
    assert!((value - 60.0).abs() < 4.0, "{value}");
    assert!(model.predict(&[1.0, -1.0, 7.0]).unwrap()[0] <= 80.0);
    let (low, high) = model.interval(value, 0.8).unwrap();
    assert!(high - low > 2.0 && low < value && value < high, "{low} {high}");
    assert_eq!(model.interval(80.0, 0.8).unwrap().1, 80.0);
    assert_eq!(model.interval(0.0, 0.8).unwrap().0, 0.0);
}

/// Slices in which something is missing: rows, a class, every label, every feature.
fn odd_slices(label: fn(f64, f64, f64) -> Vec<f64>) -> Vec<(&'static str, Sliced)> {
    let whole = Sliced {
        fit: samples(60, 0, label),
        select: samples(20, 1, label),
        calibrate: samples(20, 2, label),
        gate: samples(20, 3, label),
    };
    let none = whole.fit.none();
    let width = whole.fit.y.columns();
    let unlabelled = samples(30, 4, |_, _, _| vec![f64::NAN; 2]);
    let unlabelled =
        Samples { y: Matrix::from_rows(width, vec![f64::NAN; 30 * width]), ..unlabelled };
    let blind = Samples { x: Matrix::from_rows(3, vec![f64::NAN; 180]), ..whole.fit.clone() };
    let weightless = Samples { weight: vec![0.0; 60], ..whole.fit.clone() };
    let only_fit = Sliced {
        select: none.clone(),
        calibrate: none.clone(),
        gate: none.clone(),
        ..whole.clone()
    };
    vec![
        ("no fit rows", Sliced { fit: none, ..whole.clone() }),
        ("fit rows alone", only_fit),
        ("no labels in fit", Sliced { fit: unlabelled.clone(), ..whole.clone() }),
        (
            "no labels to judge",
            Sliced { calibrate: unlabelled.clone(), gate: unlabelled, ..whole.clone() },
        ),
        ("no features", Sliced { fit: blind, ..whole.clone() }),
        ("no weights", Sliced { fit: weightless, ..whole }),
    ]
}

#[test]
fn odd_slices_give_a_model_or_an_error_and_never_a_number_that_is_none() {
    type Case = (Link, usize, fn(f64, f64, f64) -> Vec<f64>);
    let cases: [Case; 5] = [
        (Link::LogOdds, 1, crossed),
        (Link::LogOdds, 1, |_, _, _| vec![0.0]),
        (Link::LogOdds, 2, linear_hazards),
        (Link::Classes, 3, |a, _, _| vec![yes(a > 0.0)]),
        (Link::Value { cap: None }, 1, |a, _, _| vec![a]),
    ];
    let mut fitted = 0;
    for (link, scores, label) in cases {
        for (what, slices) in odd_slices(label) {
            let Ok((model, _)) = Tabular::fit(link, scores, &slices, &options()) else {
                continue;
            };
            fitted += 1;
            for row in [[0.3, -0.2, 7.0], [f64::NAN; 3], [f64::INFINITY, -1e300, 0.0]] {
                let said = model.predict(&row).unwrap();
                assert!(said.iter().all(|p| p.is_finite()), "{what}, {link:?}, {row:?}: {said:?}");
            }
        }
    }
    // Rows to fit on are all that a model needs.
    assert!(fitted >= 3 * cases.len(), "{fitted}");
}
