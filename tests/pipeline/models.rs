//! A task of one's own from `kpis` to predictions: train, evaluate, promote, predict, roll back; and
//! what happens to a bundle that somebody changed.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::datatypes::Float64Type;
use foresite_registry::{Alias, Event, EventKind};
use foresite_schema::catalog::{outcome, watch};
use foresite_tables::{Commit, Read, Root, Slot};
use foresite_testkit::{Rows, Run};
use serde_json::json;

use crate::toy::{
    DEVICES, HOUR, HOURS, above, featurized, model, noise, predict, prepared, promoted, stage,
    with_champion, with_tasks,
};

fn verdict(run: &Run) -> &str {
    run.result["verdict"].as_str().unwrap_or_default()
}

#[test]
fn a_model_is_made_judged_promoted_and_used() {
    let root = prepared(above);
    featurized(root.path());
    assert_eq!(verdict(&predict(root.path()).exits(0)), "no_model");
    let [train, evaluate, promote] = promoted(root.path());
    assert_eq!((verdict(&evaluate), verdict(&promote)), ("PASS", "champion"));
    assert_eq!(with_tasks(root.path(), "train").exits(0).status(), "unchanged");
    assert_eq!(stage(root.path(), "promote").exits(0).status(), "unchanged");

    let said = predict(root.path()).exits(0);
    assert_eq!((verdict(&said), said.status()), ("champion", "done"));
    assert_eq!(predict(root.path()).exits(0).status(), "unchanged");
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    let rows = table.read(&Read::all()).unwrap();
    assert_eq!(i64::try_from(rows.num_rows()).unwrap(), DEVICES);
    let p = rows.column_by_name("probability").unwrap().as_primitive::<Float64Type>();
    let ids = rows.column_by_name("entity_id").unwrap().as_string::<i32>();
    for (id, p) in ids.iter().flatten().zip(p.iter().flatten()) {
        let device: i64 = id.trim_start_matches("device-").parse().unwrap();
        let x = noise(device * HOURS + HOURS - 1);
        assert!(if x > 0.9 { p > 0.8 } else { x > 0.5 || p < 0.2 }, "{id}: x {x}, p {p}");
    }
    let bundle = root.path().join(format!("models/toy/{}/bundle", model(&train)));
    let card = std::fs::read_to_string(bundle.join("card.md")).unwrap();
    assert!(card.contains("## Candidates against the linear path"), "{card}");
    assert_eq!(card.contains("so there is no `network.pt`"), !bundle.join("network.pt").exists());
}

#[test]
fn a_changed_bundle_is_refused_and_a_revoked_model_serves_no_more() {
    let (root, [train, ..]) = with_champion();
    let card = root.path().join(format!("models/toy/{}/bundle/card.md", model(&train)));
    let honest = std::fs::read(&card).unwrap();
    std::fs::write(&card, "# A better model\n").unwrap();
    let refused = predict(root.path()).exits(65);
    assert!(refused.error_line().contains("file `card.md` is not what `SHA256SUMS` says"));
    std::fs::write(&card, honest).unwrap();
    std::fs::remove_dir_all(root.path().join("keys")).unwrap();
    let refused = predict(root.path()).exits(65);
    assert!(refused.error_line().contains("no trusted key has signed it"));

    let revoke = stage(root.path(), "promote").args("--action revoke --reason leak --model");
    assert_eq!(verdict(&revoke.arg(model(&train)).exits(0)), "revoked");
    assert_eq!(verdict(&predict(root.path()).exits(0)), "no_model");
    assert_eq!(stage(root.path(), "promote").args("--action rollback").exits(2).code, Some(2));
}

#[test]
fn a_network_that_ships_is_exported_and_made_again_bit_by_bit() {
    let made = || {
        // Trouble at both ends: no line tells it apart.
        let root = prepared(|x| (x - 0.5).abs() > 0.3);
        featurized(root.path());
        let options = json!({ "architecture": "residual", "learning_rate": 0.01 });
        let config = json!({
            "tasks": root.path().join("tasks"),
            "candidates": [{ "kind": "network", "options": options }],
        });
        let train = stage(root.path(), "train").config(&config).exits(0);
        let bundle = root.path().join(format!("models/toy/{}/bundle", model(&train)));
        let file = |name: &str| std::fs::read(bundle.join(name)).unwrap();
        (file("network.pt"), file("weights.safetensors"), file("SHA256SUMS"), file("card.md"))
    };
    let (once, again) = (made(), made());
    let [sums, card] = [&once.2, &once.3].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(
        sums.contains("  network.pt\n") && card.contains("`network.pt` is the network"),
        "{card}"
    );
    assert!(once.0.starts_with(b"PK"), "no archive");
    assert!(once.0 == again.0 && once.1 == again.1, "the same training gave other bytes");
}

#[test]
fn a_model_whose_event_was_lost_is_registered_by_the_next_run() {
    let root = prepared(above);
    featurized(root.path());
    let train = with_tasks(root.path(), "train").exits(0);
    std::fs::remove_dir_all(root.path().join("tables/registry_events")).unwrap();
    stage(root.path(), "evaluate").exits(66);
    assert_eq!(model(&with_tasks(root.path(), "train").exits(0)), model(&train));
    stage(root.path(), "evaluate").exits(0);
}

#[test]
fn a_forced_training_takes_nothing_back_that_was_decided() {
    let (root, [train, ..]) = with_champion();
    let again = with_tasks(root.path(), "train").args("--force").exits(0);
    assert_eq!(model(&again), model(&train));
    assert_eq!(verdict(&predict(root.path()).exits(0)), "champion");
}

#[test]
fn another_champion_makes_another_evaluation() {
    let root = prepared(above);
    featurized(root.path());
    let seeded = |seed: u64| {
        let tasks = root.path().join("tasks");
        let config = json!({ "tasks": tasks, "seed": seed, "candidates": [] });
        model(&stage(root.path(), "train").config(&config).exits(0))
    };
    let first = seeded(1);
    stage(root.path(), "evaluate").exits(0);
    assert_ne!(seeded(2), first);
    stage(root.path(), "evaluate").exits(0);
    stage(root.path(), "promote").exits(0);
    let again = || stage(root.path(), "evaluate").args("--model").arg(&first).exits(0);
    assert_eq!(again().status(), "done");
    assert_eq!(again().status(), "unchanged");
}

#[test]
fn beside_a_champion_that_cannot_be_read_no_model_passes() {
    let (root, [train, ..]) = with_champion();
    let card = root.path().join(format!("models/toy/{}/bundle/card.md", model(&train)));
    std::fs::write(card, "# Tampered with\n").unwrap();
    let config = json!({ "tasks": root.path().join("tasks"), "seed": 9, "candidates": [] });
    stage(root.path(), "train").config(&config).exits(0);
    let judged = stage(root.path(), "evaluate").exits(0);
    let why = judged.result["numbers"]["reason"].as_str().unwrap_or_default();
    assert!(why.starts_with("the model that serves cannot be read: "), "{}", judged.result);
    assert!(why.contains("SHA256SUMS"), "{why}");
    assert_eq!(verdict(&judged), "INSUFFICIENT");
    assert_eq!(verdict(&stage(root.path(), "promote").exits(0)), "challenger");
}

#[test]
fn what_is_missing_is_named() {
    let root = prepared(above);
    let run = with_tasks(root.path(), "train").exits(66);
    assert!(run.error_line().contains("samples of task `toy`: no sample set is known"));
    let run = stage(root.path(), "evaluate").exits(66);
    assert!(run.error_line().contains("task `toy`: no model is registered"));
    featurized(root.path());
    with_tasks(root.path(), "train").exits(0);
    let run = stage(root.path(), "evaluate").args("--model no-such-model").exits(66);
    assert!(run.error_line().contains("model `no-such-model` is not registered"));
    let run = stage(root.path(), "train").exits(2);
    assert!(run.error_line().contains("task `toy`: unknown"));
}

#[test]
fn a_challenger_speaks_beside_the_champion_and_holds_nothing_back() {
    let (root, [train, ..]) = with_champion();
    // Another penalty, another model.
    let config = json!({ "tasks": root.path().join("tasks"), "candidates": [] });
    let second = stage(root.path(), "train").config(&config).exits(0);
    assert_ne!(model(&train), model(&second));
    stage(root.path(), "evaluate").exits(0);
    let challenge = stage(root.path(), "promote").args("--action challenge").exits(0);
    assert_eq!(verdict(&challenge), "challenger");

    let said = predict(root.path()).exits(0);
    assert_eq!(verdict(&said), "champion");
    assert_eq!(said.result["numbers"]["challenger"], json!(model(&second)));
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    let roles = || -> BTreeMap<String, (String, usize)> {
        let rows = table.read(&Read::all()).unwrap();
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>();
        let mut found = BTreeMap::new();
        for (role, id) in text("role").iter().flatten().zip(text("model_id").iter().flatten()) {
            found.entry(role.to_owned()).or_insert_with(|| (id.to_owned(), 0)).1 += 1;
        }
        found
    };
    let devices = usize::try_from(DEVICES).unwrap();
    let both = BTreeMap::from([
        ("champion".to_owned(), (model(&train), devices)),
        ("challenger".to_owned(), (model(&second), devices)),
    ]);
    assert_eq!(roles(), both);
    assert_eq!(predict(root.path()).exits(0).status(), "unchanged");
    assert_eq!(roles(), both, "a rerun of one must not remove the other's rows");

    let weights = root.path().join(format!("models/toy/{}/bundle/card.md", model(&second)));
    std::fs::write(weights, "# Tampered with\n").unwrap();
    let said = predict(root.path()).args("--force").exits(0);
    assert_eq!(verdict(&said), "champion");
    let why = said.result["numbers"]["challenger_failed"].as_str().unwrap();
    assert!(why.contains("SHA256SUMS"), "{why}");
}

#[test]
fn a_challenger_is_promoted_once_its_shadow_was_better() {
    // Trouble that no line through one measurement tells apart.
    let root = prepared(|x| (x * 40.0).fract() > 0.5);
    featurized(root.path());
    let train = with_tasks(root.path(), "train").exits(0);
    assert_eq!(verdict(&stage(root.path(), "evaluate").exits(0)), "INSUFFICIENT");
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    crowned(&store, "toy", "m0");
    let promote = || stage(root.path(), "promote").exits(0);
    assert_eq!(verdict(&promote()), "challenger");
    let stays = "unchanged: it has the alias already";
    for (state, then, run) in [("unknown", stays, "0a0a"), ("ok", "champion", "0b0b")] {
        let model = model(&train);
        Rows::new(1)
            .text("task", [Some("toy")].into_iter())
            .text("model_id", [Some(model.as_str())].into_iter())
            .text("metric", [Some(watch::LOSS_AGAINST_CHAMPION)].into_iter())
            .text("state", [Some(state)].into_iter())
            .times("window_end", [Some(HOURS * HOUR)].into_iter())
            .write_as(&store, watch::performance(), HOURS * HOUR, run);
        assert_eq!(verdict(&promote()), then, "a shadow that is {state}");
    }
}

/// A champion that somebody promoted before.
fn crowned(store: &Root, task: &str, id: &str) {
    let event = Event {
        task: task.into(),
        seq: 2,
        kind: EventKind::Promoted,
        model_id: id.into(),
        alias: Some(Alias::Champion),
        reason: None,
        person: None,
        at: HOURS * HOUR - HOUR,
    };
    let row = event.row(HOURS * HOUR, "0c0c").unwrap();
    let commit = Commit {
        lineage_id: "0c0c".into(),
        as_of: HOURS * HOUR,
        ingested_at: HOURS * HOUR,
        force: false,
        note: json!({}),
    };
    let table = store.table(outcome::registry_events()).unwrap();
    table.append(&Slot::plan("fixture", "crowned"), &row, &commit).unwrap();
}
