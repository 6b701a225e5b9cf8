//! ed25519 signatures over the sums of a bundle and of the evaluation it was promoted on.
//!
//! What is signed is a text that people can read; it names the model and both sums, so a signature
//! can be moved to no other model and no other evaluation.

use ed25519_dalek::{Signature, VerifyingKey};
use foresite_tables::{Root, sha256_hex};

use crate::folder::model_path;
use crate::keys::{is_key_id, listed};
use crate::{Folder, RegistryError, Result, Signer, TrustedKeys};

const STATEMENT: &str = "statement";
const SIGNATURE: &str = "statement.sig";
/// Files of signatures that an error names the keys of.
const MOST_NAMED: usize = 24;

/// The text that is signed.
fn statement(task: &str, model_id: &str, bundle: &Folder, evaluation: (&str, &Folder)) -> String {
    format!(
        "foresite model signature 1\ntask {task}\nmodel {model_id}\nbundle {}\nevaluation {} {}\n",
        sha256_hex(bundle.sums().as_bytes()),
        evaluation.0,
        sha256_hex(evaluation.1.sums().as_bytes()),
    )
}

/// Verifies both folders and signs them; `false` when this key had signed already.
///
/// # Errors
/// [`RegistryError::Sums`] when a folder is not what it says; storage errors.
pub fn sign(
    root: &Root,
    signer: &Signer,
    task: &str,
    model_id: &str,
    evaluation_id: &str,
) -> Result<bool> {
    let path = model_path(task, model_id);
    let bundle = Folder::read(root, &format!("{path}/bundle"))?;
    let evaluation = Folder::read(root, &format!("{path}/evaluation/{evaluation_id}"))?;
    let text = statement(task, model_id, &bundle, (evaluation_id, &evaluation));
    let signature = signer.sign(text.as_bytes());
    Folder::new()
        .with(STATEMENT, text)
        .with(SIGNATURE, signature)
        .publish(root, &format!("{path}/signatures/{}", signer.key_id()))
}

/// Verifies a model: sums, statement and the signature of a trusted key. Returns its bundle.
///
/// One signature that holds is enough. Those of other trusted keys are looked at as well, and what is
/// wrong with one is a warning.
///
/// # Errors
/// [`RegistryError::Sums`] for the bundle; [`RegistryError::Untrusted`] where no trusted key has signed
/// it; [`RegistryError::Signature`] where none of their signatures holds; storage errors.
pub fn verify(root: &Root, trusted: &TrustedKeys, task: &str, model_id: &str) -> Result<Folder> {
    let path = model_path(task, model_id);
    let bundle = Folder::read(root, &format!("{path}/bundle"))?;
    let mut is_signed = false;
    let mut faults = Vec::new();
    for (id, key) in &trusted.keys {
        let place = format!("{path}/signatures/{id}");
        if root.list(&place)?.is_empty() {
            continue;
        }
        match check(root, (key, &place), (task, model_id, &bundle)) {
            Ok(()) => is_signed = true,
            Err(error) => faults.push(error),
        }
    }
    if is_signed {
        for error in faults {
            tracing::warn!(model = path, %error, "a signature does not hold; another one does");
        }
        return Ok(bundle);
    }
    Err(if faults.is_empty() { unsigned(root, trusted, path)? } else { refusal(path, faults) })
}

/// Checks what one key signed.
fn check(
    root: &Root,
    (key, place): (&VerifyingKey, &str),
    (task, model_id, bundle): (&str, &str, &Folder),
) -> Result<()> {
    let wrong = |problem: &str| RegistryError::Sums {
        folder: place.to_owned(),
        problem: problem.to_owned(),
    };
    let signed = Folder::read(root, place)?;
    let file = |name| signed.file(name).map_err(|_| wrong(&format!("no `{name}`")));
    let text = file(STATEMENT)?;
    let signature = Signature::from_slice(file(SIGNATURE)?)
        .map_err(|_| wrong("the signature is not 64 bytes"))?;
    key.verify_strict(text, &signature).map_err(|_| wrong("the signature does not hold"))?;
    let told = String::from_utf8_lossy(text);
    let evaluation_id = told
        .lines()
        .find_map(|line| line.strip_prefix("evaluation ")?.split(' ').next())
        .ok_or_else(|| wrong("the statement names no evaluation"))?;
    let path = model_path(task, model_id);
    let evaluation = Folder::read(root, &format!("{path}/evaluation/{evaluation_id}"))?;
    if told == statement(task, model_id, bundle, (evaluation_id, &evaluation)) {
        return Ok(());
    }
    Err(wrong("the statement speaks of other contents"))
}

/// That no signature holds, with what is wrong with each; a store that did not answer says nothing
/// about them.
fn refusal(path: String, mut faults: Vec<RegistryError>) -> RegistryError {
    let is_storage = |error: &RegistryError| matches!(error, RegistryError::Storage(_));
    if let Some(at) = faults.iter().position(is_storage) {
        return faults.swap_remove(at);
    }
    let problems: Vec<String> = faults.iter().map(ToString::to_string).collect();
    RegistryError::Signature { model: path, problem: problems.join("; ") }
}

/// That no trusted key has signed a model, with the keys that have, and those that are trusted.
fn unsigned(root: &Root, trusted: &TrustedKeys, path: String) -> Result<RegistryError> {
    let prefix = format!("{path}/signatures/");
    let files = root.list(&prefix)?;
    let mut signers: Vec<&str> = files
        .iter()
        .filter_map(|file| Some(file.path.strip_prefix(&prefix)?.split_once('/')?.0))
        // Whoever may write there may give a folder any name.
        .filter(|id| is_key_id(id))
        .take(MOST_NAMED)
        .collect();
    signers.dedup();
    let (signers, trusted) = (listed(signers.into_iter()), trusted.listed());
    Ok(RegistryError::Untrusted { model: path, signers, trusted })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSIGNED: &str = "model models/t/m: no trusted key has signed it";
    const UNHELD: &str = "model models/t/m: no signature of a trusted key holds";

    struct Case {
        directory: tempfile::TempDir,
        root: Root,
        signer: Signer,
        trusted: TrustedKeys,
    }

    fn case() -> Case {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path().to_str().unwrap()).unwrap();
        let bundle = Folder::new().with("model.json", "{}");
        bundle.publish(&root, "models/t/m/bundle").unwrap();
        let evaluation = Folder::new().with("metrics.txt", "auc 0.9\n");
        evaluation.publish(&root, "models/t/m/evaluation/e").unwrap();
        let signer = Signer::create(&directory.path().join("secret/key.pem")).unwrap();
        let mut trusted = TrustedKeys::default();
        trusted.add(&signer.public_pem().unwrap()).unwrap();
        Case { directory, root, signer, trusted }
    }

    fn outcome(case: &Case) -> String {
        match verify(&case.root, &case.trusted, "t", "m") {
            Ok(_) => "ok".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_signed_model_holds_and_a_key_survives_its_file() {
        let case = case();
        let id = case.signer.key_id();
        let expected = format!("{UNSIGNED}; signed by none, trusted `{id}`");
        assert_eq!(outcome(&case), expected);
        assert!(sign(&case.root, &case.signer, "t", "m", "e").unwrap());
        assert!(!sign(&case.root, &case.signer, "t", "m", "e").unwrap());
        assert_eq!(outcome(&case), "ok");
        let again = Signer::read(&case.directory.path().join("secret/key.pem")).unwrap();
        assert_eq!(again.key_id(), case.signer.key_id());
    }

    #[test]
    fn changed_contents_are_refused_even_with_new_sums() {
        let case = case();
        sign(&case.root, &case.signer, "t", "m", "e").unwrap();
        let place = case.directory.path().join("models/t/m/bundle");
        std::fs::remove_dir_all(&place).unwrap();
        let forged = Folder::new().with("model.json", "{\"evil\": true}");
        forged.publish(&case.root, "models/t/m/bundle").unwrap();
        let place = format!("models/t/m/signatures/{}", case.signer.key_id());
        let expected = format!("{UNHELD}: {place}: the statement speaks of other contents");
        assert_eq!(outcome(&case), expected);
    }

    #[test]
    fn a_bad_signature_beside_a_good_one_harms_nothing() {
        let bad = [
            ("no folder of ours", None),
            ("too short", Some(Folder::new().with(STATEMENT, "x").with(SIGNATURE, "short"))),
            ("no signature", Some(Folder::new().with(STATEMENT, "x"))),
            ("made up", Some(Folder::new().with(STATEMENT, "x").with(SIGNATURE, [7_u8; 64]))),
        ];
        for (what, folder) in bad {
            let mut case = case();
            let other = Signer::create(&case.directory.path().join("other.pem")).unwrap();
            case.trusted.add(&other.public_pem().unwrap()).unwrap();
            let place = format!("models/t/m/signatures/{}", other.key_id());
            match folder {
                Some(folder) => assert!(folder.publish(&case.root, &place).unwrap()),
                None => case.root.write(&format!("{place}/statement"), "x").unwrap(),
            }
            let alone = outcome(&case);
            assert!(alone.starts_with(&format!("{UNHELD}: {place}: ")), "{what}: {alone}");
            sign(&case.root, &case.signer, "t", "m", "e").unwrap();
            assert_eq!(outcome(&case), "ok", "{what}");
        }
    }

    #[test]
    fn a_model_without_a_good_signature_is_refused_with_all_reasons() {
        let mut case = case();
        let other = Signer::create(&case.directory.path().join("other.pem")).unwrap();
        case.trusted.add(&other.public_pem().unwrap()).unwrap();
        let places = [&case.signer, &other].map(|signer| {
            let place = format!("models/t/m/signatures/{}", signer.key_id());
            case.root.write(&format!("{place}/statement"), "x").unwrap();
            format!("{place}: no `SHA256SUMS`")
        });
        let refused = outcome(&case);
        assert!(places.iter().all(|place| refused.contains(place)), "{refused}");
    }

    #[test]
    fn a_stranger_s_signature_does_not_count() {
        let case = case();
        let stranger = Signer::create(&case.directory.path().join("other.pem")).unwrap();
        sign(&case.root, &stranger, "t", "m", "e").unwrap();
        // A folder that somebody made is no key.
        case.root.write("models/t/m/signatures/trust-me/statement", "").unwrap();
        let (theirs, ours) = (stranger.key_id(), case.signer.key_id());
        let expected = format!("{UNSIGNED}; signed by `{theirs}`, trusted `{ours}`");
        assert_eq!(outcome(&case), expected);
    }

    #[test]
    fn a_rotation_keeps_what_the_old_key_signed_until_that_key_is_removed() {
        let mut case = case();
        sign(&case.root, &case.signer, "t", "m", "e").unwrap();
        let next = Signer::create(&case.directory.path().join("next.pem")).unwrap();
        assert_ne!(next.key_id(), case.signer.key_id());
        case.trusted.add(&next.public_pem().unwrap()).unwrap();
        assert_eq!(outcome(&case), "ok", "beside a new key the old one counts");
        assert!(case.trusted.keys.remove(&case.signer.key_id()).is_some());
        let (old, new) = (case.signer.key_id(), next.key_id());
        assert_eq!(outcome(&case), format!("{UNSIGNED}; signed by `{old}`, trusted `{new}`"));
        assert!(sign(&case.root, &next, "t", "m", "e").unwrap());
        assert_eq!(outcome(&case), "ok", "the new key has signed it as well");
    }
}
