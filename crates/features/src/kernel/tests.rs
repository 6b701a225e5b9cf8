//! Guards against leaks, and that wide runs, small runs and the bundle agree.

mod world;

use world::World;

use super::*;
use crate::leaks::fingerprint;
use crate::task::{DAY, HOUR, Micros, WEEK};

const CELLS: [&str; 3] = ["n/s1/1/a", "n/s1/2/b", "n/s2/1/c"];
const UNITS: [&str; 2] = ["n/s1/battery", "n/s1/rectifier"];

fn task(name: &str) -> Task {
    serde_json::from_str(crate::task::built_in(name).unwrap()).unwrap()
}

fn same(id: &str) -> String {
    id.to_owned()
}

fn cutoffs(task: &Task) -> Vec<Micros> {
    task.cutoffs.of_interval(4 * WEEK, 4 * WEEK + 3 * DAY).collect()
}

const CASES: [(&str, &str); 2] = [("maintenance", "n/s1"), ("anomaly", CELLS[0])];

#[test]
fn poison_after_the_cutoff_changes_nothing() {
    for (name, entity) in CASES {
        let (task, world) = (task(name), World::new(0, &same));
        for cutoff in cutoffs(&task).into_iter().step_by(5) {
            let clean = world.rows(&task, entity, 0, &[cutoff]);
            let poisoned = world.poisoned(cutoff).rows(&task, entity, 0, &[cutoff]);
            assert_eq!(fingerprint(&clean), fingerprint(&poisoned), "{name} {cutoff}");
            assert!(clean.iter().filter(|value| !value.is_nan()).count() > clean.len() / 4);
            // The poison bites: one step earlier it would have been seen.
            let earlier = world.poisoned(cutoff - 30 * HOUR).rows(&task, entity, 0, &[cutoff]);
            assert_ne!(fingerprint(&clean), fingerprint(&earlier), "{name} {cutoff}");
        }
    }
}

#[test]
fn a_wide_run_equals_many_small_ones() {
    let (task, world) = (task("maintenance"), World::new(0, &same));
    let cutoffs = cutoffs(&task);
    let wide = world.rows(&task, "n/s1", 0, &cutoffs);
    let width = features(&task).len();
    for (row, cutoff) in cutoffs.iter().enumerate() {
        let from = cutoff - 8 * DAY;
        let small = world.rows(&task, "n/s1", from, &[*cutoff]);
        let wide = &wide[row * width..(row + 1) * width];
        assert_eq!(fingerprint(wide), fingerprint(&small), "{row}");
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    for (name, entity) in CASES {
        let (task, world) = (task(name), World::new(0, &same));
        let rows = |world: &World| world.rows(&task, entity, 0, &cutoffs(&task));
        assert_eq!(fingerprint(&rows(&world)), fingerprint(&rows(&world.reversed())), "{name}");
    }
}

#[test]
fn ids_do_not_matter() {
    let swap =
        |id: &str| id.replace("/a", "/zz").replace("battery", "ybattery").replace("s2", "s0");
    let (task, cell) = (task("anomaly"), swap(CELLS[0]));
    let plain = World::new(0, &same).rows(&task, CELLS[0], 0, &cutoffs(&task));
    let renamed = World::new(0, &swap).rows(&task, &cell, 0, &cutoffs(&task));
    for (a, b) in plain.iter().zip(&renamed) {
        assert!((a - b).abs() < 1e-9 || (a.is_nan() && b.is_nan()), "{a} {b}");
    }
}

#[test]
fn a_shift_by_weeks_changes_only_the_season() {
    let mut task = task("maintenance");
    task.inputs.age = false;
    let shift = 4 * WEEK;
    let later: Vec<Micros> = cutoffs(&task).iter().map(|cutoff| cutoff + shift).collect();
    let here = World::new(0, &same).rows(&task, "n/s1", 0, &cutoffs(&task));
    let there = World::new(shift, &same).rows(&task, "n/s1", shift, &later);
    let names: Vec<_> = features(&task).into_iter().map(|feature| feature.name).collect();
    for (index, (a, b)) in here.iter().zip(&there).enumerate() {
        let name = &names[index % names.len()];
        let moves = name.starts_with("year_") || name == "holiday";
        assert!(
            moves || a.to_bits() == b.to_bits() || (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan(),
            "{name} {a} {b}"
        );
    }
}

#[test]
fn the_kernel_travels_as_json_and_encodes_alike() {
    let (task, world) = (task("maintenance"), World::new(0, &same));
    let rows = world.rows(&task, "n/s1", 0, &cutoffs(&task));
    let kernel = FeatureKernel::fit(task.clone(), &rows);
    let text = serde_json::to_string(&kernel).unwrap();
    let read: FeatureKernel = serde_json::from_str(&text).unwrap();
    assert_eq!(read, kernel);
    let encoded = read.encode(&rows);
    assert_eq!(encoded.len(), kernel.names().len() * cutoffs(&task).len());
    assert!(encoded.iter().all(|value| value.is_finite() && value.abs() <= 10.0));
    let width = kernel.raw_names().len();
    let by_name = kernel.row_of(|name| {
        let index = kernel.raw_names().iter().position(|have| have == name)?;
        Some(rows[index])
    });
    assert_eq!(fingerprint(&by_name), fingerprint(&rows[..width]));
}

#[test]
fn columns_are_named_once() {
    for name in ["anomaly", "maintenance"] {
        let columns = columns(&task(name));
        let unique: std::collections::BTreeSet<_> =
            columns.iter().map(|column| &column.name).collect();
        assert_eq!(unique.len(), columns.len(), "{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(columns.iter().all(|column| column.name.chars().all(plain)));
    }
}
