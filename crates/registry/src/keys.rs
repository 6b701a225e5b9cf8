//! Keys: the private one that signs, and the public ones whose signatures count. Each is known by its
//! id, the start of the sum of its public half.

use std::collections::BTreeMap;
use std::path::Path;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _};
use ed25519_dalek::pkcs8::{EncodePublicKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use foresite_tables::{Root, sha256_hex};

use crate::{RegistryError, Result};

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
    pub(crate) keys: BTreeMap<String, VerifyingKey>,
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

    /// Makes a key and stores it, readable by its owner only; an existing file is never replaced, and
    /// nobody sees half of a new one.
    ///
    /// # Errors
    /// [`RegistryError::Key`] where it cannot be written, or one is there.
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
        // Under a name of its own first: who finds the key must find all of it.
        let beside = path.with_extension(format!("{}.tmp", key_id(&key.verifying_key())));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .map_err(failed)?;
        let placed = file
            .write_all(pem.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::hard_link(&beside, path));
        drop(std::fs::remove_file(&beside));
        placed.map_err(failed)?;
        Ok(Self { key })
    }

    /// Id of the key: the start of the sum of its public half.
    pub fn key_id(&self) -> String {
        key_id(&self.key.verifying_key())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
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

    /// Whether no key counts.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the key of an id counts.
    pub fn contains(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// The ids of the keys, sorted, as a list for people; `none` where there are none.
    pub fn listed(&self) -> String {
        listed(self.keys.keys().map(String::as_str))
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

/// Ids of keys as a list for people.
pub(crate) fn listed<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<String> = ids.map(|id| format!("`{id}`")).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

/// Whether a text has the form of an id.
pub(crate) fn is_key_id(text: &str) -> bool {
    text.len() == KEY_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::create(&folder.path().join("key.pem")).unwrap();
        let mut trusted = TrustedKeys::default();
        assert_eq!((trusted.is_empty(), trusted.listed()), (true, "none".into()));
        trusted.add(&signer.public_pem().unwrap()).unwrap();
        let id = signer.key_id();
        assert!(is_key_id(&id) && trusted.contains(&id) && !trusted.contains("another"));
        assert_eq!(trusted.listed(), format!("`{id}`"));
        assert!(!is_key_id("no-id-of-a-key\n") && !is_key_id(""));
    }

    #[test]
    fn trust_without_a_folder_is_none_and_with_a_file_for_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        assert!(TrustedKeys::read(&nowhere).unwrap().keys.is_empty());
        std::fs::write(&nowhere, "").unwrap();
        let error = TrustedKeys::read(&nowhere).unwrap_err().to_string();
        assert!(error.contains("nowhere: Not a directory"), "{error}");
    }

    #[test]
    fn of_keys_that_are_made_at_once_one_is_there_and_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private/key.pem");
        let made_or_found =
            || Signer::create(&path).or_else(|_| Signer::read(&path)).unwrap().key_id();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(made_or_found)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let files = std::fs::read_dir(folder.path().join("private")).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside it");
        let error = Signer::create(&path).unwrap_err().to_string();
        assert!(error.contains("File exists"), "{error}");
        assert_eq!(Signer::read(&path).unwrap().key_id(), ids[0], "it is never replaced");
    }

    #[test]
    fn no_key_file_says_so() {
        let error = Signer::read(Path::new("/nowhere/key.pem")).unwrap_err().to_string();
        assert!(error.starts_with("key /nowhere/key.pem: No such file"), "{error}");
    }
}
