//! Who may serve: revoked models, keys that were taken away, and copies of either.

use std::path::Path;

use foresite_registry::{Alias, Folder, Signer, TrustedKeys, model_path, sign, verify};
use foresite_tables::Root;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::infer;
use crate::models::{another_champion, away, decided, features, version};
use crate::server::{Server, copy, models, only_model};
use crate::toy::stage;

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Changes the only model of a root and signs it again, as whoever holds the key may do.
pub(crate) fn signed_again(root: &Path, change: impl Fn(&mut Json)) {
    let folder = only_model(root);
    let path = model_path("toy", &name(&folder));
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let bundle = folder.join("bundle");
    let mut changed = Folder::new();
    for entry in std::fs::read_dir(&bundle).unwrap() {
        let entry = entry.unwrap().path();
        let bytes = std::fs::read(&entry).unwrap();
        changed = match name(&entry).as_str() {
            "SHA256SUMS" => changed,
            "model.json" => {
                let mut model: Json = serde_json::from_slice(&bytes).unwrap();
                change(&mut model);
                changed.with("model.json", model.to_string())
            }
            other => changed.with(other, bytes),
        };
    }
    std::fs::remove_dir_all(&bundle).unwrap();
    std::fs::remove_dir_all(folder.join("signatures")).unwrap();
    assert!(changed.publish(&store, &format!("{path}/bundle")).unwrap());
    let signer = Signer::read(&root.join("keys/private/promote.pem")).unwrap();
    assert!(sign(&store, &signer, "toy", &name(&folder), &evaluation(root)).unwrap());
}

/// The id of the only evaluation of the only model.
fn evaluation(root: &Path) -> String {
    let folder = only_model(root).join("evaluation");
    name(&std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path())
}

/// The only model of a root is signed by a key of it.
pub(crate) fn assert_signed(root: &Path) {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let keys = TrustedKeys::below(&store, Path::new("keys")).unwrap();
    verify(&store, &keys, "toy", &name(&only_model(root))).unwrap();
}

fn is_ready(server: &Server) -> bool {
    server.get("/v2/health/ready").status == 200
}

/// Moves a folder or file away, until it is moved back.
fn hidden(path: &Path) -> impl Fn() + use<> {
    let (path, aside) = (path.to_owned(), path.with_extension("aside"));
    std::fs::rename(&path, &aside).unwrap();
    move || std::fs::rename(&aside, &path).unwrap()
}

#[test]
fn a_revoked_champion_ends_even_where_its_successor_is_refused() {
    let root = copy();
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let (first, second) = another_champion(root.path());
    let server = Server::ready(root.path(), &json!({}), &more);
    assert_eq!(version(&server), second);
    server.wait("the copy", |_| cache.path().join("toy/aliases.json").exists());

    let signatures = models(root.path()).join(&first).join("signatures");
    let back = hidden(&signatures);
    // promote would refuse.
    decided(root.path(), Alias::Champion, &first);
    server.wait("a refusal", |server| server.metrics().contains("{outcome=\"refused\"} 1"));
    assert_eq!(version(&server), second, "a successor that is refused changes nothing");

    let revoke = stage(root.path(), "promote").args("--action revoke --reason leak --model");
    revoke.arg(&second).exits(0);
    server.wait("the end of it", |server| !is_ready(server));
    server.wait("why there is no successor", |server| {
        let text = infer(server.rest(), &features()).refusal(503);
        text.contains(&first) && text.contains("no trusted key has signed it")
    });
    assert_eq!(server.get("/v2/health/live").status, 200);
    server.wait("no copy of it", |_| !cache.path().join("toy/models/toy").join(&second).exists());
    drop(server);

    // Nor does a restart bring it back while nobody can look.
    let server = Server::start(&away(), &json!({}), &more);
    server.wait("a look at the copy", |server| server.line("none was kept").is_some());
    assert!(!is_ready(&server), "{}", server.log());
    drop(server);

    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &more);
    server.wait("a refusal", |server| server.metrics().contains("{outcome=\"refused\"} 1"));
    back();
    server.wait("the successor", is_ready);
    assert_eq!(version(&server), first);
}

#[test]
fn a_note_of_what_a_copy_owes_counts_in_whatever_state() {
    let (root, cache) = (copy(), TempDir::new().unwrap());
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    server.wait("the copy", |_| cache.path().join("toy/aliases.json").exists());
    drop(server);
    let note = cache.path().join("toy/owes.txt");
    std::fs::write(&note, [0xff, 0]).unwrap();
    let server = Server::start(&away(), &json!({}), &more);
    let said = "nothing is taken from the copy for a restart: it keeps too much";
    server.wait(said, |server| server.line(said).is_some());
    assert!(!is_ready(&server), "{}", server.log());
    drop(server);

    let server = Server::ready(root.path(), &json!({}), &more);
    server.wait("no note", |_| !note.exists());
    drop(server);
    let server = Server::start(&away(), &json!({}), &more);
    server.wait("the copy in use", is_ready);
}

#[test]
fn a_key_that_is_taken_away_takes_its_models_with_it() {
    let root = copy();
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    let first = version(&server);
    // Written last.
    let aliases = cache.path().join("toy/aliases.json");
    let is_kept = |_: &Server| std::fs::read_to_string(&aliases).is_ok_and(|t| t.contains(&first));
    server.wait("the copy", is_kept);

    let seen = |times: usize| {
        move |server: &Server| server.log().matches("other keys are trusted").count() == times
    };
    let signer = |file: &str| root.path().join("keys/private").join(file);
    let public = |signer: &Signer| root.path().join(format!("keys/{}.pem", signer.key_id()));

    let other = Signer::create(&signer("other.pem")).unwrap();
    std::fs::write(public(&other), other.public_pem().unwrap()).unwrap();
    server.wait("a second key", seen(1));
    assert!(is_ready(&server), "it changes nothing");

    let known = root.path().join("keys/first.pem");
    let back = hidden(&known);
    server.wait("the key to be gone", seen(2));
    server.wait("the end of it", |server| !is_ready(server));
    let text = infer(server.rest(), &features()).refusal(503);
    assert!(
        text.contains("no trusted key has signed it") || text.contains("not trusted"),
        "{text}"
    );
    server.wait("no copy of it", |_| !cache.path().join("toy/models/toy").join(&first).exists());
    back();
    server.wait("trust again", is_ready);
    server.wait("a copy", is_kept);

    // A rotation without a gap: signed by the new key as well, then the old one is taken away.
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    assert!(sign(&store, &other, "toy", &first, &evaluation(root.path())).unwrap());
    std::fs::remove_file(&known).unwrap();
    server.wait("the key to be gone", seen(4));
    assert_eq!(version(&server), first);
    assert_eq!(server.log().matches("out of use").count(), 1, "{}", server.log());
    // The copy before has the same models, and the signature that counts no more.
    let models = cache.path().join("toy/models/toy");
    let signature = models.join(&first).join("signatures").join(other.key_id());
    server.wait("a copy with its signature", |_| signature.join("statement.sig").exists());
    server.wait("a copy", is_kept);
    drop(server);
    let server = Server::start(&away(), &json!({}), &more);
    server.wait("the copy in use", is_ready);
}
