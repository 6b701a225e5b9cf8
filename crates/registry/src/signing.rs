//! ed25519 signatures over the sums of a bundle and of the evaluation it was promoted on.
//!
//! What is signed is a text that people can read; it names the model and both sums, so a signature
//! can be moved to no other model and no other evaluation.

use std::collections::BTreeMap;
use std::path::Path;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _};
use ed25519_dalek::pkcs8::{EncodePublicKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use foresite_tables::{Root, sha256_hex};

use crate::folder::model_path;
use crate::{Folder, RegistryError, Result};

const STATEMENT: &str = "statement";
const SIGNATURE: &str = "statement.sig";
/// Digits of a key id.
const KEY_DIGITS: usize = 16;

/// A private key, promote's alone.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
}

/// The public keys whose signatures count, by key id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedKeys {
    keys: BTreeMap<String, VerifyingKey>,
}

fn key_error(path: &Path, problem: impl std::fmt::Display) -> RegistryError {
    RegistryError::Key { path: path.display().to_string(), problem: problem.to_string() }
}

fn key_id(key: &VerifyingKey) -> String {
    let mut id = sha256_hex(key.as_bytes());
    id.truncate(KEY_DIGITS);
    id
}

impl Signer {
    /// Reads a PKCS#8 PEM file (`openssl genpkey -algorithm ed25519`).
    ///
    /// # Errors
    /// [`RegistryError::Key`] with the path.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| key_error(path, error))?;
        let key = SigningKey::from_pkcs8_pem(&text)
            .map_err(|_| key_error(path, "no ed25519 private key in PKCS#8 PEM"))?;
        Ok(Self { key })
    }

    /// Makes a key and stores it, readable by its owner only; an existing file is never replaced.
    ///
    /// # Errors
    /// [`RegistryError::Key`] where it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        use std::io::{Read as _, Write as _};
        use std::os::unix::fs::OpenOptionsExt as _;
        let failed = |error: std::io::Error| key_error(path, error);
        let mut seed = [0; 32];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut seed))
            .map_err(failed)?;
        let key = SigningKey::from_bytes(&seed);
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| key_error(path, error))?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self { key })
    }

    /// Id of the key: the start of the sum of its public half.
    pub fn key_id(&self) -> String {
        key_id(&self.key.verifying_key())
    }

    /// The public half as PEM, for the folder of trusted keys.
    ///
    /// # Errors
    /// Never for a key that could be read.
    pub fn public_pem(&self) -> Result<String> {
        self.key
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| RegistryError::Key { path: self.key_id(), problem: error.to_string() })
    }
}

impl TrustedKeys {
    /// Reads every `*.pem` of a folder; none there, or no folder, means that nothing is trusted.
    ///
    /// # Errors
    /// [`RegistryError::Key`] for a file that is no public key, and for a folder that cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut keys = Self::default();
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(keys),
            entries => entries.map_err(|error| key_error(folder, error))?,
        };
        for entry in entries {
            let path = entry.map_err(|error| key_error(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| key_error(&path, error))?;
                keys.add(&text).map_err(|_| key_error(&path, "no ed25519 public key in PEM"))?;
            }
        }
        Ok(keys)
    }

    /// Reads every `*.pem` of a folder below a data root, or of a local folder by its absolute path.
    ///
    /// # Errors
    /// [`RegistryError::Key`] for a file that is no public key; storage errors.
    pub fn below(root: &Root, folder: &Path) -> Result<Self> {
        if folder.is_absolute() {
            return Self::read(folder);
        }
        let mut keys = Self::default();
        let prefix = format!("{}/", folder.to_string_lossy().trim_end_matches('/'));
        for entry in root.list(&prefix)? {
            let name = entry.path.strip_prefix(&prefix).unwrap_or(&entry.path);
            // Folders below, such as that of the private key, are none of this one's.
            if name.ends_with(".pem") && !name.contains('/') {
                let bytes = root.read(&entry.path)?;
                keys.add(&String::from_utf8_lossy(&bytes)).map_err(|_| RegistryError::Key {
                    path: entry.path,
                    problem: "no ed25519 public key in PEM".into(),
                })?;
            }
        }
        Ok(keys)
    }

    /// Adds a public key.
    ///
    /// # Errors
    /// [`RegistryError::Key`] for text that is no public key.
    pub fn add(&mut self, pem: &str) -> Result<()> {
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|error| RegistryError::Key {
            path: "public key".into(),
            problem: error.to_string(),
        })?;
        self.keys.insert(key_id(&key), key);
        Ok(())
    }
}

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
    let signature = signer.key.sign(text.as_bytes());
    Folder::new()
        .with(STATEMENT, text)
        .with(SIGNATURE, signature.to_bytes())
        .publish(root, &format!("{path}/signatures/{}", signer.key_id()))
}

/// Verifies a model: sums, statement and the signature of a trusted key. Returns its bundle.
///
/// # Errors
/// [`RegistryError::Sums`] or [`RegistryError::Signature`].
pub fn verify(root: &Root, trusted: &TrustedKeys, task: &str, model_id: &str) -> Result<Folder> {
    let path = model_path(task, model_id);
    let bundle = Folder::read(root, &format!("{path}/bundle"))?;
    let wrong = |problem: &str| RegistryError::Signature {
        model: path.clone(),
        problem: problem.to_owned(),
    };
    let mut last = wrong("no trusted key has signed it");
    for (id, key) in &trusted.keys {
        let place = format!("{path}/signatures/{id}");
        if root.list(&place)?.is_empty() {
            continue;
        }
        let signed = Folder::read(root, &place)?;
        let text = signed.file(STATEMENT)?;
        let signature = Signature::from_slice(signed.file(SIGNATURE)?)
            .map_err(|_| wrong("the signature is not 64 bytes"))?;
        if key.verify_strict(text, &signature).is_err() {
            last = wrong("the signature does not hold");
            continue;
        }
        let told = String::from_utf8_lossy(text);
        let evaluation_id = told
            .lines()
            .find_map(|line| line.strip_prefix("evaluation ")?.split(' ').next())
            .ok_or_else(|| wrong("the statement names no evaluation"))?;
        let evaluation = Folder::read(root, &format!("{path}/evaluation/{evaluation_id}"))?;
        if told == statement(task, model_id, &bundle, (evaluation_id, &evaluation)) {
            return Ok(bundle);
        }
        last = wrong("the statement speaks of other contents");
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(outcome(&case), "model models/t/m: no trusted key has signed it");
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
        assert_eq!(outcome(&case), "model models/t/m: the statement speaks of other contents");
    }

    #[test]
    fn a_stranger_s_signature_does_not_count() {
        let case = case();
        let stranger = Signer::create(&case.directory.path().join("other.pem")).unwrap();
        sign(&case.root, &stranger, "t", "m", "e").unwrap();
        assert_eq!(outcome(&case), "model models/t/m: no trusted key has signed it");
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
        assert_eq!(outcome(&case), "model models/t/m: no trusted key has signed it");
        assert!(sign(&case.root, &next, "t", "m", "e").unwrap());
        assert_eq!(outcome(&case), "ok", "the new key has signed it as well");
    }

    #[test]
    fn trust_without_a_folder_is_none_and_with_a_file_for_one_an_error() {
        let case = case();
        let nowhere = case.directory.path().join("nowhere");
        assert!(TrustedKeys::read(&nowhere).unwrap().keys.is_empty());
        std::fs::write(&nowhere, "").unwrap();
        let error = TrustedKeys::read(&nowhere).unwrap_err().to_string();
        assert!(error.contains("nowhere: Not a directory"), "{error}");
    }

    #[test]
    fn no_key_file_says_so() {
        let error = Signer::read(Path::new("/nowhere/key.pem")).unwrap_err().to_string();
        assert!(error.starts_with("key /nowhere/key.pem: No such file"), "{error}");
    }
}
