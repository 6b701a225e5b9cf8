//! A residual beside a forecaster, on series from a seed.

#[path = "../../../models/src/forecast/tests/fixture.rs"]
mod fixture;

use fixture::{STEPS, origins, set};
use foresite_models::ModelError;
use foresite_models::forecast::{Base, ForecastOptions, Forecaster, Origin, Origins, SeriesSet};
use foresite_models::network::NetworkOptions;
use foresite_models::tabular::{Candidate, FitOptions, GateResult};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::CPU;

fn choice() -> FitOptions<'static> {
    let options = NetworkOptions { learning_rate: 0.01, ..NetworkOptions::default() };
    let candidates = vec![Candidate::Trees, Candidate::Network { options }];
    FitOptions { candidates, seed: 7, replicates: 200, trainer: &CPU }
}

/// Fitted with a network among the candidates.
fn gated(set: &SeriesSet) -> (Forecaster, Vec<GateResult>) {
    let slices = Origins {
        fit: [origins(70..300), origins(71..300), origins(72..300)].concat(),
        select: origins(320..400),
        calibrate: origins(420..500),
        gate: origins(520..680),
    };
    let options = ForecastOptions {
        horizon: 2,
        look_back: 14,
        season: 7,
        quantiles: vec![0.1, 0.5, 0.9],
        ceiling: None,
    };
    let (model, _, gate) = Forecaster::fit(set, &slices, &options, &choice()).unwrap();
    (model, gate)
}

/// Every step is `next` of the step before, and something new.
fn following(next: fn(f64) -> f64, news: f64) -> SeriesSet {
    let mut set = SeriesSet::new((0..8).map(|i| format!("sector-{i}")).collect(), STEPS);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for series in 0..8 {
        let mut x: f64 = rng.random_range(0.1..0.9);
        for value in set.row_mut(series) {
            x = next(x) + rng.random_range(0.0..news);
            *value = 20.0 + 10.0 * x;
        }
    }
    set
}

#[test]
fn a_residual_earns_its_place_where_the_bases_miss_the_pattern() {
    // A tent is chaos that no line through the past continues.
    let set = following(|x| 0.95 * (1.0 - (2.0 * x - 1.0).abs()), 0.02);
    let (model, gate) = gated(&set);
    assert_eq!(gate.len(), 1);
    assert!(gate[0].earned, "{gate:?}");
    assert_eq!(model.path_name(), format!("{} + network residual 64", model.base.word()));
    assert_eq!(model, gated(&set).0, "the same seed gives the same bits");
}

#[test]
fn a_residual_is_dropped_where_the_bases_say_it_all() {
    let (model, gate) = gated(&following(|x| 0.8 * x, 0.2));
    assert_eq!(model.base, Base::Ridge);
    assert!(!gate[0].earned && gate[0].test.is_some(), "{gate:?}");
    assert_eq!((model.residual.as_ref(), model.path_name()), (None, model.base.word().into()));
}

#[test]
fn odd_series_give_a_forecaster_or_an_error() {
    let options = ForecastOptions {
        horizon: 10,
        look_back: 28,
        season: 7,
        quantiles: vec![0.1, 0.5, 0.9],
        ceiling: Some(100.0),
    };
    let slices = Origins {
        fit: origins(70..300),
        select: origins(340..400),
        calibrate: origins(440..540),
        gate: origins(580..640),
    };
    let with = |fill: fn(usize, f64) -> f64| {
        let mut odd = set(0.0, 9);
        for series in 0..8 {
            odd.row_mut(series).iter_mut().enumerate().for_each(|(t, v)| *v = fill(t, *v));
        }
        odd
    };
    let nothing = Forecaster::fit(&with(|_, _| f64::NAN), &slices, &options, &choice());
    assert!(matches!(nothing, Err(ModelError::TooFewRows { .. })));
    let fills: [fn(usize, f64) -> f64; 4] = [
        |_, _| 5.0,
        |_, _| 0.0,
        |t, v| if t % 3 == 0 { v } else { f64::NAN },
        |t, v| if t < 300 { v } else { 1e12 },
    ];
    for (which, fill) in fills.into_iter().enumerate() {
        let odd = with(fill);
        let (model, ..) = Forecaster::fit(&odd, &slices, &options, &choice()).unwrap();
        let Some(forecast) = model.predict("sector-0", &odd.row(0)[..600]) else {
            continue;
        };
        let said = forecast.base.iter().chain(forecast.quantiles.iter().flatten());
        assert!(said.clone().all(|v| v.is_finite()), "{which}: {forecast:?}");
    }
    let nobody = SeriesSet::new(Vec::new(), 0);
    let empty = Forecaster::fit(&nobody, &Origins::default(), &options, &choice());
    assert!(matches!(empty, Err(ModelError::TooFewRows { .. })));
}
