//! The answers of the console over tables that the stages could have written.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixture;
#[path = "fixture/send.rs"]
mod send;

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fixture::{CUTOFF, HOUR, data_root};
use foresite_console::{Options, router};
use foresite_schema::catalog::outcome;
use foresite_tables::{Commit, Read, Root, Slot};
use send::send;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["worklist", "models", "completeness"];

fn console(root: &Root) -> Router {
    router(root.clone(), Options { keep: Duration::ZERO, ..Options::default() })
}

fn ask(router: Router, method: Method, path: &str) -> (StatusCode, Value) {
    send(router, Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
}

fn summary(root: &Root, name: &str) -> Value {
    let (status, answer) = ask(console(root), Method::GET, &format!("/console/v1/{name}"));
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// The example that people and the tests of the pages read.
fn example(name: &str) -> Value {
    let path = format!("../../docs/console/{name}.json");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
}

#[test]
fn the_answers_are_the_documented_ones() {
    let (_folder, root) = data_root();
    fixture::write(&root);
    let mut differing = Vec::new();
    for name in NAMES {
        let mut answer = summary(&root, name);
        assert!(answer["read_at"].as_str().is_some_and(|at| at.ends_with('Z')));
        answer["read_at"] = json!("2026-03-09T14:31:00Z");
        if answer != example(name) {
            let got = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
            std::fs::write(&got, format!("{answer:#}\n")).unwrap();
            differing.push(format!("docs/console/{name}.json differs from {}", got.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_data_root_without_tables_has_empty_summaries() {
    let (_folder, root) = data_root();
    assert_eq!(summary(&root, "worklist")["cutoff"], Value::Null);
    assert_eq!(summary(&root, "models")["tasks"], json!([]));
    assert_eq!(summary(&root, "completeness")["newest_period_end"], Value::Null);
    assert_eq!(summary(&root, "health"), json!({"status": "ok"}));
}

#[test]
fn a_missing_data_root_is_503_in_one_line() {
    let (folder, root) = data_root();
    drop(folder);
    for name in NAMES.into_iter().chain(["health"]) {
        let (status, answer) = ask(console(&root), Method::GET, &format!("/console/v1/{name}"));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let line = answer["error"].as_str().unwrap();
        assert!(line.contains("no such directory") && !line.contains('\n'), "{line}");
    }
}

#[test]
fn a_broken_table_is_503_and_the_others_answer() {
    let (folder, root) = data_root();
    fixture::write(&root);
    let log = folder.path().join("tables/registry_events/_delta_log/00000000000000000001.json");
    std::fs::write(log, "{").unwrap();
    let (status, answer) = ask(console(&root), Method::GET, "/console/v1/models");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer["error"].as_str().unwrap().contains("registry_events"), "{answer}");
    assert_eq!(summary(&root, "health"), json!({"status": "ok"}));
    assert_eq!(summary(&root, "worklist")["cutoff"], "2026-03-09T14:00:00Z");
}

#[test]
fn a_newer_list_without_items_is_the_newest() {
    let (_folder, root) = data_root();
    fixture::write(&root);
    let table = root.existing(outcome::worklist()).unwrap();
    let nothing = table.read(&Read::all()).unwrap().slice(0, 0);
    let at = CUTOFF + HOUR;
    let commit = Commit {
        lineage_id: format!("{:032x}", 77),
        as_of: at,
        ingested_at: at,
        force: false,
        note: Value::Null,
    };
    table.replace(&Slot::derived("derived", 0, at, at + 1), &nothing, &commit).unwrap();

    let list = summary(&root, "worklist");
    assert_eq!(list["cutoff"], "2026-03-09T15:00:00Z");
    assert_eq!(list["lineage_id"], format!("{:032x}", 77));
    assert_eq!((&list["as_of"], &list["report"]), (&Value::Null, &Value::Null));
    let tasks = list["lists"].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    assert!(tasks.iter().all(|list| list["items"] == json!([]) && list["left_out"] == json!([])));
}

#[test]
fn an_answer_is_kept_for_its_time() {
    let (_folder, root) = data_root();
    let kept = router(root.clone(), Options::default());
    let path = "/console/v1/worklist";
    let (_, first) = ask(kept.clone(), Method::GET, path);
    fixture::write(&root);
    assert_eq!(ask(kept, Method::GET, path).1, first);
    assert_eq!(summary(&root, "worklist")["cutoff"], "2026-03-09T14:00:00Z");
}

#[test]
fn the_last_router_may_end_where_nothing_may_block() {
    let (_folder, root) = data_root();
    let last = router(root, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async move { drop(last) });
}

#[test]
fn nothing_can_be_written() {
    let (_folder, root) = data_root();
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let (status, _) = ask(console(&root), method, "/console/v1/worklist");
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let (status, _) = ask(console(&root), Method::GET, "/console/v1/tables");
    assert_eq!(status, StatusCode::NOT_FOUND);
}
