//! The copy of the last verified models, so that a restart survives a data root that is away.
//!
//! It has the layout of a data root and is verified like one whenever it is read: a copy that
//! somebody changed serves no more than a changed original.

mod debt;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use foresite_datasets::registry_error;
use foresite_registry::{Alias, TrustedKeys, model_path};
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Root;

use self::debt::Debt;
use crate::in_time::{PATIENCE, in_time};

/// What the aliases were when the copy was made.
const ALIASES: &str = "aliases.json";
const KEYS: &str = "keys";
/// What messages call it.
const COPY: &str = "the copy in --cache-dir";

/// The way to the cache, for those who must not hang with its storage.
#[derive(Debug)]
pub(crate) struct Keeper {
    cache: Arc<Mutex<Cache>>,
    debt: Arc<Debt>,
}

impl Keeper {
    /// The cache in a folder, created where it is missing.
    ///
    /// # Errors
    /// Those of [`Cache::open`]; `Transient` where storage does not answer.
    pub(crate) fn open(folder: &Path, task: &str) -> Result<Self> {
        let what = format!("cache {}", folder.display());
        let (folder, task) = (folder.to_owned(), task.to_owned());
        let (cache, debt) = in_time(&what, PATIENCE, move || {
            let cache = Cache::open(&folder, &task)?;
            let debt = Debt::open(&cache.folder, &cache.root);
            Ok((cache, debt))
        })?;
        Ok(Self { cache: Arc::new(Mutex::new(cache)), debt: Arc::new(debt) })
    }

    /// Whether the copy may hold what it should have let go of, since this process or one before.
    pub(crate) fn owes(&self) -> bool {
        self.debt.is_owed()
    }

    /// Tells a restart whether the copy may hold what it should have let go of.
    ///
    /// # Errors
    /// Those of storage; `Transient` where it does not answer.
    pub(crate) fn note_debt(&self, owes: bool) -> Result<()> {
        self.debt.note(owes)
    }

    /// What `work` makes of the cache within that time.
    ///
    /// # Errors
    /// Those of `work`; `Transient` where storage does not answer, at once where an earlier call still
    /// waits for it.
    pub(crate) fn within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&Cache) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let cache = Arc::clone(&self.cache);
        in_time(COPY, patience, move || match cache.try_lock() {
            Ok(cache) => work(&cache),
            // Who panicked has changed nothing here: all of it lies in files.
            Err(TryLockError::Poisoned(cache)) => work(&cache.into_inner()),
            Err(TryLockError::WouldBlock) => Err(not_answered()),
        })
    }
}

/// Somebody waits for storage already.
fn not_answered() -> StageError {
    let text = format!("{COPY}: storage has not answered an earlier call yet");
    StageError::new(ErrorKind::Transient, text)
}

/// The folder of the copies of one task.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    root: Root,
}

impl Cache {
    /// The cache in a folder, created where it is missing.
    ///
    /// # Errors
    /// `CannotWrite` where the folder cannot be made.
    fn open(folder: &Path, task: &str) -> Result<Self> {
        let folder = folder.join(task);
        std::fs::create_dir_all(&folder).map_err(|error| {
            StageError::from(error).while_doing(format!("cache {}", folder.display()))
        })?;
        let folder = folder.canonicalize()?;
        let root = Root::open(&folder.to_string_lossy())?;
        Ok(Self { folder, root })
    }

    /// The copy as a data root.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The keys that were trusted; those of a local folder are read where they are.
    pub(crate) fn keys(&self, public_keys: &Path) -> Result<TrustedKeys> {
        let folder = if public_keys.is_absolute() { public_keys } else { Path::new(KEYS) };
        TrustedKeys::below(&self.root, folder).map_err(registry_error)
    }

    /// Aliases and model ids of the copy; none where nothing was kept yet.
    pub(crate) fn aliases(&self) -> Result<BTreeMap<Alias, String>> {
        if !self.root.exists(ALIASES)? {
            return Ok(BTreeMap::new());
        }
        let read: BTreeMap<String, String> = serde_json::from_slice(&self.root.read(ALIASES)?)?;
        let known = |(word, id): (String, String)| Some((word.parse().ok()?, id));
        Ok(read.into_iter().filter_map(known).collect())
    }

    /// Keeps these models and forgets all others. The aliases are written last.
    pub(crate) fn keep(
        &self,
        from: &Root,
        (task, public_keys): (&str, &Path),
        aliases: &BTreeMap<Alias, String>,
    ) -> Result<()> {
        for id in aliases.values() {
            self.copy(from, &model_path(task, id))?;
        }
        if !public_keys.is_absolute() {
            let prefix = format!("{}/", public_keys.to_string_lossy().trim_end_matches('/'));
            for entry in from.list(&prefix)? {
                let name = entry.path.strip_prefix(&prefix).unwrap_or(&entry.path);
                if name.ends_with(".pem") && !name.contains('/') {
                    self.root.write(&format!("{KEYS}/{name}"), from.read(&entry.path)?)?;
                }
            }
        }
        self.note(aliases)?;
        self.forget_others(task, aliases)
    }

    /// Forgets models that may serve no longer: a restart must not bring them back.
    pub(crate) fn forget(&self, task: &str, is_gone: impl Fn(&str) -> bool) -> Result<()> {
        let mut aliases = self.aliases()?;
        let before = aliases.len();
        aliases.retain(|_, id| !is_gone(id));
        if aliases.len() == before {
            return Ok(());
        }
        self.note(&aliases)?;
        self.forget_others(task, &aliases)
    }

    fn note(&self, aliases: &BTreeMap<Alias, String>) -> Result<()> {
        let words: BTreeMap<&str, &str> =
            aliases.iter().map(|(alias, id)| (alias.word(), id.as_str())).collect();
        Ok(self.root.write(ALIASES, serde_json::to_vec(&words)?)?)
    }

    fn copy(&self, from: &Root, path: &str) -> Result<()> {
        for entry in from.list(path)? {
            self.root.write(&entry.path, from.read(&entry.path)?)?;
        }
        Ok(())
    }

    fn forget_others(&self, task: &str, aliases: &BTreeMap<Alias, String>) -> Result<()> {
        let models = self.folder.join("models").join(task);
        if !models.is_dir() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&models)? {
            let entry = entry?;
            let name = entry.file_name();
            if !aliases.values().any(|id| name.to_str() == Some(id)) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}
