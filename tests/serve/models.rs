//! Which model answers: aliases, reloads under load, shares, and bundles that nobody may trust.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use foresite_registry::{Alias, Event, EventKind};
use foresite_schema::catalog::outcome;
use foresite_tables::{Commit, Read, Root, Slot, Value};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::infer;
use crate::server::{Server, copy, models};
use crate::toy::{self, END, stage};

fn request(entities: &[String]) -> Json {
    let count = entities.len();
    json!({
        "inputs": [
            { "name": "entity", "shape": [count], "datatype": "BYTES", "data": entities },
            { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
        ],
        "outputs": [{ "name": "entity_id" }, { "name": "model_id" }, { "name": "score" }],
    })
}

pub(crate) fn features() -> Json {
    json!({ "inputs": [
        { "name": "features", "shape": [1, 2], "datatype": "FP64", "data": [0.9, 0.5] },
    ] })
}

pub(crate) fn version(server: &Server) -> String {
    let answer = infer(server.rest(), &features());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["model_version"].as_str().unwrap().to_owned()
}

/// Trains another model and promotes it; returns the champion before and after.
pub(crate) fn another_champion(root: &Path) -> (String, String) {
    let before = std::fs::read_dir(models(root)).unwrap().next().unwrap().unwrap();
    let before = before.file_name().into_string().unwrap();
    let config = json!({ "tasks": root.join("tasks"), "seed": 2, "candidates": [] });
    let after = toy::model(&stage(root, "train").config(&config).exits(0));
    stage(root, "evaluate").exits(0);
    stage(root, "promote").exits(0);
    (before, after)
}

/// What no stage does: lets an alias point to a model, whatever speaks against it.
pub(crate) fn decided(root: &Path, alias: Alias, model_id: &str) {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let table = store.table(outcome::registry_events()).unwrap();
    let seq = table.read_all(&Read::all()).unwrap().num_rows() as i64 + 1;
    let event = Event {
        task: "toy".into(),
        seq,
        kind: EventKind::Promoted,
        model_id: model_id.into(),
        alias: Some(alias),
        reason: None,
        person: None,
        at: 1,
    };
    let equals =
        [("task".to_owned(), Value::Text("toy".into())), ("seq".to_owned(), Value::Int(seq))];
    let commit = Commit {
        lineage_id: format!("{seq:04x}"),
        as_of: 1,
        ingested_at: 1,
        force: false,
        note: json!({}),
    };
    let row = event.row(1, &commit.lineage_id).unwrap();
    let slot = Slot { equals: equals.into(), period: None };
    table.append(&slot, &row, &commit).unwrap();
}

#[test]
fn a_new_champion_and_a_rollback_drop_no_request() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    let (stop, rest) = (AtomicBool::new(false), server.rest());
    let (first, second) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut versions = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let answer = infer(rest, &features());
                assert_eq!(answer.status, 200, "{}", answer.body);
                versions.push(answer.json()["model_version"].as_str().unwrap().to_owned());
            }
            versions.dedup();
            versions
        });
        let (first, second) = another_champion(root.path());
        server.wait("the new model", |server| version(server) == second);
        stage(root.path(), "promote").args("--action rollback").exits(0);
        server.wait("the old model", |server| version(server) == first);
        stop.store(true, Ordering::Relaxed);
        let versions = asking.join().unwrap();
        assert_eq!(versions, [first.clone(), second.clone(), first.clone()], "one after the other");
        (first, second)
    });
    let named = server.get(&format!("/v2/models/toy/versions/{second}"));
    assert!(named.refusal(404).contains(&first));
    let revoke = stage(root.path(), "promote").args("--action revoke --reason leak --model");
    revoke.arg(&first).exits(0);
    server.wait("the end of it", |server| server.get("/v2/health/ready").status == 503);
    let text = infer(rest, &features()).refusal(503);
    assert_eq!(text, "no model serves: no alias points to one");
    assert!(server.metrics().contains("foresite_serve_reloads_total{outcome=\"changed\"} 4"));
}

#[test]
fn a_challenger_answers_for_its_share_of_the_entities() {
    let root = copy();
    let (first, second) = another_champion(root.path());
    decided(root.path(), Alias::Challenger, &first);
    let server = Server::ready(root.path(), &json!({ "challenger_share": 0.5 }), &[]);
    let devices: Vec<String> = (0..toy::DEVICES).map(|n| format!("device-{n:02}")).collect();
    let who = |devices: &[String]| -> Vec<String> {
        let answer = infer(server.rest(), &request(devices));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json = answer.json();
        assert_eq!(json["outputs"][0]["data"], json!(devices), "in the order of the request");
        serde_json::from_value(json["outputs"][1]["data"].clone()).unwrap()
    };
    let all = who(&devices);
    let both: BTreeSet<&String> = all.iter().collect();
    assert_eq!(both, BTreeSet::from([&first, &second]));
    for (device, model) in devices.iter().zip(&all) {
        assert_eq!(&who(std::slice::from_ref(device))[0], model, "{device} stays where it is");
    }
    let versions = server.get("/v2/models/toy").json()["versions"].clone();
    assert_eq!(versions, json!([second, first]));
    let named = infer_of(&server, "challenger");
    assert_eq!(named["model_version"], json!(first));
}

fn infer_of(server: &Server, version: &str) -> Json {
    let head = format!("POST /v2/models/toy/versions/{version}/infer");
    let body = features().to_string();
    crate::client::ask(server.rest(), &head, body.as_bytes()).json()
}

#[test]
fn a_changed_bundle_is_never_used() {
    let root = copy();
    let folder = std::fs::read_dir(models(root.path())).unwrap().next().unwrap().unwrap().path();
    let weights = folder.join("bundle/weights.safetensors");
    let honest = std::fs::read(&weights).unwrap();
    let mut changed = honest.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, changed).unwrap();
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &[]);
    server.wait("a refusal", |server| server.metrics().contains("{outcome=\"refused\"} 1"));
    assert_eq!(server.get("/v2/health/live").status, 200);
    assert_eq!(server.get("/v2/health/ready").status, 503);
    let text = infer(server.rest(), &features()).refusal(503);
    let expected = "file `weights.safetensors` is not what `SHA256SUMS` says";
    assert!(text.contains(expected), "{text}");
    std::fs::write(&weights, honest).unwrap();
    server.wait("the honest one", |server| server.get("/v2/health/ready").status == 200);
    drop(server);

    std::fs::remove_dir_all(root.path().join("keys")).unwrap();
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &[]);
    server.wait("a refusal", |server| server.line("no trusted key has signed it").is_some());
    infer(server.rest(), &features()).refusal(503);
}

/// Nothing listens there: what HDFS looks like while it is away.
pub(crate) fn away() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("hdfs://{}/data", free.local_addr().unwrap())
}

#[test]
fn a_restart_survives_a_data_root_that_is_away() {
    let root = copy();
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    let first = version(&server);
    server.wait("the copy", |_| cache.path().join("toy/aliases.json").exists());
    drop(server);

    let limits = json!({ "limits": { "request_seconds": 3.0 } });
    let server = Server::start(&away(), &limits, &more);
    server.wait("ready", |server| server.get("/v2/health/ready").status == 200);
    assert_eq!(version(&server), first);
    let answer = infer(server.rest(), &request(&["device-00".to_owned()]));
    let text = answer.refusal(503);
    assert!(text.contains("the tables c"), "{text}");
    assert_eq!(version(&server), first, "it goes on with what is at hand");
    drop(server);

    let card = cache.path().join(format!("toy/models/toy/{first}/bundle/card.md"));
    std::fs::write(card, "# A better model\n").unwrap();
    let server = Server::start(&away(), &json!({}), &more);
    let said = "the models of the last run cannot be used";
    server.wait(said, |server| server.line(said).is_some());
    assert!(server.line(said).unwrap().contains("file `card.md` is not what"));
    assert_eq!(server.get("/v2/health/ready").status, 503);
}

#[test]
fn a_restart_goes_on_with_what_it_kept_while_the_new_champion_is_refused() {
    let root = copy();
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    let first = version(&server);
    let kept = cache.path().join("toy/aliases.json");
    server.wait("the copy", |_| kept.exists());
    drop(server);

    let (before, second) = another_champion(root.path());
    assert_eq!(before, first);
    let card = models(root.path()).join(&second).join("bundle/card.md");
    let honest = std::fs::read(&card).unwrap();
    std::fs::write(&card, "# A better model\n").unwrap();
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &more);
    server.wait("ready", |server| server.get("/v2/health/ready").status == 200);
    assert_eq!(version(&server), first);
    assert!(server.metrics().contains("{outcome=\"cached\"} 1"));
    std::fs::write(&card, honest).unwrap();
    server.wait("the new champion", |server| version(server) == second);
    server.wait("its copy", |_| std::fs::read_to_string(&kept).unwrap().contains(&second));
}
