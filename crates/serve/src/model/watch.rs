//! Follows the aliases: what `registry_events` says serves, verified, or else what the last run kept.
//!
//! Whoever is revoked, or was signed by a key that is no longer there, serves no longer, whatever
//! becomes of its successor. A successor that is refused changes nothing else.

mod load;
mod restart;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foresite_datasets::registry_error;
use foresite_registry::{Alias, Aliases, TrustedKeys, verify};
use foresite_scoring::aliases;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Root;

use self::load::loaded;
use super::cache::Keeper;
use super::{Loaded, Models};
use crate::metrics::Reload;
use crate::service::Service;

/// Share of the time between two looks that is drawn at random, so that replicas do not look together.
const JITTER: f64 = 0.2;

const REVOKED: &str = "it was revoked, and no successor is in use";
const UNTRUSTED: &str = "the key that signed it is not trusted any more";
const NO_ALIAS: &str = "no alias points to one";

// What a start waits for, while it waits.
const ON_FOLDER: &str = "the folder of --cache-dir has not answered yet";
const ON_ROOT: &str = "the data root has not answered yet";
const ON_COPY: &str = "the copy in --cache-dir has not answered yet";

/// Looks after the models of a service, on threads of its own.
#[derive(Debug)]
pub(crate) struct Watcher {
    service: Arc<Service>,
    cache: Option<Keeper>,
    /// Held while models are replaced.
    turn: Mutex<Turn>,
}

/// What the last look left behind.
#[derive(Debug, Default)]
struct Turn {
    /// The keys that the models in use were verified with.
    keys: Option<TrustedKeys>,
    /// The models whose copy for a restart is whole.
    kept: BTreeMap<Alias, String>,
    /// Whether the copy may hold what it should have let go of; it lies beside the copy too.
    owes: bool,
}

impl Watcher {
    /// Opens the copy for a restart, and does without it where its storage does not answer.
    pub(crate) fn new(service: Arc<Service>, cache_dir: Option<&Path>) -> Result<Self> {
        service.explain_absence(ON_FOLDER);
        let opened = cache_dir.map(|folder| Keeper::open(folder, service.task())).transpose();
        let cache = match opened {
            Err(error) if error.kind() == ErrorKind::Transient => {
                tracing::error!("nothing is kept for a restart: {}", error.chain());
                None
            }
            opened => opened?,
        };
        service.explain_absence(ON_ROOT);
        let owes = cache.as_ref().is_some_and(Keeper::owes);
        Ok(Self { service, cache, turn: Mutex::new(Turn { owes, ..Turn::default() }) })
    }

    /// Begins to look, for as long as the process lives.
    pub(crate) fn start(self) -> Result<()> {
        let watcher = Arc::new(self);
        let (told, first) = channel();
        let looking = Arc::clone(&watcher);
        std::thread::Builder::new().name("aliases".into()).spawn(move || {
            loop {
                let is_answered = looking.look();
                // Nobody listens after the start.
                let _ = told.send(is_answered);
                std::thread::sleep(looking.pause());
            }
        })?;
        std::thread::Builder::new().name("cache".into()).spawn(move || {
            let patience = Duration::from_secs_f64(watcher.service.config().cache_after_seconds);
            match first.recv_timeout(patience) {
                Ok(true) | Err(RecvTimeoutError::Disconnected) => {}
                Ok(false) | Err(RecvTimeoutError::Timeout) => watcher.take_cached(),
            }
        })?;
        Ok(())
    }

    fn pause(&self) -> Duration {
        let seconds = self.service.config().poll_seconds;
        // Every state of the standard library's hashes is drawn anew.
        let drawn = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        Duration::from_secs_f64(seconds * (1.0 - JITTER * drawn))
    }

    /// One look; whether the data root said what serves, and that can be used.
    fn look(&self) -> bool {
        // A bundle that brings its reader down must not end the looking.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.reload())).unwrap_or_else(|_| {
            let text = "the models cannot be read; the line before says why";
            Err(StageError::new(ErrorKind::Internal, text))
        });
        let reload = match &outcome {
            Ok(true) => Reload::Changed,
            Ok(false) => Reload::Unchanged,
            Err(error) if is_refused(error) => Reload::Refused,
            Err(_) => Reload::Failed,
        };
        self.service.metrics().reloaded(reload);
        if let Err(error) = outcome {
            tracing::error!(hint = error.advice().unwrap_or_default(), "{}", error.chain());
            self.service.explain_absence(&error.chain());
            return self.service.models().serving.is_some();
        }
        true
    }

    /// Whether something changed.
    fn reload(&self) -> Result<bool> {
        let aliases = aliases(self.service.root(), self.service.task())?;
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = self.follow(&self.wanted(&aliases), &mut turn);
        // Only now, so that a good successor takes over without a pause.
        self.let_go(|id| aliases.is_revoked(id), REVOKED);
        let is_forgotten = self.forget(move |_, id| aliases.is_revoked(id));
        turn.owes |= !is_forgotten;
        self.keep(&mut turn);
        self.note_debt(turn.owes);
        followed
    }

    /// The models that shall be in use.
    fn wanted(&self, aliases: &Aliases) -> BTreeMap<Alias, String> {
        let mut wanted = BTreeMap::new();
        if let Some((alias, id)) = aliases.serving() {
            wanted.insert(alias, id.to_owned());
        }
        if self.service.config().challenger_share.get() > 0.0
            && let Some(id) = aliases.get(Alias::Challenger)
        {
            wanted.insert(Alias::Challenger, id.to_owned());
        }
        wanted
    }

    /// Takes the wanted models into use; whether something changed. A champion that is refused
    /// changes nothing; a challenger that is refused is left out.
    fn follow(&self, wanted: &BTreeMap<Alias, String>, turn: &mut Turn) -> Result<bool> {
        let (service, root) = (&self.service, self.service.root());
        let folder = service.config().public_keys.as_path();
        let keys = TrustedKeys::below(root, folder).map_err(registry_error)?;
        if turn.keys.as_ref() != Some(&keys) {
            self.distrust(&keys)?;
            turn.owes = true;
            if turn.keys.replace(keys.clone()).is_some() {
                tracing::info!(task = service.task(), "other keys are trusted");
                // Copied again, with the signatures that count now.
                turn.kept.clear();
            }
        }
        if turn.owes {
            turn.owes = !self.forget_untrusted(&keys, wanted);
        }
        let before = service.models();
        let have = before.ids();
        if have == *wanted && (!have.is_empty() || before.reason == NO_ALIAS) {
            return Ok(false);
        }
        if wanted.is_empty() {
            tracing::warn!(task = service.task(), "no alias points to a model");
            service.replace(Models { reason: NO_ALIAS.into(), ..Models::default() });
            turn.owes = !self.forget(|_, _| true);
            turn.kept.clear();
            return Ok(true);
        }
        let started = Instant::now();
        let (models, refused) = loaded(root, &keys, service.task(), wanted, &before)?;
        self.take_into_use(models, &before, started);
        refused.map(|()| true)
    }

    /// Other keys: whoever is in use must be signed by one of them too.
    fn distrust(&self, keys: &TrustedKeys) -> Result<()> {
        let service = &self.service;
        let mut gone = BTreeSet::new();
        for loaded in service.models().all() {
            if let Some(error) = doubt(service.root(), keys, service.task(), &loaded.id)? {
                tracing::error!(model = loaded.id.as_str(), "out of use: {}", error.chain());
                gone.insert(loaded.id.clone());
            }
        }
        self.let_go(|id| gone.contains(id), UNTRUSTED);
        Ok(())
    }

    /// Takes models out of use.
    fn let_go(&self, is_gone: impl Fn(&str) -> bool, reason: &str) {
        let before = self.service.models();
        if before.all().any(|loaded| is_gone(&loaded.id)) {
            self.service.replace(before.without(&is_gone, reason));
        }
    }

    /// Uses these models from now on, and says which of them are new.
    fn take_into_use(&self, models: Models, before: &Models, started: Instant) {
        let is_new = |loaded: &&Arc<Loaded>| !before.all().any(|have| have.id == loaded.id);
        for loaded in models.all().filter(is_new) {
            let (alias, id) = (loaded.alias.word(), loaded.id.as_str());
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(task = self.service.task(), alias, model = id, seconds, "model in use");
        }
        self.service.replace(models);
    }
}

/// Why a model is not to be trusted, where it is not.
fn doubt(root: &Root, keys: &TrustedKeys, task: &str, id: &str) -> Result<Option<StageError>> {
    match verify(root, keys, task, id).map_err(registry_error) {
        Ok(_) => Ok(None),
        Err(error) if is_refused(&error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Whether the data root was read, and what it holds is not to be trusted.
fn is_refused(error: &StageError) -> bool {
    matches!(error.kind(), ErrorKind::BadData)
}
