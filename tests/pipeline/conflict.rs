//! Runs that compute different rows for one slot: one wins, the others are told to try again.

use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Run};
use serde_json::json;
use tempfile::TempDir;

/// Rounds until two runs must have met.
const ROUNDS: u32 = 40;

fn stage(root: &TempDir, name: &str) -> Binary {
    let hour = ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"];
    let binary = Binary::stage(name).root(root.path()).interval(hour[0], hour[1]);
    binary.args("--as-of 1970-01-01T02:00:00Z")
}

/// Three runs at once, each with a configuration of its own.
fn race(root: &TempDir, round: u32) -> Vec<(u32, Run)> {
    let scales = (0..3).map(|racer| 1 + 3 * round + racer);
    let started: Vec<_> = scales
        .map(|scale| (scale, stage(root, "tiny-sum").config(&json!({"scale": scale})).start()))
        .collect();
    let ended = started.into_iter().map(|(scale, (child, binary))| {
        (scale, binary.ended(&child.wait_with_output().unwrap()).unwrap())
    });
    ended.collect()
}

/// The sum that readers see.
fn shown(root: &TempDir) -> f64 {
    use arrow::array::AsArray as _;
    let root = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = root.existing(foresite_tests::sums()).unwrap();
    let rows = table.read_all(&Read::all()).unwrap();
    assert_eq!(rows.num_rows(), 1, "one row of one run");
    let sums = rows.column_by_name("sum").unwrap();
    sums.as_primitive::<arrow::datatypes::Float64Type>().value(0)
}

#[test]
fn who_loses_a_slot_ends_with_75_and_wins_it_with_the_next_try() {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("landing")).unwrap();
    std::fs::write(root.path().join("landing/a.csv"), "a,0,1\n").unwrap();
    stage(&root, "tiny-count").exits(0);
    for round in 0..ROUNDS {
        let runs = race(&root, round);
        let ended = |code: i32| runs.iter().filter(move |(_, run)| run.code == Some(code));
        assert_eq!(ended(0).count() + ended(75).count(), 3, "{runs:?}");
        assert!(ended(0).any(|(scale, _)| f64::from(*scale) == shown(&root)), "{runs:?}");
        if let Some((scale, loser)) = ended(75).next() {
            assert!(loser.error_line().contains("was changed by another writer"), "{loser:?}");
            assert_eq!(loser.status(), "failed");
            let again = stage(&root, "tiny-sum").config(&json!({"scale": scale})).exits(0);
            assert_eq!(again.status(), "done");
            assert_eq!(shown(&root), f64::from(*scale));
            return;
        }
    }
    panic!("no two runs met in {ROUNDS} rounds");
}
