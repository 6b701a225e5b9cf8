//! The stage contract, proven on two tiny stages.

use std::path::Path;
use std::time::Duration;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_stage::{Exit, Retry};
use foresite_tables::{Read, Root};
use foresite_testkit::Binary;
use serde_json::json;
use tempfile::TempDir;

const DAY: [&str; 2] = ["1970-01-01T00:00:00Z", "1970-01-01T04:00:00Z"];

fn landing(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("landing")).unwrap();
    for (name, text) in files {
        land(root.path(), name, text);
    }
    root
}

fn land(root: &Path, name: &str, text: &str) {
    std::fs::write(root.join("landing").join(name), text).unwrap();
}

fn count(root: &Path, as_of: &str) -> Binary {
    Binary::stage("tiny-count").root(root).args("--as-of").arg(as_of)
}

fn sum(root: &Path, as_of: &str) -> Binary {
    Binary::stage("tiny-sum").root(root).interval(DAY[0], DAY[1]).args("--as-of").arg(as_of)
}

fn at(hour: i64) -> String {
    format!("1970-01-01T{hour:02}:00:00Z")
}

/// (cell, hour, sum) as a reader at that hour sees it.
fn sums(root: &Path, as_of_hour: i64) -> Vec<(String, i64, f64)> {
    let root = Root::open(root.to_str().unwrap()).unwrap();
    let table = root.existing(foresite_tests::sums()).unwrap();
    let batch = table.read(&Read::all().as_of(as_of_hour * foresite_tests::HOUR)).unwrap();
    let cells = batch.column_by_name("cell").unwrap().as_string::<i32>();
    let hours =
        batch.column_by_name("period_start").unwrap().as_primitive::<TimestampMicrosecondType>();
    let values = batch.column_by_name("sum").unwrap().as_primitive::<Float64Type>();
    (0..batch.num_rows())
        .map(|row| {
            assert!(values.is_valid(row), "a live row has a sum");
            (
                cells.value(row).to_owned(),
                hours.value(row) / foresite_tests::HOUR,
                values.value(row),
            )
        })
        .collect()
}

fn known(cell: &str, hour: i64, sum: f64) -> (String, i64, f64) {
    (cell.into(), hour, sum)
}

#[test]
fn every_row_of_the_exit_table() {
    let root = landing(&[]);
    let failing = |how: &str| {
        Binary::stage("tiny-count").root(root.path()).config(&json!({"fail": how})).run()
    };
    let table = [
        ("usage", Exit::Usage, 2, Retry::Never),
        ("bad_data", Exit::BadData, 65, Retry::Never),
        ("missing", Exit::Missing, 66, Retry::Never),
        ("cannot_write", Exit::CannotWrite, 73, Retry::Never),
        ("transient", Exit::Transient, 75, Retry::Patiently),
        ("internal", Exit::Internal, 1, Retry::Once),
        ("panic", Exit::Panic, 101, Retry::Once),
    ];
    for (how, exit, code, retry) in table {
        let run = failing(how);
        assert_eq!(run.code, Some(code), "{how}: {}", run.stderr);
        assert_eq!((i32::from(exit.code()), exit.retry()), (code, retry), "{how}");
        assert_eq!(run.status(), "failed", "{how}");
        if how != "panic" {
            assert_eq!(
                run.error_line(),
                format!("ERROR asked to fail exit={code} hint=\"ask for something else\"")
            );
        }
    }
    assert_eq!(failing("abort").code, None, "a native abort is a signal: 134 in a container");
    assert_eq!(Binary::stage("tiny-count").root(root.path()).exits(0).status(), "unchanged");
    assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 65, 66, 73, 75, 101, 143]);
}

#[test]
fn usage_errors_say_what_to_do() {
    let root = landing(&[]);
    let run = Binary::stage("tiny-sum").root(root.path()).exits(66);
    assert!(run.error_line().contains("table `tiny_values`"), "{}", run.stderr);
    let run = Binary::stage("tiny-count").exits(2);
    assert!(
        run.error_line().contains("pass --data-root or set FORESITE_DATA_ROOT"),
        "{}",
        run.stderr
    );
    let run = Binary::stage("tiny-count").root(Path::new("/nowhere/x")).exits(66);
    assert!(
        run.error_line().starts_with("ERROR data root file:///nowhere/x/: no such directory"),
        "{}",
        run.stderr
    );
    let run = Binary::stage("tiny-count").root(root.path()).config(&json!({"pause": 1})).exits(2);
    assert!(
        run.error_line().contains("unknown field `pause`, expected `fail` or `pause_ms`"),
        "{}",
        run.stderr
    );
    let run = Binary::stage("tiny-count").root(root.path()).args("--as-of yesterday").exits(2);
    assert!(run.stderr.contains("`yesterday` is no RFC 3339 time"), "{}", run.stderr);
    let run = Binary::stage("tiny-count").root(root.path()).args("--step x").exits(2);
    assert!(run.error_line().contains("step `x`: unknown"), "{}", run.stderr);
    let run = Binary::stage("tiny-count").root(root.path()).env("FORESITE_LOG", "yaml").exits(2);
    assert!(
        run.error_line().contains("FORESITE_LOG=yaml: expected one of text, lines, json"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_result_that_cannot_be_written_fails_the_stage_and_hides_no_failure() {
    let root = landing(&[]);
    let lost = |config| {
        let binary = Binary::stage("tiny-count").root(root.path()).config(&config);
        binary.args("--result /nowhere/result.json")
    };
    let run = lost(json!({})).exits(73);
    assert!(run.error_line().contains("write result /nowhere/result.json"), "{}", run.stderr);
    lost(json!({"fail": "transient"})).exits(75);
}

#[test]
fn a_flag_wins_over_the_environment() {
    let root = landing(&[("a.csv", "a,0,1\n")]);
    let run = Binary::stage("tiny-count")
        .env("FORESITE_DATA_ROOT", "/nowhere")
        .root(root.path())
        .exits(0);
    assert_eq!(run.number("files"), Some(1.0));
    let by_environment = Binary::stage("tiny-count")
        .env("FORESITE_DATA_ROOT", root.path().to_str().unwrap())
        .exits(0);
    assert_eq!(by_environment.status(), "unchanged");
}

#[test]
fn the_effective_configuration_can_be_printed() {
    let run =
        Binary::stage("tiny-count").config(&json!({"pause_ms": 3})).args("--print-config").exits(0);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap(),
        json!({"fail": null, "pause_ms": 3})
    );
}

#[test]
fn a_dry_run_touches_nothing() {
    let root = landing(&[("a.csv", "a,0,1\n")]);
    let run = count(root.path(), &at(1)).args("--dry-run").exits(0);
    assert_eq!(run.status(), "planned");
    assert!(!root.path().join("tables").exists());
}

#[test]
fn a_rerun_by_the_same_command_is_unchanged_and_force_gives_equal_rows() {
    let root = landing(&[("a.csv", "a,0,1\na,1,2\n"), ("b.csv", "b,0,5\n")]);
    assert_eq!(count(root.path(), &at(2)).exits(0).status(), "done");
    assert_eq!(count(root.path(), &at(2)).exits(0).status(), "unchanged");
    let first = sum(root.path(), &at(2)).exits(0);
    assert_eq!(first.status(), "done");
    let again = sum(root.path(), &at(2)).exits(0);
    assert_eq!(
        (again.status(), &again.result["lineage_id"]),
        ("unchanged", &first.result["lineage_id"])
    );
    let before = sums(root.path(), 9);
    assert_eq!(before, [known("a", 0, 1.0), known("a", 1, 2.0), known("b", 0, 5.0)]);
    assert_eq!(sum(root.path(), &at(2)).args("--force").exits(0).status(), "done");
    assert_eq!(sums(root.path(), 9), before);
    let lineage = first.result["lineage_id"].as_str().unwrap();
    assert!(root.path().join(format!("lineage/{lineage}.json")).is_file());
}

#[test]
fn a_late_file_changes_exactly_the_slots_it_touches() {
    let root = landing(&[("a.csv", "a,0,1\na,1,2\n")]);
    count(root.path(), &at(2)).exits(0);
    sum(root.path(), &at(2)).exits(0);
    land(root.path(), "late.csv", "a,1,10\n");
    count(root.path(), &at(5)).exits(0);
    let run = sum(root.path(), &at(5)).exits(0);
    assert_eq!(run.result["outputs"][0]["slots"], 1, "only hour 1 is new: {}", run.result);
    assert_eq!(
        sums(root.path(), 4),
        [known("a", 0, 1.0), known("a", 1, 2.0)],
        "what was known before stays"
    );
    assert_eq!(sums(root.path(), 5), [known("a", 0, 1.0), known("a", 1, 12.0)]);
}

#[test]
fn a_wide_interval_equals_many_small_ones() {
    let narrow = landing(&[("a.csv", "a,0,1\na,1,2\nb,3,4\n")]);
    let wide = landing(&[("a.csv", "a,0,1\na,1,2\nb,3,4\n")]);
    for root in [&narrow, &wide] {
        count(root.path(), &at(4)).exits(0);
    }
    sum(wide.path(), &at(4)).exits(0);
    for hour in 0..4 {
        let run = Binary::stage("tiny-sum").root(narrow.path()).interval(&at(hour), &at(hour + 1));
        run.args("--as-of").arg(at(4)).exits(0);
    }
    assert_eq!(sums(narrow.path(), 4), sums(wide.path(), 4));
}

#[test]
fn a_change_of_configuration_is_another_computation() {
    let root = landing(&[("a.csv", "a,0,1\n")]);
    count(root.path(), &at(2)).exits(0);
    sum(root.path(), &at(2)).exits(0);
    assert_eq!(sum(root.path(), &at(2)).config(&json!({"scale": 2.0})).exits(0).status(), "done");
    assert_eq!(
        sums(root.path(), 2),
        [known("a", 0, 2.0)],
        "a fix at the same knowledge replaces the row"
    );
}

#[test]
fn two_live_copies_end_with_one_result() {
    let root = landing(&[("a.csv", "a,0,1\na,1,2\n")]);
    let copies: Vec<_> = (0..3)
        .map(|_| count(root.path(), &at(2)).config(&json!({"pause_ms": 20})).start())
        .collect();
    for (child, binary) in copies {
        let run = binary.ended(&child.wait_with_output().unwrap()).unwrap();
        assert!(matches!(run.code, Some(0 | 75)), "{}", run.stderr);
    }
    sum(root.path(), &at(2)).exits(0);
    assert_eq!(
        sums(root.path(), 2),
        [known("a", 0, 1.0), known("a", 1, 2.0)],
        "no value was taken twice"
    );
}

#[test]
fn sigterm_stops_between_batches_and_a_rerun_ends_the_work() {
    let files: Vec<_> =
        (0..20).map(|index| (format!("{index:02}.csv"), format!("a,{},1\n", index % 4))).collect();
    let root = landing(
        &files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>(),
    );
    let (child, binary) = count(root.path(), &at(2)).config(&json!({"pause_ms": 50})).start();
    wait_until(|| {
        root.path().join("tables/tiny_values/_delta_log/00000000000000000002.json").exists()
    });
    let pid = i32::try_from(child.id()).unwrap();
    assert!(std::process::Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    let run = binary.ended(&child.wait_with_output().unwrap()).unwrap();
    assert_eq!(run.code, Some(143), "{}", run.stderr);
    assert!(run.error_line().contains("nothing half-written is visible"), "{}", run.stderr);
    let rest = count(root.path(), &at(2)).config(&json!({"pause_ms": 50})).exits(0);
    let written = rest.result["outputs"][0]["slots"].as_u64().unwrap();
    assert!((1..20).contains(&written), "some were taken before, the rest now: {written}");
    sum(root.path(), &at(2)).exits(0);
    assert_eq!(sums(root.path(), 2).iter().map(|(.., sum)| sum).sum::<f64>(), 20.0);
}

#[test]
fn a_killed_writer_leaves_nothing_half_visible() {
    let root = landing(&[("a.csv", "a,0,1\na,1,2\na,2,3\na,3,4\n")]);
    count(root.path(), &at(5)).exits(0);
    for delay_ms in [1, 3, 5, 8, 12, 20] {
        let (mut child, _binary) = sum(root.path(), &at(5)).args("--force").start();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        if root.path().join("tables/tiny_sums/_delta_log/00000000000000000000.json").exists() {
            let seen = sums(root.path(), 5);
            let whole = (0..4).map(|hour| known("a", hour, hour as f64 + 1.0)).collect::<Vec<_>>();
            assert_eq!(seen, whole[..seen.len()], "only whole slots, in order");
        }
    }
    sum(root.path(), &at(5)).exits(0);
    assert_eq!(sums(root.path(), 5).len(), 4);
}

#[test]
fn an_unwritable_root_is_said() {
    let root = landing(&[("a.csv", "a,0,1\n")]);
    // A file where the folder of the tables must be: refused for every user, root included.
    std::fs::write(root.path().join("tables"), "").unwrap();
    let run = count(root.path(), &at(1)).run();
    assert_eq!(run.code, Some(73), "{}", run.stderr);
}

#[test]
fn bad_data_names_file_and_line() {
    let root = landing(&[("a.csv", "a,0,1\nnonsense\n")]);
    let run = count(root.path(), &at(1)).exits(65);
    assert!(
        run.error_line().contains("landing/a.csv line 2: expected cell,hour,value, got `nonsense`"),
        "{}",
        run.stderr
    );
}

fn wait_until(mut ready: impl FnMut() -> bool) {
    for _ in 0..600 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not ready within 12 s");
}
