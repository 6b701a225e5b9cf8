//! What the data root knows of the keys: which one an epoch has, never the key itself, and which
//! epochs were erased.

use foresite_schema::catalog::watch;
use foresite_tables::{Error, ErrorKind, Read, Result, Root};
use serde::{Deserialize, Serialize};

use crate::{Epoch, Key};

/// The document of an epoch.
#[derive(Serialize, Deserialize)]
struct Registered {
    key_id: String,
}

fn path(epoch: Epoch) -> String {
    format!("pseudonyms/{epoch}.json")
}

/// Id of the key that the pseudonyms of an epoch were made with; `None` where there are none yet.
///
/// # Errors
/// `BadData` for a document that is none; storage errors.
pub fn key_id(root: &Root, epoch: Epoch) -> Result<Option<String>> {
    let path = path(epoch);
    if !root.exists(&path)? {
        return Ok(None);
    }
    let registered: Registered = serde_json::from_slice(&root.read(&path)?)
        .map_err(|error| Error::new(ErrorKind::BadData, format!("{path}: {error}")))?;
    Ok(Some(registered.key_id))
}

/// Writes down that an epoch has this key, before its first pseudonym is made; of several keys one
/// wins.
///
/// # Errors
/// As [`require`]; storage errors.
pub fn enter(root: &Root, epoch: Epoch, key: &Key) -> Result<()> {
    let document = serde_json::to_vec(&Registered { key_id: key.id() })
        .map_err(|error| Error::new(ErrorKind::BadData, error.to_string()))?;
    root.write_new(&path(epoch), document)?;
    require(root, epoch, key)
}

/// Whether the key is the one that the epoch has.
///
/// # Errors
/// `BadData` where it is another one.
pub fn require(root: &Root, epoch: Epoch, key: &Key) -> Result<()> {
    match key_id(root, epoch)? {
        Some(known) if known != key.id() => {
            let message =
                format!("pseudonyms of epoch {epoch}: expected key {known}, got key {}", key.id());
            Err(Error::new(ErrorKind::BadData, message)
                .hint("name the folder that holds the key, or restore it from its back-up"))
        }
        _ => Ok(()),
    }
}

/// Whether the erasure of an epoch is written down.
///
/// # Errors
/// Storage errors.
pub fn is_erased(root: &Root, epoch: Epoch) -> Result<bool> {
    let Some(table) = root.find(watch::erasures())? else { return Ok(false) };
    let read = Read::all().columns(["epoch"]).text("epoch", &epoch.to_string());
    Ok(table.read_all(&read)?.num_rows() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_the_key_that_was_entered_first() {
        let place = tempfile::TempDir::new().unwrap();
        let root = Root::open(place.path().to_str().unwrap()).unwrap();
        let epoch = "2026-01-01".parse().unwrap();
        let [one, other] = [1, 2].map(|byte| Key::new([byte; 32]));
        assert_eq!(key_id(&root, epoch).unwrap(), None);
        require(&root, epoch, &other).unwrap();
        enter(&root, epoch, &one).unwrap();
        enter(&root, epoch, &one).unwrap();
        assert_eq!(key_id(&root, epoch).unwrap(), Some(one.id()));
        let error = enter(&root, epoch, &other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        assert!(error.to_string().contains("2026-01-01"), "{error}");
    }
}
