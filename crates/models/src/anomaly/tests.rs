//! A detector on panels from a seed: a daily wave, coupled channels, neighbours that share a mood.

mod fixture;

use fixture::{STEPS, panel};

use super::*;
use crate::network::Refusing;
use crate::tabular::FitOptions;

fn fitted(panel: &Panel) -> Anomaly {
    let periods =
        Periods { fit: 0..600, select: 600..700, calibrate: 700..1000, gate: 1000..1150, week: 10 };
    let choice =
        FitOptions { candidates: Vec::new(), seed: 7, replicates: 200, trainer: &Refusing };
    let options = AnomalyOptions {
        silence: vec!["channel-0".into()],
        lags: 4,
        budget: 0.002,
        ..AnomalyOptions::default()
    };
    Anomaly::fit(panel, &periods, &options, &choice).unwrap().0
}

#[test]
fn shares_add_up_and_name_the_culprit() {
    let mut panel = panel(1);
    let model = fitted(&panel);
    panel.row_mut(2, 1100)[2] = 4.0;
    let scored = model.score(&panel, 2, 1100).unwrap();
    assert!((scored.shares.iter().sum::<f64>() - scored.score).abs() < 1e-9);
    assert!(scored.shares[2] > 0.8 * scored.score, "{scored:?}");
    let calm = model.score(&panel, 2, 1090).unwrap();
    assert!(scored.score > 3.0 * calm.score);
}

#[test]
fn channels_that_fall_apart_are_seen_by_their_coupling() {
    let mut panel = panel(2);
    let model = fitted(&panel);
    let first = panel.row(0, 1100)[0];
    panel.row_mut(0, 1100)[1] = -0.8 * first - 1.2;
    let together = model.parts.iter().position(|p| *p == Part::Together).unwrap();
    assert!(model.score(&panel, 0, 1100).unwrap().parts[together] > 1.0);
}

#[test]
fn a_sleeping_cell_raises_an_alarm_and_its_neighbours_do_not() {
    let mut panel = panel(3);
    let model = fitted(&panel);
    for step in 1100..STEPS {
        panel.row_mut(1, step)[0] -= 2.5;
        panel.row_mut(1, step)[1] -= 2.0;
    }
    let open = |entity: usize| {
        let p: Vec<Option<f64>> = (1000..STEPS)
            .map(|step| model.smoothed(&panel, entity, step).map(|(_, p)| p))
            .collect();
        let flags = model.alarms.run(&p);
        flags[100..].iter().filter(|&&flag| flag).count()
    };
    assert!(open(1) > 60, "{}", open(1));
    assert!(open(0) < 15 && open(3) < 15);
}

#[test]
fn p_values_are_fair_on_quiet_data() {
    let panel = panel(5);
    let model = fitted(&panel);
    let p: Vec<f64> = (0..4)
        .flat_map(|entity| (1000..STEPS).map(move |step| (entity, step)))
        .filter_map(|(entity, step)| model.smoothed(&panel, entity, step))
        .map(|(_, p)| p)
        .collect();
    let low = p.iter().filter(|&&p| p <= 0.05).count() as f64 / p.len() as f64;
    assert!(low < 0.15, "{low}");
}

#[test]
fn gaps_and_newcomers_are_scored() {
    let mut panel = panel(6);
    let model = fitted(&panel);
    panel.row_mut(0, 1100)[1] = f32::NAN;
    assert!(model.score(&panel, 0, 1100).unwrap().observed[1].is_nan());
    panel.row_mut(0, 1101).fill(f32::NAN);
    assert_eq!(model.score(&panel, 0, 1101), None);
    panel.entities[3] = "new".into();
    assert!(!model.knows("new") && model.smoothed(&panel, 3, 1100).is_some());
}

#[test]
fn the_same_panel_gives_the_same_model() {
    let panel = panel(7);
    assert_eq!(fitted(&panel), fitted(&panel));
}
