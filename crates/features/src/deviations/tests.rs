//! A sleeping cell among others.

use super::*;
use crate::cube::{Grid, Rank};
use crate::network::{EdgeKind, Network};
use crate::profile::build;
use crate::task::{HOUR, WEEK};

const WEEKS: i64 = 4;

fn traffic(entity: usize, hour: i64) -> f32 {
    let day = (hour % 24) as f32 / 24.0 * std::f32::consts::TAU;
    (entity + 1) as f32 * (10.0 + 5.0 * day.sin())
        + ((hour * 7919 + entity as i64) % 13) as f32 * 0.05
}

/// Three cells; the first sleeps from `asleep` on and the second takes half of its traffic.
fn cube(asleep: i64) -> Cube {
    let grid = Grid::covering(0, WEEKS * WEEK, HOUR);
    let ids = ["n/s1/1/a", "n/s1/2/b", "n/s2/1/c"].map(str::to_owned);
    let mut cube = Cube::new(grid, ids, vec!["traffic_dl_gb".into()]);
    for step in 0..grid.steps {
        let hour = i64::try_from(step).unwrap();
        for entity in 0..3 {
            let value = match entity {
                0 if hour >= asleep => 0.0,
                1 if hour >= asleep => traffic(1, hour) + 0.5 * traffic(0, hour),
                _ => traffic(entity, hour),
            };
            cube.insert(entity, step, (Rank::Derived, (hour + 1) * HOUR), &[value]);
        }
    }
    cube.finish();
    cube
}

fn network() -> Network {
    Network::of_neighbours(&[("n/s1/1/a", "n/s1/2/b", EdgeKind::Neighbour)])
}

#[test]
fn a_sleeping_cell_is_silent_while_its_neighbour_absorbs() {
    let end = WEEKS * WEEK;
    let cube = cube(end / HOUR - 5);
    let profiles = Profiles::new(vec![build(&cube, |_| LocalClock::default(), end - 6 * HOUR)]);
    let view = Deviations::new(&cube, &profiles, &network());
    let asleep = view.silence(0, 0, end);
    assert_eq!(asleep.steps, 5.0);
    assert!(asleep.own < -2.5 && asleep.neighbours > 0.15, "{asleep:?}");
    let before = view.silence(0, 0, end - 6 * HOUR);
    assert!(before.own.abs() < 0.1 && before.steps == 0.0, "{before:?}");
    let elsewhere = view.silence(2, 0, end);
    assert!(elsewhere.own.abs() < 0.1 && elsewhere.neighbours.is_nan());
}

#[test]
fn windows_are_spreads_from_the_usual() {
    let end = WEEKS * WEEK;
    let cube = cube(end / HOUR - 5);
    let profiles = Profiles::new(vec![build(&cube, |_| LocalClock::default(), end - 6 * HOUR)]);
    let view = Deviations::new(&cube, &profiles, &network());
    let window = view.window(0, end, 8);
    assert!(window[..3].iter().all(|z| z.abs() < 5.0), "{window:?}");
    assert!(window[3..].iter().all(|z| *z < -10.0), "{window:?}");
    let around = view.around(0, end, 8);
    assert_eq!(around.neighbours, view.window(1, end, 8));
    assert!(view.window(0, 2 * HOUR, 8).iter().all(|z| z.is_nan()));
}
