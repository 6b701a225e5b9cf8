//! Storage that does not answer. A named pipe that nobody writes to stands for a file on a mount that
//! hangs: who opens it waits.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use foresite_testkit::binary_path;
use serde_json::json;
use tempfile::TempDir;

use crate::client::{get, get_with, infer};
use crate::limits::on_one_core;
use crate::models::{another_champion, away, features, version};
use crate::server::{Server, copy, copy_folder};

const FIRST: &str = "a-token-of-good-length";
const NEXT: &str = "the-next-token-of-good-length";

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Puts pipes in the place of the data files of a table.
fn pipes(folder: &Path) {
    let entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    for path in entries {
        if path.is_dir() && !path.ends_with("_delta_log") {
            pipes(&path);
        } else if path.extension().is_some_and(|kind| kind == "parquet") {
            std::fs::remove_file(&path).unwrap();
            pipe(&path);
        }
    }
}

/// Lets everybody go on who waits for a pipe of a folder; what they find is empty.
fn let_go_on(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let_go_on(&entry.path());
        } else if kind.is_fifo() {
            drop(writer(&entry.path()));
        }
    }
}

/// Lets everybody go on who waits for the pipe, and whoever comes while the file is open.
fn writer(pipe: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(pipe).unwrap()
}

#[test]
fn tokens_that_hang_keep_nobody_waiting() {
    let (root, kept) = (copy(), TempDir::new().unwrap());
    let (tokens, hanging) = (kept.path().join("tokens"), kept.path().join("hanging"));
    std::fs::write(&tokens, FIRST).unwrap();
    pipe(&hanging);
    let more = ["--token-file", tokens.to_str().unwrap()];
    let server = on_one_core(|| Server::ready(root.path(), &json!({}), &more));
    let status = |token: &str| {
        get_with(server.rest(), "/v2", &format!("authorization: Bearer {token}\r\n")).status
    };
    std::fs::rename(&hanging, &tokens).unwrap();
    // Until the file was looked at again.
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(status(FIRST), 200, "what was read last goes on to count");
        assert_eq!(status(NEXT), 401);
        assert_eq!(server.get("/v2/health/live").status, 200);
    }
    let said = "what was read last goes on to count: tokens: storage did not answer within 10 s";
    server.wait(said, |server| server.line(said).is_some());
    assert_eq!(status(FIRST), 200);
    // Who waits for the pipe finds nothing in it, and looks again.
    let open = writer(&tokens);
    std::fs::write(&hanging, NEXT).unwrap();
    std::fs::rename(&hanging, &tokens).unwrap();
    drop(open);
    server.wait("the new token", |_| status(NEXT) == 200);
    assert_eq!(status(FIRST), 401);
    let said = "they can be looked at again";
    server.wait(said, |server| server.line(said).is_some());
}

#[test]
fn a_start_waits_for_a_file_for_ten_seconds() {
    let (root, kept) = (copy(), TempDir::new().unwrap());
    let hanging = kept.path().join("hanging");
    pipe(&hanging);
    let begin = |option: &str| {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "60"]).arg(binary_path("foresite-serve"));
        command.args(["model", "--task", "toy", "--listen", "127.0.0.1:0"]);
        command.args(["--grpc-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.arg("--data-root").arg(root.path()).arg(option).arg(&hanging);
        command.env("FORESITE_LOG", "lines").stderr(Stdio::piped()).spawn().unwrap()
    };
    for child in ["--config", "--token-file"].map(begin) {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{said}");
        let why = format!("{}: storage did not answer within 10 s", hanging.display());
        assert!(said.contains(&why), "{said}");
        assert!(!said.contains("listening"), "nobody could connect before: {said}");
    }
}

#[test]
fn a_data_root_that_hangs_is_why_a_service_is_not_ready() {
    let root = copy();
    pipes(&root.path().join("tables/registry_events"));
    let mut server = on_one_core(|| Server::start(root.path().to_str().unwrap(), &json!({}), &[]));
    let why = "no model serves: the data root has not answered yet";
    server
        .wait(why, |server| get(server.address("metrics"), "/v2/health/ready").refusal(503) == why);
    assert_eq!(server.get("/v2/health/live").status, 200);
    assert_eq!(server.get("/v2/health/ready").status, 503);
    assert_eq!(infer(server.rest(), &features()).refusal(503), why);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

#[test]
fn a_copy_that_hangs_keeps_a_service_from_nothing_else() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    std::fs::create_dir(cache.path().join("toy")).unwrap();
    pipe(&cache.path().join("toy/aliases.json"));
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = on_one_core(|| Server::ready(root.path(), &json!({}), &more));
    let said = "the copy in --cache-dir: storage did not answer within";
    assert!(server.line(said).is_some(), "{}", server.log());
    assert_eq!(get(server.address("metrics"), "/v2/health/ready").status, 200);
    let (first, second) = another_champion(root.path());
    assert_ne!(first, second);
    server.wait("the new champion", |server| version(server) == second);
}

#[test]
fn a_copy_that_hangs_keeps_no_data_root_out_that_answers_again() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    std::fs::create_dir(cache.path().join("toy")).unwrap();
    pipe(&cache.path().join("toy/aliases.json"));
    let place = |name: &str| root.path().join(name);
    let table = place("tables/registry_events");
    copy_folder(&table, &place("honest"));
    pipes(&table);
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &more);
    let why = "no model serves: the copy in --cache-dir has not answered yet";
    server
        .wait(why, |server| get(server.address("metrics"), "/v2/health/ready").refusal(503) == why);
    std::fs::rename(&table, place("aside")).unwrap();
    std::fs::rename(place("honest"), &table).unwrap();
    let_go_on(&place("aside"));
    let said =
        "the models of the last run cannot be used: the copy in --cache-dir: storage did not";
    server.wait(said, |server| server.line(said).is_some());
    server.wait("the champion", |server| server.get("/v2/health/ready").status == 200);
}

#[test]
fn a_copy_that_answers_again_leaves_the_data_root_as_the_reason() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    std::fs::create_dir(cache.path().join("toy")).unwrap();
    let place = |name: &str| cache.path().join("toy").join(name);
    let (aliases, hanging, empty) = (place("aliases.json"), place("hanging"), place("empty"));
    pipe(&hanging);
    std::fs::hard_link(&hanging, &aliases).unwrap();
    pipes(&root.path().join("tables/registry_events"));
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &more);
    let wait_for = |place: &str| {
        let why = format!("no model serves: {place} has not answered yet");
        let reason =
            |server: &Server| get(server.address("metrics"), "/v2/health/ready").refusal(503);
        server.wait(&why, |server| reason(server) == why);
    };
    wait_for("the copy in --cache-dir");
    // Who waits for the pipe finds a copy without models after it.
    std::fs::write(&empty, "{}").unwrap();
    std::fs::rename(&empty, &aliases).unwrap();
    drop(writer(&hanging));
    wait_for("the data root");
}

#[test]
fn what_a_copy_could_not_let_go_of_serves_no_restart() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    let id = version(&server);
    let place = |name: &str| cache.path().join("toy").join(name);
    let (aliases, hanging, note) = (place("aliases.json"), place("hanging"), place("owes.txt"));
    let is_kept = || std::fs::read_to_string(&aliases).is_ok_and(|text| text.contains(&id));
    server.wait("the copy", |_| is_kept());
    assert!(!note.exists(), "nothing is owed yet");
    let honest = std::fs::read(&aliases).unwrap();
    pipe(&hanging);
    std::fs::rename(&hanging, &aliases).unwrap();
    std::fs::remove_file(root.path().join("keys/first.pem")).unwrap();
    server.wait("the end of it", |server| server.line("out of use").is_some());
    server.wait("a note", |_| note.exists());
    drop(server);

    // The copy answers again, and nobody can say what it had to let go of.
    std::fs::write(&hanging, honest).unwrap();
    std::fs::rename(&hanging, &aliases).unwrap();
    let server = Server::start(&away(), &json!({}), &more);
    let said = "nothing is taken from the copy for a restart: it keeps too much";
    server.wait(said, |server| server.line(said).is_some());
    assert_eq!(server.get("/v2/health/ready").status, 503);
    assert!(is_kept() && note.exists(), "only a data root tells what has to go");
    drop(server);

    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &more);
    server.wait("no note", |_| !note.exists());
    assert!(!place("models/toy").join(&id).exists(), "{}", server.log());
}

#[test]
fn a_copy_that_hung_lets_go_later_of_what_nobody_trusts_any_more() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    let id = version(&server);
    let place = |name: &str| cache.path().join("toy").join(name);
    let (aliases, hanging) = (place("aliases.json"), place("hanging"));
    let is_kept = || std::fs::read_to_string(&aliases).is_ok_and(|text| text.contains(&id));
    server.wait("the copy", |_| is_kept());
    let honest = std::fs::read(&aliases).unwrap();
    pipe(&hanging);
    std::fs::rename(&hanging, &aliases).unwrap();
    let said = "keeps what it should not: the copy in --cache-dir: storage did not answer within";
    server.wait(said, |server| server.line(said).is_some());
    std::fs::remove_file(root.path().join("keys/first.pem")).unwrap();
    server.wait("a refusal", |server| server.metrics().contains("{outcome=\"refused\"} 1"));
    let model = place("models/toy").join(&id);
    assert!(model.exists(), "the copy could not let go of it: {}", server.log());

    // Who waits for the pipe finds nothing in it.
    let open = writer(&aliases);
    std::fs::write(&hanging, honest).unwrap();
    std::fs::rename(&hanging, &aliases).unwrap();
    drop(open);
    server.wait("no copy of it", |_| !model.exists());
}
