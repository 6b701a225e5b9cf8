//! A fan-out that rests between its shards and its commit while a vacuum comes by.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use foresite_testkit::{Binary, Run};
use serde_json::json;
use tempfile::TempDir;

use crate::landing::{counted, ingest, land, pm, root, rows};

/// A plan over two files, and its shard.
struct FanOut {
    root: TempDir,
    plan: String,
}

impl FanOut {
    fn staged() -> Self {
        let root = root();
        for element in ["N1", "N2"] {
            let name = format!("pm/{element}.xml.gz");
            land(root.path(), &name, &pm(element, 10, ["1", "2", "3", "4"]), 10);
        }
        let plan = ingest(root.path(), [10, 11]).args("--step plan").exits(0);
        assert_eq!(counted(&plan, "shards"), 1);
        let plan = plan.result["numbers"]["plan_id"].as_str().unwrap().to_owned();
        let fan_out = Self { root, plan };
        assert_eq!(fan_out.shard("").status(), "done");
        fan_out
    }

    fn step(&self, step: &str) -> Binary {
        ingest(self.root.path(), [10, 11]).args(&format!("--step {step} --plan {}", self.plan))
    }

    fn shard(&self, more: &str) -> Run {
        self.step(&format!("shard --shard 0/1 {more}")).exits(0)
    }

    /// A vacuum that deletes what it may; the number of data files it took.
    fn vacuum(&self) -> f64 {
        let maintain = Binary::stage("maintain").root(self.root.path());
        let maintain = maintain.args("--as-of 2026-02-01T00:00:00Z --step vacuum");
        maintain.config(&json!({"delete": true})).exits(0).number("deleted_files").unwrap()
    }

    /// Lets the files below a folder look three days old.
    fn age(&self, folder: &str) {
        let old = SystemTime::now() - Duration::from_secs(3 * 86_400);
        for path in files(&self.root.path().join(folder)) {
            fs::File::options().append(true).open(path).unwrap().set_modified(old).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn within_the_grace_a_vacuum_leaves_staged_files_to_their_commit() {
    let fan_out = FanOut::staged();
    assert_eq!(fan_out.vacuum(), 0.0);
    // Not even old files go as long as the manifest of the plan is live.
    fan_out.age("tables");
    assert_eq!(fan_out.vacuum(), 0.0);
    assert_eq!(fan_out.step("commit").exits(0).status(), "done");
    assert_eq!(rows(fan_out.root.path(), "pm_counters").num_rows(), 4);
}

#[test]
fn after_the_grace_the_commit_is_refused_and_the_shard_run_again_stands() {
    let fan_out = FanOut::staged();
    fan_out.age("tables");
    fan_out.age("_staging");
    assert!(fan_out.vacuum() > 0.0, "nobody may commit them any more");
    let refused = fan_out.step("commit").exits(66);
    assert!(refused.error_line().contains("staged file tables/"), "{}", refused.stderr);
    assert!(refused.error_line().contains("the shards with --force"), "{}", refused.stderr);
    for table in ["pm_counters", "counter_sets"] {
        assert_eq!(rows(fan_out.root.path(), table).num_rows(), 0, "{table}: nothing is visible");
    }
    assert_eq!(fan_out.shard("--force").status(), "done");
    assert_eq!(fan_out.step("commit").exits(0).status(), "done");
    assert_eq!(rows(fan_out.root.path(), "pm_counters").num_rows(), 4);
    let verify = Binary::stage("maintain").root(fan_out.root.path()).args("--step verify");
    verify.args("--as-of 2026-02-01T00:00:00Z").exits(0);
}
