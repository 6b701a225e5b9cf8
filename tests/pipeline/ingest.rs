//! Ingest as a process: landed performance files in, tables, ledger and quarantine out.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use foresite_schema::catalog;
use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, public_data};
use serde_json::json;
use tempfile::TempDir;

use crate::landing::{
    HOUR, MAY, counted, hours, ingest, land, numbers, pm, root, rows, stamp, states, texts,
};

#[test]
fn good_files_beside_bad_ones_are_taken() {
    let root = root();
    let good = pm("N1", 10, ["1", "2", "3", "x"]);
    land(root.path(), "pm/a.xml.gz", &good, 10);
    land(root.path(), "pm/again.xml.gz", &good, 10);
    land(root.path(), "pm/cut.xml.gz", &good[..good.len() / 2], 10);
    land(root.path(), "pm/bomb.xml", b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", 10);
    land(root.path(), "pm/growing.xml.gz.tmp", &good, 10);
    land(root.path(), "readme.txt", b"hello", 10);
    let run = ingest(root.path(), [10, 11]).exits(0);
    assert_eq!(run.status(), "done");
    let counts = ["taken", "duplicates", "quarantined", "waiting", "unclaimed", "missing"];
    assert_eq!(counts.map(|name| counted(&run, name)), [1, 1, 2, 1, 1, 0]);
    assert_eq!(
        ["rows_read", "rows_written", "rows_quarantined"].map(|n| counted(&run, n)),
        [4, 3, 1]
    );
    assert_eq!(
        run.result["numbers"]["stale_slots"],
        json!([{"table": "pm_counters", "source": "pm", "start": stamp(10), "end": stamp(11)}])
    );

    let counters = rows(root.path(), "pm_counters");
    assert_eq!(texts(&counters, "ne_dn"), ["SubNetwork=S,ManagedElement=N1"; 2]);
    assert_eq!(texts(&counters, "ldn")[1], "GNBDUFunction=1,NRCellDU=2");
    assert_eq!(hours(&counters, "known_at"), [11.5; 2]);
    assert_eq!(rows(root.path(), "counter_sets").num_rows(), 1);
    assert_eq!(texts(&rows(root.path(), "stale"), "state"), ["open"]);

    let ledger = rows(root.path(), "ingest_ledger");
    let mut reasons: Vec<_> =
        texts(&ledger, "path").into_iter().zip(texts(&ledger, "reason")).collect();
    reasons.sort();
    assert_eq!(reasons[0], ("pm/a.xml.gz".into(), "-".into()));
    assert_eq!(reasons[1], ("pm/again.xml.gz".into(), "same bytes as pm/a.xml.gz".into()));
    assert_eq!(reasons[2].1, "doctype: expected no document type declaration");
    assert!(reasons[3].1.starts_with("compression: gzip stream is cut off"), "{}", reasons[3].1);
    let total = |column: &str| numbers(&ledger, column).iter().sum::<i64>();
    assert_eq!(total("rows_read"), total("rows_written") + total("rows_quarantined"));

    let quarantine = rows(root.path(), "quarantine");
    let at =
        texts(&quarantine, "reason").iter().position(|reason| reason == "not a number").unwrap();
    assert!(texts(&quarantine, "place")[at].starts_with("block du, GNBDUFunction=1,NRCellDU=2, b"));
    assert_eq!(texts(&quarantine, "sample")[at], "x");
}

#[test]
fn a_rerun_is_unchanged_and_force_gives_equal_rows() {
    let root = root();
    land(root.path(), "pm/a.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    let first = ingest(root.path(), [10, 11]).exits(0);
    let second = ingest(root.path(), [10, 11]).exits(0);
    assert_eq!(second.status(), "unchanged");
    assert_eq!(second.result["numbers"]["stale_slots"], first.result["numbers"]["stale_slots"]);
    assert_eq!(second.result["lineage_id"], first.result["lineage_id"]);
    let forced = ingest(root.path(), [10, 11]).args("--force").exits(0);
    assert_eq!(forced.status(), "done");
    let counters = rows(root.path(), "pm_counters");
    assert_eq!(counters.num_rows(), 2);
    assert_eq!(states(root.path()), BTreeMap::from([("taken".into(), 1)]));
}

#[test]
fn steps_in_processes_of_their_own_give_what_one_process_gives() {
    let [one, many] = [root(), root()];
    for root in [&one, &many] {
        for (element, hour) in [("N1", 10), ("N2", 10), ("N1", 11), ("N3", 11)] {
            let name = format!("pm/{element}_{hour}.xml.gz");
            land(root.path(), &name, &pm(element, hour, ["1", "2", "3", "4"]), hour);
        }
    }
    let config = json!({"shard_mib": 1, "max_shards": 3});
    ingest(one.path(), [10, 12]).config(&config).exits(0);

    let plan = ingest(many.path(), [10, 12]).config(&config).args("--step plan").exits(0);
    let id = plan.result["numbers"]["plan_id"].as_str().unwrap().to_owned();
    let shards = counted(&plan, "shards");
    let step = |step: &str| {
        ingest(many.path(), [10, 12]).config(&config).args(&format!("--step {step} --plan {id}"))
    };
    let other = ingest(many.path(), [10, 12]).args(&format!("--step shard --plan {id}")).exits(65);
    assert!(other.error_line().contains("another configuration"), "{}", other.stderr);
    let early = step("commit").exits(66);
    assert!(early.error_line().contains("has no manifest"), "{}", early.stderr);
    for index in 0..shards {
        assert_eq!(step(&format!("shard --shard {index}/{shards}")).exits(0).status(), "done");
        // A second copy finds the first one's manifest.
        let copy = step(&format!("shard --shard {index}/{shards}")).exits(0);
        assert_eq!(copy.status(), "unchanged");
    }
    assert_eq!(step("commit").exits(0).status(), "done");
    assert_eq!(step("commit").exits(0).status(), "unchanged");
    assert_eq!(ingest(many.path(), [10, 12]).config(&config).exits(0).status(), "unchanged");
    for table in ["pm_counters", "ingest_ledger", "counter_sets"] {
        let [one, many] = [&one, &many].map(|root| rows(root.path(), table));
        assert_eq!(one.num_rows(), many.num_rows(), "{table}");
        assert_eq!(texts(&one, "lineage_id")[0], texts(&many, "lineage_id")[0], "{table}");
    }
    // N2 sent nothing for the second hour; N3 is expected only from its first file on.
    assert_eq!(states(one.path()), BTreeMap::from([("missing".into(), 1), ("taken".into(), 4)]));
}

#[test]
fn a_correction_is_a_later_version_and_a_late_file_fills_a_gap() {
    let root = root();
    land(root.path(), "pm/1.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    land(root.path(), "pm/2.xml.gz", &pm("N2", 10, ["1", "2", "3", "4"]), 10);
    ingest(root.path(), [10, 11]).exits(0);
    land(root.path(), "pm/3.xml.gz", &pm("N1", 11, ["1", "2", "3", "4"]), 11);
    assert_eq!(counted(&ingest(root.path(), [11, 12]).exits(0), "missing"), 1);
    // N2's second hour comes an hour late, and the first file of N1 is corrected in place.
    land(root.path(), "pm/4.xml.gz", &pm("N2", 11, ["1", "2", "3", "4"]), 12);
    land(root.path(), "pm/1.xml.gz", &pm("N1", 10, ["9", "2", "3", "4"]), 12);
    let run = ingest(root.path(), [12, 13]).exits(0);
    let spans = run.result["numbers"]["stale_slots"].as_array().unwrap().clone();
    assert_eq!(spans[0]["start"], json!(stamp(10)));
    assert_eq!(spans[0]["end"], json!(stamp(13)), "the silent hour included");
    assert_eq!(spans.len(), 1, "what no derive took off the list stays on it");
    assert_eq!(counted(&run, "taken"), 2);
    assert_eq!(counted(&run, "missing"), 2, "both elements owe the newest hour");

    let data = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = data.existing(catalog::raw::pm_counters()).unwrap();
    let first = |as_of: f64| {
        let as_of = MAY * HOUR + (as_of * HOUR as f64) as i64;
        let batch = table.read(&Read::all().as_of(as_of)).unwrap();
        let value = batch.column_by_name("values").unwrap().as_list::<i32>().value(0);
        (batch.num_rows(), value.as_primitive::<arrow::datatypes::Float64Type>().value(0))
    };
    assert_eq!(first(12.5), (6, 1.0));
    assert_eq!(first(13.5), (8, 9.0));
    let ledger = rows(root.path(), "ingest_ledger");
    assert_eq!(texts(&ledger, "state").iter().filter(|state| *state == "missing").count(), 3);
}

#[test]
fn one_wide_run_knows_what_hourly_runs_would_have_known() {
    let root = root();
    land(root.path(), "pm/1.xml.gz", &pm("N1", 8, ["1", "2", "3", "4"]), 8);
    land(root.path(), "pm/2.xml.gz", &pm("N1", 9, ["1", "2", "3", "4"]), 11);
    let config = json!({"schedule": {"period_seconds": 3600, "lateness_seconds": 1800}});
    ingest(root.path(), [0, 14]).config(&config).exits(0);
    let mut known = hours(&rows(root.path(), "pm_counters"), "known_at");
    known.sort_by(f64::total_cmp);
    known.dedup();
    assert_eq!(known, [9.5, 12.5]);
}

#[test]
fn an_hour_without_files_is_no_failure_and_a_missing_folder_is() {
    let empty = root();
    let run = ingest(empty.path(), [10, 11]).exits(0);
    assert_eq!((run.status(), counted(&run, "shards")), ("unchanged", 0));
    let bare = TempDir::new().unwrap();
    let run = ingest(bare.path(), [10, 11]).exits(66);
    assert!(run.error_line().contains("landing folder"), "{}", run.stderr);
    assert!(run.error_line().contains("hint="), "{}", run.stderr);
}

#[test]
fn a_root_that_cannot_be_written_is_named() {
    let root = root();
    land(root.path(), "pm/1.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    // A file where a folder must be: the one obstacle that holds for root, too.
    std::fs::write(root.path().join("plans"), "").unwrap();
    let run = ingest(root.path(), [10, 11]).exits(73);
    assert!(run.error_line().contains("plans/"), "{}", run.stderr);
}

#[test]
fn files_that_landed_later_or_still_grow_wait() {
    let root = root();
    land(root.path(), "pm/later.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 15);
    assert_eq!(counted(&ingest(root.path(), [10, 11]).exits(0), "waiting"), 1);
    let growing = root.path().join("landing/pm/growing.xml.gz");
    std::fs::write(&growing, pm("N2", 10, ["1", "2", "3", "4"])).unwrap();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let binary = Binary::stage("ingest").root(root.path()).interval(&stamp(10), &stamp(11));
    let run = binary.args(&format!("--as-of {soon}")).exits(0);
    assert_eq!((counted(&run, "taken"), counted(&run, "waiting")), (1, 1));
}

#[test]
fn names_and_links_that_cannot_be_used_hide_no_good_file() {
    let root = root();
    land(root.path(), "pm/good ü.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    land(root.path(), "pm/two\nlines.xml.gz", &pm("N2", 10, ["1", "2", "3", "4"]), 10);
    std::os::unix::fs::symlink("..", root.path().join("landing/pm/loop")).unwrap();
    let run = ingest(root.path(), [10, 11]).exits(0);
    assert_eq!((counted(&run, "taken"), counted(&run, "waiting")), (1, 2));
    assert!(run.stderr.contains("leads back to a folder above it"), "{}", run.stderr);
}

#[test]
fn a_file_above_the_limit_is_set_aside_unread() {
    let root = root();
    land(root.path(), "pm/good.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    land(root.path(), "pm/large.xml", &vec![b' '; (1 << 20) + 1], 10);
    let run = ingest(root.path(), [10, 11]).config(&json!({"max_file_mib": 1})).exits(0);
    assert_eq!((counted(&run, "taken"), counted(&run, "quarantined")), (1, 1));
    let reasons = texts(&rows(root.path(), "quarantine"), "reason");
    assert_eq!(reasons, ["too large: expected at most 1048576 bytes, got 1048577"]);
}

#[test]
fn too_many_bad_files_stop_the_plan() {
    let root = root();
    for number in 0..12 {
        land(root.path(), &format!("pm/{number}.xml"), format!("<x>{number}</x>").as_bytes(), 10);
    }
    let run = ingest(root.path(), [10, 11]).exits(65);
    assert!(run.error_line().contains("12 of 12 files cannot be read"), "{}", run.stderr);
    let patient = json!({"max_quarantined_share": 1.0});
    let run = ingest(root.path(), [10, 11]).config(&patient).exits(0);
    assert_eq!(counted(&run, "quarantined"), 12);
}

#[test]
fn two_live_copies_of_a_run_leave_one_set_of_rows() {
    let root = root();
    for number in 0..40 {
        let element = format!("N{number}");
        land(
            root.path(),
            &format!("pm/{element}.xml.gz"),
            &pm(&element, 10, ["1", "2", "3", "4"]),
            10,
        );
    }
    let copies: Vec<_> = (0..2).map(|_| ingest(root.path(), [10, 11]).start()).collect();
    let mut ends: Vec<_> = Vec::new();
    for (child, binary) in copies {
        let run = binary.ended(&child.wait_with_output().unwrap()).unwrap();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        ends.push(run.status().to_owned());
    }
    assert!(ends.contains(&"done".to_owned()), "{ends:?}");
    assert_eq!(rows(root.path(), "pm_counters").num_rows(), 80);
    assert_eq!(states(root.path()), BTreeMap::from([("taken".into(), 40)]));
}

#[test]
fn a_dry_run_looks_into_the_files_and_touches_nothing() {
    let root = root();
    land(root.path(), "pm/1.xml.gz", &pm("N1", 10, ["1", "2", "3", "4"]), 10);
    land(root.path(), "pm/2.xml", b"<nothing/>", 10);
    let run = ingest(root.path(), [10, 11]).args("--dry-run").exits(0);
    assert_eq!(run.status(), "planned");
    assert_eq!(["files", "unreadable"].map(|name| counted(&run, name)), [2, 1]);
    let left: Vec<_> =
        std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["landing"]);
}

/// The counts stand in the notes on the files: 2,667 values in each of three, 284 in the fourth.
#[test]
fn files_of_real_equipment_are_taken_whole() {
    let Some(folder) = public_data("pm") else { return };
    let root = TempDir::new().unwrap();
    let config = json!({
        "landing": folder.to_str().unwrap(),
        "pm": [{"source": "pm", "path": "*", "expect_every_seconds": null}],
    });
    let binary = Binary::stage("ingest").root(root.path()).config(&config);
    let interval = binary.interval("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let run = interval.args("--as-of 2100-01-01T00:00:00Z").exits(0);
    assert_eq!(["taken", "quarantined"].map(|name| counted(&run, name)), [4, 0]);
    let counts = ["rows_read", "rows_written"].map(|name| counted(&run, name));
    assert_eq!(counts, [3 * 2_667 + 284; 2]);
    assert_eq!(rows(root.path(), "pm_histograms").num_rows(), 3 * 409);
    let counters = rows(root.path(), "pm_counters");
    let suspects = counters.column_by_name("suspect").unwrap().as_boolean().true_count();
    assert_eq!(suspects, 3 * 2);
}
