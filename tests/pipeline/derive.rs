//! Validate and derive as processes: counters, objects and quality in, KPIs out.

mod landing;
mod late;
mod objects;

use std::path::Path;

use foresite_testkit::{Binary, Run, assert_close};
use landing::{
    Hour, describe, ingest, kpis, land, quality, rows_without_stamps, stale_states, stamp,
};
use serde_json::json;
use tempfile::TempDir;

const CELL: &str = "north/N001/1/n78";

fn stage(name: &str, root: &Path, hours: [i64; 2], as_of: i64) -> Binary {
    Binary::stage(name)
        .root(root)
        .interval(&stamp(hours[0]), &stamp(hours[1]))
        .args(&format!("--as-of {}", stamp(as_of).replace(":00:00Z", ":30:00Z")))
}

/// What the pipeline does with one hour, `as_of` hours and a half.
fn pipeline(root: &Path, hours: [i64; 2], as_of: i64) -> [Run; 3] {
    [
        ingest(root, hours, as_of).exits(0),
        stage("validate", root, hours, as_of).exits(0),
        stage("derive", root, hours, as_of).exits(0),
    ]
}

/// Three elements, each with one cell of four quarters an hour.
fn network() -> TempDir {
    let root = TempDir::new().unwrap();
    describe(root.path(), &["N001", "N002", "N003"]);
    root
}

fn land_hour(root: &Path, hour: i64) {
    for element in ["N001", "N002", "N003"] {
        land(root, &Hour::new(element, hour));
    }
}

#[test]
fn counters_become_kpis_of_cells_and_groups() {
    let root = network();
    land_hour(root.path(), 10);
    let [_, validated, derived] = pipeline(root.path(), [10, 11], 11);
    assert_eq!(validated.result["verdict"], "pass");
    assert_eq!(derived.status(), "done");
    assert_eq!(derived.number("unknown_counters"), Some(1.0), "{}", derived.stderr);
    let now = kpis(root.path(), "kpis", 11);
    assert_close(now.hourly(CELL, 10, "rrc_setup_sr"), 95.0, 1e-9);
    assert_close(now.hourly(CELL, 10, "traffic_dl_gb"), 4.0, 1e-9);
    let groups = kpis(root.path(), "kpi_groups", 11);
    assert_close(groups.hourly("north", 10, "traffic_dl_gb"), 12.0, 1e-9);
    assert_close(groups.hourly("north", 10, "rrc_setup_sr"), 95.0, 1e-9);
    assert_eq!(now.native(CELL), 4);
    assert_eq!(stale_states(root.path()), ["done", "open"]);
}

#[test]
fn a_rerun_is_unchanged_and_force_gives_equal_rows() {
    let root = network();
    land_hour(root.path(), 10);
    pipeline(root.path(), [10, 11], 11);
    let before =
        ["quality", "kpis", "kpi_groups"].map(|table| rows_without_stamps(root.path(), table));
    for name in ["validate", "derive"] {
        let again = stage(name, root.path(), [10, 11], 11).exits(0);
        assert_eq!(again.status(), "unchanged", "{name}: {}", again.stderr);
        let forced = stage(name, root.path(), [10, 11], 11).args("--force").exits(0);
        assert_eq!(forced.status(), "done");
    }
    let after =
        ["quality", "kpis", "kpi_groups"].map(|table| rows_without_stamps(root.path(), table));
    assert_eq!(before, after);
}

#[test]
fn a_silent_hour_is_derived_as_a_gap() {
    let root = network();
    land_hour(root.path(), 10);
    pipeline(root.path(), [10, 11], 11);
    let silent = ingest(root.path(), [11, 12], 12).exits(0);
    assert_eq!(silent.number("missing"), Some(3.0));
    let spans = &silent.result["numbers"]["stale_slots"];
    let hour = |start: i64| json!([span(start, start + 1)]);
    assert_eq!(*spans, hour(11), "nothing came, and that is news");
    recompute(root.path(), &silent, 12);
    let now = kpis(root.path(), "kpis", 12);
    assert_eq!(now.find(CELL, 11, "traffic_dl_gb"), None);
    let next = ingest(root.path(), [12, 13], 13).exits(0);
    assert_eq!(next.result["numbers"]["stale_slots"], hour(12), "hour 11 is done");
}

#[test]
fn the_first_load_reopens_nothing() {
    let root = TempDir::new().unwrap();
    describe(root.path(), &[]);
    land_hour(root.path(), 10);
    // N003 also sent a file of hour 8 without a single value: on record, and nothing to derive.
    let silent = Hour::new("N003", 8).without_values().landed(10);
    land(root.path(), &silent);
    objects::enter(root.path(), "N003", 0, 10);
    let load = || ingest(root.path(), [10, 11], 11).config(&objects::with_objects()).exits(0);
    let first = load();
    assert_eq!(first.result["numbers"]["stale_slots"], json!([span(10, 11)]));
    // Now the plan's own files stand in the ledger; the objects came with them, not after them.
    let again = load();
    assert_eq!(again.status(), "unchanged");
    assert_eq!(again.result["numbers"]["stale_slots"], first.result["numbers"]["stale_slots"]);
}

fn span(start: i64, end: i64) -> serde_json::Value {
    json!({"table": "pm_counters", "source": "pm", "start": stamp(start), "end": stamp(end)})
}

/// Validates and derives what an ingest run calls stale, as the data pipeline does.
fn recompute(root: &Path, ingested: &Run, as_of: i64) {
    for span in ingested.result["numbers"]["stale_slots"].as_array().unwrap() {
        for name in ["validate", "derive"] {
            let [start, end] = ["start", "end"].map(|edge| span[edge].as_str().unwrap());
            let clock = stamp(as_of).replace(":00:00Z", ":30:00Z");
            let binary = Binary::stage(name).root(root).interval(start, end);
            binary.args(&format!("--as-of {clock}")).exits(0);
        }
    }
}

#[test]
fn suspect_periods_are_left_out() {
    let root = network();
    land_hour(root.path(), 10);
    land(root.path(), &Hour::new("N001", 10).suspect(true));
    let [_, validated, derived] = pipeline(root.path(), [10, 11], 11);
    assert_eq!(validated.result["verdict"], "warn");
    assert_eq!(validated.number("nulled_periods"), Some(1.0));
    assert_eq!(derived.number("nulled_rows"), Some(1.0));
    let now = kpis(root.path(), "kpis", 11);
    assert_close(now.hourly(CELL, 10, "traffic_dl_gb"), 3.0, 1e-9);
    let lenient = json!({"suspect": "warn"});
    stage("validate", root.path(), [10, 11], 11).config(&lenient).exits(0);
    stage("derive", root.path(), [10, 11], 11).exits(0);
    let now = kpis(root.path(), "kpis", 11);
    assert_close(now.hourly(CELL, 10, "traffic_dl_gb"), 4.0, 1e-9);
}

#[test]
fn a_region_that_is_not_fit_for_use_is_halted_with_exit_0() {
    let root = network();
    for element in ["N001", "N002", "N003"] {
        // Negative volumes: a counter that ran backwards in every period.
        land(root.path(), &Hour::new(element, 10).values([-1.0; 4]));
    }
    let [_, validated, derived] = pipeline(root.path(), [10, 11], 11);
    assert_eq!(validated.result["verdict"], "halt");
    assert_eq!(validated.number("halted_regions"), Some(1.0));
    assert_eq!(derived.status(), "done");
    let now = kpis(root.path(), "kpis", 11);
    assert_eq!(now.find(CELL, 10, "rrc_setup_sr"), None);
    let halted = quality(root.path(), "halted");
    assert_eq!(halted.len(), 3);
    assert!(halted[0].contains("ManagedElement=N001"), "{halted:?}");
}

#[test]
fn derived_and_imported_kpis_are_reconciled() {
    let root = network();
    land_hour(root.path(), 10);
    pipeline(root.path(), [10, 11], 11);
    landing::import(root.path(), CELL, 10, &[("traffic_dl_gb", 4.0), ("rrc_setup_sr", 0.95)]);
    let run = stage("validate", root.path(), [10, 11], 11).args("--step reconcile").exits(0);
    assert_eq!(run.result["verdict"], "warn", "{}", run.stderr);
    let found = quality(root.path(), "overlap");
    let expected = [
        "channel=rrc_setup_sr,source=history fail 1 of 1 values differ by more than 2 %, mean difference 99.000 %",
        "channel=traffic_dl_gb,source=history pass 0 of 1 values differ by more than 2 %, mean difference 0.000 %",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let root = network();
    for (name, table) in [("derive", "pm_counters"), ("validate", "counter_sets")] {
        let run = stage(name, root.path(), [10, 11], 11).exits(66);
        assert!(run.error_line().contains(&format!("table `{table}`")), "{}", run.stderr);
        assert!(run.error_line().contains("hint=\"run ingest first\""), "{}", run.stderr);
    }
    let half = Binary::stage("derive")
        .root(root.path())
        .interval("2024-05-01T10:30:00Z", "2024-05-01T11:00:00Z")
        .exits(2);
    assert!(half.error_line().contains("expected full hours"), "{}", half.stderr);
}

#[test]
fn a_dry_run_touches_nothing() {
    let root = network();
    land_hour(root.path(), 10);
    ingest(root.path(), [10, 11], 11).exits(0);
    for name in ["validate", "derive"] {
        let run = stage(name, root.path(), [10, 11], 11).args("--dry-run").exits(0);
        assert_eq!(run.status(), "planned");
    }
    for table in ["quality", "kpis", "kpi_groups"] {
        assert!(!root.path().join("tables").join(table).exists(), "{table}");
    }
}
