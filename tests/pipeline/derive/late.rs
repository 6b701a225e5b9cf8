//! What comes late: files, counter sets, cells, tables. Hours are derived anew, and the past stays
//! what it was.

use std::path::Path;

use arrow::array::{Array as _, AsArray as _};
use foresite_schema::{Nullability, catalog};
use foresite_tables::Root;
use foresite_testkit::{Run, assert_close};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::landing::{
    Hour, Kpis, describe, ingest, kpis, land, rows_without_stamps, stale_states, stamp,
};
use super::{CELL, land_hour, network, objects, pipeline, recompute, span, stage};
use crate::rebuild;

#[test]
fn a_late_file_changes_its_hour_and_the_past_stays_readable() {
    let root = network();
    for hour in 10..13 {
        for element in ["N001", "N002", "N003"] {
            if (element, hour) != ("N002", 11) {
                land(root.path(), &Hour::new(element, hour));
            }
        }
        pipeline(root.path(), [hour, hour + 1], hour + 1);
    }
    let before = kpis(root.path(), "kpis", 13);
    let region =
        |as_of| kpis(root.path(), "kpi_groups", as_of).hourly("north", 11, "traffic_dl_gb");
    assert_close(region(13), 8.0, 1e-9);
    land(root.path(), &Hour::new("N002", 11).landed(13));
    let taken = ingest(root.path(), [13, 14], 14).exits(0);
    assert_eq!(taken.result["numbers"]["stale_slots"][0]["start"], stamp(11));
    stage("validate", root.path(), [11, 12], 14).exits(0);
    let derived = stage("derive", root.path(), [11, 12], 14).exits(0);
    assert_eq!(derived.status(), "done");
    assert_close(region(14), 12.0, 1e-9);
    assert_close(region(13), 8.0, 1e-9);
    let other_hours = |rows: &Kpis| rows.of_hours(|hour| hour != 11);
    assert_eq!(other_hours(&before), other_hours(&kpis(root.path(), "kpis", 14)));
    assert_eq!(before, kpis(root.path(), "kpis", 13), "as known before the file came");
}

#[test]
fn the_past_is_rebuilt_as_it_was_known_before_a_late_file_and_after_it() {
    let root = network();
    for element in ["N001", "N003"] {
        land(root.path(), &Hour::new(element, 10));
    }
    pipeline(root.path(), [10, 11], 11);
    let rebuilt = |as_of| rebuild::rebuilt(stage("derive", root.path(), [10, 11], as_of));
    assert_eq!(rebuild::told(&rebuilt(11)), ("equal", 1.0));
    land(root.path(), &Hour::new("N002", 10).landed(13));
    ingest(root.path(), [13, 14], 14).exits(0);
    stage("validate", root.path(), [10, 11], 14).exits(0);
    stage("derive", root.path(), [10, 11], 14).exits(0);
    let stale = stale_states(root.path());
    let [past, present] = [rebuilt(11), rebuilt(14)];
    for run in [&past, &present] {
        assert_eq!(rebuild::told(run).0, "equal", "{} {}", run.result, run.stderr);
    }
    let rows = |run: &Run| run.number("kpis_rows").unwrap();
    assert!(rows(&present) > rows(&past), "{} versions, then {}", rows(&past), rows(&present));
    assert_eq!(past.number("other_code"), Some(0.0));
    assert_eq!(stale_states(root.path()), stale, "nothing is settled");
}

/// Says of all that derive published that another release did.
fn published_by_another_release(root: &Path) {
    for entry in std::fs::read_dir(root.join("lineage")).unwrap() {
        let path = entry.unwrap().path();
        let mut document: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if document["stage"] == "derive" {
            document["revision"] = json!("of another release");
            std::fs::write(&path, document.to_string()).unwrap();
        }
    }
}

/// Makes `rebuilds` as a release did that compared everything.
fn rebuilds_of_an_earlier_release(root: &Path) {
    let mut def = catalog::watch::rebuilds();
    for column in def.columns.iter_mut().filter(|column| column.name == "equal") {
        column.nullability = Nullability::Required;
    }
    Root::open(root.to_str().unwrap()).unwrap().table(def).unwrap();
}

#[test]
fn a_table_that_only_a_newer_release_has_is_no_difference() {
    let root = network();
    rebuilds_of_an_earlier_release(root.path());
    land_hour(root.path(), 10);
    pipeline(root.path(), [10, 11], 11);
    std::fs::remove_dir_all(root.path().join("tables/kpi_groups")).unwrap();
    let rebuilt = || rebuild::rebuilt(stage("derive", root.path(), [10, 11], 11));
    let lost = rebuilt();
    assert_eq!(rebuild::told(&lost), ("different", 1.0), "the same release had it");
    assert!(lost.stderr.contains("table `kpi_groups`"), "{}", lost.stderr);

    published_by_another_release(root.path());
    let absent = rebuilt();
    land_hour(root.path(), 11);
    pipeline(root.path(), [11, 12], 12);
    assert!(root.path().join("tables/kpi_groups").exists(), "made by the newer release");
    for run in [absent, rebuilt()] {
        assert_eq!(rebuild::told(&run), ("equal", 1.0), "{} {}", run.result, run.stderr);
        assert_eq!(run.number("not_compared"), Some(1.0), "{}", run.result);
        let line = run.stderr.lines().find(|line| line.contains("not there when this was"));
        assert!(line.is_some_and(|line| line.contains("kpi_groups")), "{}", run.stderr);
        assert!(run.number("kpis_rows").is_some_and(|rows| rows > 0.0), "{}", run.result);
    }
    let rows = crate::landing::rows(root.path(), "rebuilds");
    let column = |name: &str| rows.column_by_name(name).unwrap();
    let details = column("detail").as_string::<i32>();
    let is_left_out = |row: &usize| details.value(*row).contains("not compared");
    let left_out: Vec<usize> = (0..rows.num_rows()).filter(is_left_out).collect();
    assert_eq!(left_out.len(), 2, "{details:?}");
    for name in ["equal", "published_rows", "published_sha256", "rebuilt_rows", "rebuilt_sha256"] {
        let is_null = |row: &usize| column(name).is_null(*row);
        assert!(left_out.iter().all(is_null), "{name} of a table that was not compared");
    }
    of_a_newer_writer(&root.path().join("tables/kpi_groups/_delta_log"));
    let refused = stage("derive", root.path(), [10, 11], 11).args("--rebuild").exits(65);
    assert!(refused.stderr.contains("columnMapping"), "{}", refused.stderr);
}

/// Commits that the table asks for more than this release knows.
fn of_a_newer_writer(log: &Path) {
    let is_commit = |path: &Path| path.extension().is_some_and(|ending| ending == "json");
    let files = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let next = files.filter(|path| is_commit(path)).count();
    let features = ["columnMapping"];
    let protocol = json!({"minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": features, "writerFeatures": features});
    let commit = format!("{}\n", json!({ "protocol": protocol }));
    std::fs::write(log.join(format!("{next:020}.json")), commit).unwrap();
}

#[test]
fn a_counter_set_that_a_late_file_brought_first_is_known_with_its_counters() {
    let root = network();
    land(root.path(), &Hour::new("N002", 10).landed(13));
    ingest(root.path(), [13, 14], 14).exits(0);
    // Taken in later, but known earlier than the file that told the names of their counters.
    for element in ["N001", "N003"] {
        land(root.path(), &Hour::new(element, 10));
    }
    pipeline(root.path(), [10, 11], 11);
    let past = kpis(root.path(), "kpis", 11);
    assert_close(past.hourly(CELL, 10, "traffic_dl_gb"), 4.0, 1e-9);
    let rebuilt = rebuild::rebuilt(stage("derive", root.path(), [10, 11], 11));
    assert_eq!(rebuild::told(&rebuilt), ("equal", 1.0), "{} {}", rebuilt.result, rebuilt.stderr);
}

#[test]
fn a_cell_that_is_entered_late_gets_its_first_hours() {
    let root = TempDir::new().unwrap();
    describe(root.path(), &["N001", "N002"]);
    let late = "north/N003/1/n78";
    for hour in 10..12 {
        land_hour(root.path(), hour);
        pipeline(root.path(), [hour, hour + 1], hour + 1);
    }
    land_hour(root.path(), 12);
    objects::enter(root.path(), "N003", 10, 12);
    let entered = ingest(root.path(), [12, 13], 13).config(&objects::with_objects()).exits(0);
    assert_eq!(entered.result["numbers"]["stale_slots"], json!([span(10, 13)]));
    recompute(root.path(), &entered, 13);
    let now = kpis(root.path(), "kpis", 13);
    for hour in 10..13 {
        assert_close(now.hourly(late, hour, "traffic_dl_gb"), 4.0, 1e-9);
    }
    // The next snapshot repeats the row under a new date, which reopens nothing.
    land_hour(root.path(), 13);
    objects::enter(root.path(), "N003", 10, 13);
    let next = ingest(root.path(), [13, 14], 14).config(&objects::with_objects()).exits(0);
    assert_eq!(next.result["numbers"]["stale_slots"], json!([span(13, 14)]));
}

#[test]
fn one_wide_interval_equals_many_hours() {
    let [hourly, wide] = [network(), network()];
    let late = Hour::new("N003", 11).landed(14).values([7.0, 7.0, 7.0, 7.0]);
    for root in [&hourly, &wide] {
        for hour in 10..15 {
            land(root.path(), &Hour::new("N001", hour));
            land(root.path(), &Hour::new("N002", hour).suspect(hour == 12));
        }
        land(root.path(), &late);
    }
    // Both ingest hour by hour, so that both know each file since the same moment.
    for hour in 10..15 {
        ingest(wide.path(), [hour, hour + 1], hour + 1).exits(0);
        pipeline(hourly.path(), [hour, hour + 1], hour + 1);
    }
    stage("validate", hourly.path(), [11, 12], 15).exits(0);
    stage("derive", hourly.path(), [11, 12], 15).exits(0);
    stage("validate", wide.path(), [10, 15], 15).exits(0);
    stage("derive", wide.path(), [10, 15], 15).exits(0);
    for table in ["quality", "kpis", "kpi_groups"] {
        let [hourly, wide] = [&hourly, &wide].map(|root| rows_without_stamps(root.path(), table));
        assert_eq!(hourly, wide, "{table}");
    }
}
