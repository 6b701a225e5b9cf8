//! Which key signs: one that is trusted already, or the first of a data root.
//!
//! Whoever serves goes by the folder of public keys. A key that somebody took out of it must not come
//! back by signing, and one that nobody trusts must sign nothing: its models would serve nowhere.

use std::path::{Path, PathBuf};

use foresite_registry::{RegistryError, Signer, TrustedKeys, verify};
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::Root;

use crate::{Args, Config, registry_error};

/// File of the first key's public half. It has one name whatever the key, and is never replaced: of
/// two keys that are first at once one gets it.
const FIRST: &str = "first.pem";

/// A key that may sign.
pub(crate) struct Key<'a> {
    path: PathBuf,
    /// `None` where it is still to be made.
    signer: Option<Signer>,
    /// Folder of the public keys.
    folder: &'a Path,
    /// Why its public half is put there; `None` where it lies there.
    added: Option<Added>,
}

/// Why a key is trusted from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// It is the first of the data root.
    First,
    /// Somebody said so.
    Told,
}

impl<'a> Key<'a> {
    /// Chooses the key and writes nothing.
    ///
    /// # Errors
    /// `Usage` for a key that cannot be read or is not trusted; storage errors.
    pub(crate) fn choose(cx: &Context, config: &'a Config, args: &Args) -> Result<Self> {
        let folder = config.public_keys.as_path();
        let trusted = || TrustedKeys::below(cx.root(), folder).map_err(registry_error);
        let may_write = !folder.is_absolute();
        let was_first = may_write && trusted()?.is_empty() && is_unsigned(cx)?;
        // Again: a run beside this one may be first by now; its key is there before it signs.
        let trusted = trusted()?;
        let added = if may_write && args.trust_key {
            Some(Added::Told)
        } else {
            (was_first && trusted.is_empty()).then_some(Added::First)
        };
        let path = place(cx, config, args)?;
        if added.is_some() && config.create_missing_key && !path.exists() {
            return Ok(Self { path, signer: None, folder, added });
        }
        let signer = read(&path)?;
        let id = signer.key_id();
        if trusted.contains(&id) {
            if args.trust_key {
                tracing::warn!(key = id, "--trust-key changes nothing: the key is trusted already");
            }
            return Ok(Self { path, signer: Some(signer), folder, added: None });
        }
        if added.is_none() {
            return Err(untrusted_signer(&id, folder, &trusted));
        }
        Ok(Self { path, signer: Some(signer), folder, added })
    }

    /// The key, made where it has to be, and trusted from now on.
    ///
    /// # Errors
    /// `Usage` where it cannot be made, and where another key is the first by now; storage errors.
    pub(crate) fn take(self, cx: &Context) -> Result<Signer> {
        let signer = match self.signer {
            Some(signer) => signer,
            None => made(&self.path)?,
        };
        if let Some(added) = self.added {
            trust(cx.root(), self.folder, &signer, added)?;
        }
        Ok(signer)
    }
}

/// That a model may serve again: a key that is trusted now has signed it.
///
/// # Errors
/// `Usage` where none has, as for a promotion; `BadData` where bundle or signature do not hold;
/// storage errors.
pub(crate) fn require_trusted(cx: &Context, config: &Config, model_id: &str) -> Result<()> {
    let folder = config.public_keys.as_path();
    let trusted = TrustedKeys::below(cx.root(), folder).map_err(registry_error)?;
    let refused = match verify(cx.root(), &trusted, cx.task()?, model_id) {
        Ok(_) => return Ok(()),
        Err(RegistryError::Untrusted { signers, .. }) => untrusted(&signers, folder, &trusted)
            .hint("name a model of a trusted key by --model, or promote this one, which signs it"),
        Err(error) => registry_error(error),
    };
    Err(refused.while_doing(format!("rollback to model `{model_id}`")))
}

/// Whether a signature of a key that is trusted now holds.
///
/// # Errors
/// `BadData` where the bundle is not what its sums say; storage errors.
pub(crate) fn is_signed(cx: &Context, config: &Config, model_id: &str) -> Result<bool> {
    let trusted =
        TrustedKeys::below(cx.root(), config.public_keys.as_path()).map_err(registry_error)?;
    match verify(cx.root(), &trusted, cx.task()?, model_id) {
        Ok(_) => Ok(true),
        Err(RegistryError::Untrusted { .. } | RegistryError::Signature { .. }) => Ok(false),
        Err(error) => Err(registry_error(error)),
    }
}

/// Puts the public half of a key among the trusted ones.
fn trust(root: &Root, folder: &Path, signer: &Signer, added: Added) -> Result<()> {
    let id = signer.key_id();
    let file = match added {
        Added::First => folder.join(FIRST),
        Added::Told => folder.join(format!("{id}.pem")),
    };
    let pem = signer.public_pem().map_err(registry_error)?;
    if root.write_new(&file.to_string_lossy(), pem)? {
        tracing::warn!(key = id, file = %file.display(), "the signing key is trusted from now on");
        return Ok(());
    }
    // A run beside this one was faster: with the same key, or with another one.
    let trusted = TrustedKeys::below(root, folder).map_err(registry_error)?;
    match trusted.contains(&id) {
        true => Ok(()),
        false => Err(untrusted_signer(&id, folder, &trusted)),
    }
}

/// Whether no model of the data root was ever signed: a key that was taken away leaves its signatures.
fn is_unsigned(cx: &Context) -> Result<bool> {
    let models = cx.root().list("models/")?;
    Ok(!models.iter().any(|file| file.path.contains("/signatures/")))
}

fn place(cx: &Context, config: &Config, args: &Args) -> Result<PathBuf> {
    let given = args.signing_key.clone().or_else(|| config.signing_key.clone());
    if let Some(path) = given {
        return Ok(path);
    }
    // A private key does not belong on a store that many read.
    cx.root().local_path("keys/private/promote.pem").map_err(|error| {
        StageError::from(error).while_doing("find the signing key").hint(
            "pass --signing-key or set FORESITE_SIGNING_KEY: \
             only a local data root has a place for it",
        )
    })
}

/// The key that is made at a path: by this run, or by one beside it that was faster.
fn made(path: &Path) -> Result<Signer> {
    tracing::warn!(path = %path.display(), "no signing key is there: making one");
    match Signer::create(path) {
        Err(_) if path.exists() => read(path),
        made => made.map_err(registry_error),
    }
}

fn read(path: &Path) -> Result<Signer> {
    Signer::read(path).map_err(|error| {
        registry_error(error).hint(
            "name the key by --signing-key or FORESITE_SIGNING_KEY; where it is lost for good, \
             --trust-key lets another one sign",
        )
    })
}

/// That nobody goes by these keys, a list for people.
fn untrusted(keys: &str, folder: &Path, trusted: &TrustedKeys) -> StageError {
    let (place, trusted) = (folder.display(), trusted.listed());
    let message = format!("signing key {keys}: not trusted; keys in `{place}`: {trusted}");
    StageError::new(ErrorKind::Usage, message)
}

fn untrusted_signer(id: &str, folder: &Path, trusted: &TrustedKeys) -> StageError {
    let place = folder.display();
    let hint = if folder.is_absolute() {
        format!(
            "sign with a key that is trusted, or put the public half of this one into `{place}`"
        )
    } else {
        "sign with a key that is trusted; one that is new and yours becomes so by --trust-key"
            .to_owned()
    };
    untrusted(&format!("`{id}`"), folder, trusted).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_keys_that_are_first_at_once_one_is_trusted() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path().to_str().unwrap()).unwrap();
        let folder = Path::new("keys");
        let key =
            |n: usize| Signer::create(&place.path().join(format!("private/{n}.pem"))).unwrap();
        let signers: Vec<Signer> = (0..4).map(key).collect();
        let first = |signer: &Signer| trust(&root, folder, signer, Added::First);
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                signers.iter().map(|signer| scope.spawn(move || first(signer))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        let trusted = TrustedKeys::below(&root, folder).unwrap().listed();
        assert_eq!(trusted, format!("`{}`", signers[winner].key_id()));
        for (at, outcome) in outcomes.into_iter().enumerate().filter(|(at, _)| *at != winner) {
            let error = outcome.unwrap_err();
            let id = signers[at].key_id();
            let expected = format!("signing key `{id}`: not trusted; keys in `keys`: {trusted}");
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Usage, expected));
        }
        first(&signers[winner]).unwrap();
        let other = (winner + 1) % signers.len();
        trust(&root, folder, &signers[other], Added::Told).unwrap();
        let trusted = TrustedKeys::below(&root, folder).unwrap();
        assert!(trusted.contains(&signers[other].key_id()), "{}", trusted.listed());
    }
}
