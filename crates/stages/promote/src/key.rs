//! Which key signs: one that is trusted already, or the first of a data root.
//!
//! Whoever serves goes by the folder of public keys. A key that somebody took out of it must not come
//! back by signing, and one that nobody trusts must sign nothing: its models would serve nowhere.

use std::path::{Path, PathBuf};

use foresite_registry::{Signer, TrustedKeys};
use foresite_stage::{Context, ErrorKind, Result, StageError};

use crate::{Args, Config, registry_error};

/// A key that may sign.
pub(crate) struct Key<'a> {
    path: PathBuf,
    /// `None` where it is still to be made.
    signer: Option<Signer>,
    /// Where its public half is to be put.
    added_to: Option<&'a Path>,
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
        let may_add = may_write && (args.trust_key || (was_first && trusted.is_empty()));
        let path = place(cx, config, args)?;
        let added_to = may_add.then_some(folder);
        if may_add && config.create_missing_key && !path.exists() {
            return Ok(Self { path, signer: None, added_to });
        }
        let signer = read(&path)?;
        let id = signer.key_id();
        if trusted.contains(&id) {
            return Ok(Self { path, signer: Some(signer), added_to: None });
        }
        if may_add {
            return Ok(Self { path, signer: Some(signer), added_to });
        }
        Err(untrusted(&id, folder, &trusted))
    }

    /// The key, made where it has to be, and trusted from now on.
    ///
    /// # Errors
    /// `Usage` where it cannot be made; storage errors.
    pub(crate) fn take(self, cx: &Context) -> Result<Signer> {
        let signer = match self.signer {
            Some(signer) => signer,
            None => made(&self.path)?,
        };
        if let Some(folder) = self.added_to {
            let id = signer.key_id();
            let public = folder.join(format!("{id}.pem"));
            let pem = signer.public_pem().map_err(registry_error)?;
            cx.root().write_new(&public.to_string_lossy(), pem)?;
            tracing::warn!(key = id, "the signing key is trusted from now on");
        }
        Ok(signer)
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

fn untrusted(id: &str, folder: &Path, trusted: &TrustedKeys) -> StageError {
    let (place, trusted) = (folder.display(), trusted.listed());
    let message = format!("signing key `{id}`: not trusted; keys in `{place}`: {trusted}");
    let hint = if folder.is_absolute() {
        format!(
            "sign with a key that is trusted, or put the public half of this one into `{place}`"
        )
    } else {
        "sign with a key that is trusted; one that is new and yours becomes so by --trust-key"
            .to_owned()
    };
    StageError::new(ErrorKind::Usage, message).hint(hint)
}
