//! A forecaster on series from a seed: a weekly shape, growth, noise.

mod fixture;

use fixture::{origins, set};

use super::*;
use crate::network::Refusing;
use crate::tabular::FitOptions;

fn fitted(set: &SeriesSet, horizon: usize) -> (Forecaster, Vec<BaseScore>) {
    let slices = Origins { fit: origins(70..300), select: origins(340..400), ..Origins::default() };
    let slices = Origins { calibrate: origins(440..540), ..slices };
    let options = ForecastOptions {
        horizon,
        look_back: 56,
        season: 7,
        quantiles: vec![0.1, 0.5, 0.9],
        ceiling: None,
    };
    let (model, scores, gate) = Forecaster::fit(set, &slices, &options, &choice()).unwrap();
    assert!(gate.is_empty() && model.residual.is_none());
    (model, scores)
}

fn choice() -> FitOptions<'static> {
    FitOptions { candidates: Vec::new(), seed: 7, replicates: 200, trainer: &Refusing }
}

#[test]
fn the_weekly_shape_is_continued_and_the_interval_holds() {
    let set = set(0.0, 1);
    let (model, scores) = fitted(&set, 14);
    assert!(scores.len() >= 4);
    let (mut inside, mut count) = (0, 0);
    for origin in origins(580..680) {
        let name = &set.names[origin.series];
        let forecast = model.predict(name, set.history(origin, 56)).unwrap();
        for (h, truth) in set.future(origin, 14).iter().enumerate() {
            count += 1;
            let (low, high) = (forecast.quantiles[0][h], forecast.quantiles[2][h]);
            assert!(low <= forecast.quantiles[1][h] && forecast.quantiles[1][h] <= high);
            inside += usize::from(low <= *truth && *truth <= high);
        }
    }
    let coverage = f64::from(inside as u32) / f64::from(count as u32);
    assert!((coverage - 0.8).abs() < 0.05, "{coverage}");
}

#[test]
fn leads_that_no_error_reached_are_wider_and_percentages_stop_at_a_hundred() {
    let set = set(0.0, 6);
    let slices = Origins {
        fit: origins(70..300),
        select: origins(340..400),
        calibrate: origins(440..540).into_iter().map(|o| Origin { reach: 28, ..o }).collect(),
        gate: Vec::new(),
    };
    let options = ForecastOptions {
        horizon: 56,
        look_back: 56,
        season: 7,
        quantiles: vec![0.1, 0.5, 0.9],
        ceiling: Some(40.0),
    };
    let (model, ..) = Forecaster::fit(&set, &slices, &options, &choice()).unwrap();
    let width = |ahead: usize| model.errors.row(ahead)[2] - model.errors.row(ahead)[0];
    assert!(width(7) > 1.3 * width(3) && width(3) > 0.0);
    let forecast = model.predict("sector-7", &set.row(7)[600..656]).unwrap();
    assert!(forecast.quantiles[2].iter().all(|value| *value <= 40.0));
}

#[test]
fn growth_dates_the_passage() {
    let set = set(0.05, 2);
    let (model, _) = fitted(&set, 60);
    let limit = Limit { value: 78.0, steps: 3, of_steps: 7 };
    for series in [5, 7] {
        let origin = Origin { series, step: 620, reach: 60, block: 0 };
        let (past, ahead) = (set.history(origin, 56), set.future(origin, 60));
        let truth = limit.passage(past, ahead);
        let passage = model.passage(&set.names[series], past, limit, 1).unwrap();
        match truth {
            Some(day) => {
                let median = passage.quantile(0.5).unwrap() as f64;
                assert!((median - day as f64).abs() < 25.0, "{series}: {median} for {day}");
            }
            None => assert!(passage.within(30) < 0.5),
        }
        assert!(passage.within(20) <= passage.within(60));
    }
}

#[test]
fn components_add_up() {
    let set = set(0.05, 3);
    let (model, _) = fitted(&set, 14);
    let origin = Origin { series: 2, step: 600, reach: 60, block: 0 };
    let history = set.history(origin, 56);
    let parts = model.components("sector-2", history, 5).unwrap();
    let value = model.predict("sector-2", history).unwrap().base[5];
    assert!((parts.level + parts.shape + parts.change - value).abs() < 1e-9);
}

#[test]
fn gaps_and_strangers_are_forecast_and_nothing_is_not() {
    let mut set = set(0.0, 4);
    let (model, _) = fitted(&set, 14);
    set.row_mut(0)[590..594].fill(f64::NAN);
    let origin = Origin { series: 0, step: 600, reach: 60, block: 0 };
    let forecast = model.predict("stranger", set.history(origin, 56)).unwrap();
    assert!(forecast.base.iter().all(|value| value.is_finite()));
    assert_eq!(model.predict("sector-0", &[f64::NAN; 56]), None);
    assert_eq!(model.predict("sector-0", &[1.0; 3]), None);
}

#[test]
fn the_same_seed_gives_the_same_passage() {
    let set = set(0.05, 5);
    let (model, _) = fitted(&set, 30);
    assert_eq!(model, fitted(&set, 30).0);
    let limit = Limit { value: 60.0, steps: 3, of_steps: 7 };
    let history = &set.row(1)[500..556];
    let once = model.passage("sector-1", history, limit, 9);
    assert_eq!(once, model.passage("sector-1", history, limit, 9));
}

#[test]
fn a_straight_line_is_continued_exactly_with_and_without_gaps() {
    let (mut model, _) = fitted(&set(0.0, 3), 21);
    (model.bases.own_slope, model.bases.ceiling) = (1.0, None);
    let mut history: Vec<f64> = (0..84).map(|day| 10.0 + 0.5 * f64::from(day)).collect();
    for missing in [false, true] {
        if missing {
            (history[75], history[68]) = (f64::NAN, f64::NAN);
        }
        let ahead = model.bases.forecast(Base::Trend, &history, 1.0, &model).unwrap();
        for (h, value) in ahead.iter().enumerate() {
            let expected = 10.0 + 0.5 * (84 + h) as f64;
            assert!((value - expected).abs() < 1e-9, "{h}: {value} {expected}");
        }
    }
}
