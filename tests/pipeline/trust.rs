//! Which key signs: the first of a data root is trusted by itself, any other because somebody said so.

use std::path::{Path, PathBuf};

use foresite_registry::{Alias, Aliases, Event, Signer};
use foresite_schema::catalog::outcome;
use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Run};
use serde_json::json;

use crate::toy::{model, predict, stage, with_champion};

/// Names of the public keys that lie in the data root.
fn trusted(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("keys")).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut names: Vec<String> =
        files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn signer(path: &Path) -> Signer {
    Signer::read(path).unwrap()
}

/// The public half of a key, in a folder.
fn public(signer: &Signer, folder: &Path) -> PathBuf {
    folder.join(format!("{}.pem", signer.key_id()))
}

/// A second model beside the champion, judged and not promoted; its id.
pub(crate) fn second(root: &Path) -> String {
    let config = json!({ "tasks": root.join("tasks"), "seed": 2, "candidates": [] });
    let train = stage(root, "train").config(&config).exits(0);
    stage(root, "evaluate").exits(0);
    model(&train)
}

fn challenge(root: &Path) -> Binary {
    stage(root, "promote").args("--action challenge")
}

fn events(root: &Path) -> Vec<Event> {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let table = store.existing(outcome::registry_events()).unwrap();
    Event::read(&table.read_all(&Read::all()).unwrap()).unwrap()
}

fn challenger(root: &Path) -> Option<String> {
    Aliases::of(&events(root)).get(Alias::Challenger).map(str::to_owned)
}

/// That a run refused a key, in words, and left nothing behind.
#[track_caller]
fn assert_refused(root: &Path, id: &str, run: &Run, words: &str) {
    assert!(run.error_line().contains(words), "{}", run.stderr);
    let signatures = root.join(format!("models/toy/{id}/signatures"));
    assert!(!signatures.exists() && challenger(root).is_none());
}

#[test]
fn a_key_that_was_taken_away_does_not_come_back_by_promoting() {
    let (root, [_, _, promote]) = with_champion();
    let root = root.path();
    assert!(promote.stderr.contains("is trusted from now on"), "{}", promote.stderr);
    let key = signer(&root.join("keys/private/promote.pem"));
    let name = format!("{}.pem", key.key_id());
    assert_eq!(trusted(root), ["first.pem"], "the first key of a data root is trusted");

    std::fs::remove_file(root.join("keys/first.pem")).unwrap();
    let id = second(root);
    let refusal = format!("signing key `{}`: not trusted; keys in `keys`: none", key.key_id());
    assert_refused(root, &id, &challenge(root).exits(2), &refusal);
    assert_refused(root, &id, &challenge(root).args("--dry-run").exits(2), &refusal);
    assert!(trusted(root).is_empty());

    let said = challenge(root).args("--trust-key --dry-run").exits(0);
    assert!(trusted(root).is_empty() && challenger(root).is_none(), "{}", said.stderr);
    challenge(root).args("--trust-key").exits(0);
    assert_eq!((trusted(root), challenger(root)), (vec![name], Some(id)));
}

#[test]
fn another_key_signs_once_its_public_half_is_there() {
    let (root, _) = with_champion();
    let root = root.path();
    let id = second(root);
    let first = signer(&root.join("keys/private/promote.pem")).key_id();
    let place = root.join("keys/private/next.pem");
    let next = Signer::create(&place).unwrap();
    let with_next = || challenge(root).args("--signing-key").arg(&place);
    let refusal = format!("`{}`: not trusted; keys in `keys`: `{first}`", next.key_id());
    assert_refused(root, &id, &with_next().exits(2), &refusal);

    let aside = root.join("aside");
    std::fs::create_dir(&aside).unwrap();
    let elsewhere = json!({ "public_keys": &aside });
    let run = with_next().config(&elsewhere).args("--trust-key").exits(2);
    assert_refused(root, &id, &run, "keys in");
    assert!(run.stderr.contains("put the public half of this one into"), "{}", run.stderr);
    std::fs::write(public(&next, &aside), next.public_pem().unwrap()).unwrap();
    with_next().config(&elsewhere).args("--dry-run").exits(0);

    std::fs::copy(public(&next, &aside), public(&next, &root.join("keys"))).unwrap();
    with_next().exits(0);
    assert_eq!(challenger(root), Some(id));
}

#[test]
fn a_key_that_is_lost_is_not_made_anew_beside_others() {
    let (root, _) = with_champion();
    let root = root.path();
    let id = second(root);
    let lost = root.join("keys/private/promote.pem");
    std::fs::remove_file(&lost).unwrap();
    let run = challenge(root).exits(2);
    assert_refused(root, &id, &run, "promote.pem: No such file");
    assert!(run.stderr.contains("--trust-key") && !lost.exists(), "{}", run.stderr);
    challenge(root).args("--trust-key").exits(0);
    assert_eq!((trusted(root).len(), challenger(root)), (2, Some(id)));
}

#[test]
fn a_rollback_to_a_model_of_a_key_that_is_gone_is_refused() {
    let (root, [train, ..]) = with_champion();
    let root = root.path();
    let (first, second) = (model(&train), second(root));
    let id = signer(&root.join("keys/private/promote.pem")).key_id();
    let next = Signer::create(&root.join("keys/private/next.pem")).unwrap();
    let with_next = stage(root, "promote").args("--trust-key --signing-key");
    with_next.arg(root.join("keys/private/next.pem")).exits(0);
    let champion = || Aliases::of(&events(root)).get(Alias::Champion).map(str::to_owned);
    assert_eq!(champion(), Some(second));

    let (known, aside) = (root.join("keys/first.pem"), root.join("aside.pem"));
    std::fs::rename(&known, &aside).unwrap();
    let before = events(root);
    let back = || stage(root, "promote").args("--action rollback");
    let trusted = next.key_id();
    let refusal =
        format!("`{first}`: signing key `{id}`: not trusted; keys in `keys`: `{trusted}`");
    for run in [back().exits(2), back().args("--dry-run").exits(2)] {
        assert!(run.error_line().contains(&refusal), "{}", run.stderr);
    }
    assert_eq!(events(root), before, "nothing is decided");

    std::fs::rename(&aside, &known).unwrap();
    let run = back().args("--trust-key").exits(2);
    assert!(run.error_line().contains("--trust-key: a rollback"), "{}", run.stderr);
    back().exits(0);
    assert_eq!(champion(), Some(first));
}

#[test]
fn a_champion_whose_key_is_gone_is_signed_anew_where_it_is_named() {
    let (root, [train, ..]) = with_champion();
    let root = root.path();
    let (id, before) = (model(&train), events(root));
    let next = Signer::create(&root.join("keys/private/next.pem")).unwrap();
    std::fs::write(public(&next, &root.join("keys")), next.public_pem().unwrap()).unwrap();
    std::fs::remove_file(root.join("keys/first.pem")).unwrap();
    predict(root).exits(65);

    let place = root.join("keys/private/next.pem");
    let again = || stage(root, "promote").args("--signing-key").arg(&place);
    again().exits(0);
    predict(root).exits(65);
    let named = || again().args("--model").arg(&id);
    named().args("--dry-run").exits(0);
    predict(root).exits(65);
    named().exits(0);
    predict(root).exits(0);
    assert_eq!(events(root), before, "it serves as before, and nothing was decided");
}

#[test]
fn trust_that_changes_nothing_and_a_bad_signature_are_said() {
    let (root, [train, ..]) = with_champion();
    let root = root.path();
    second(root);
    let first = challenge(root).args("--trust-key").exits(0);
    assert!(first.stderr.contains("the key is trusted already"), "{}", first.stderr);
    let again = challenge(root).args("--trust-key").exits(0);
    assert!(again.stderr.contains("no model is signed"), "{}", again.stderr);
    assert_eq!(trusted(root), ["first.pem"]);

    let other = Signer::create(&root.join("keys/private/other.pem")).unwrap();
    std::fs::write(public(&other, &root.join("keys")), other.public_pem().unwrap()).unwrap();
    let place = format!("models/toy/{}/signatures/{}", model(&train), other.key_id());
    std::fs::create_dir(root.join(&place)).unwrap();
    std::fs::write(root.join(&place).join("statement"), "half").unwrap();
    let run = predict(root).exits(0);
    let is_named = |line: &str| line.trim_start().starts_with("WARN") && line.contains(&place);
    assert!(run.stderr.lines().any(is_named), "{}", run.stderr);
}
