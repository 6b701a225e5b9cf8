//! Follows the aliases: what `registry_events` says serves, verified, or else what the last run kept.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foresite_datasets::registry_error;
use foresite_registry::{Alias, TrustedKeys};
use foresite_scoring::{aliases, trusted};
use foresite_stage::Result;
use foresite_tables::Root;

use super::cache::Cache;
use super::{Loaded, Models};
use crate::metrics::Reload;
use crate::service::Service;

/// Share of the time between two looks that is drawn at random, so that replicas do not look together.
const JITTER: f64 = 0.2;

const REVOKED: &str = "it was revoked, and its successor is refused";
const NO_ALIAS: &str = "no alias points to one";

/// Looks after the models of a service, on threads of its own.
#[derive(Debug)]
pub(crate) struct Watcher {
    service: Arc<Service>,
    cache: Option<Cache>,
    /// Held while models are replaced.
    turn: Mutex<()>,
}

impl Watcher {
    pub(crate) fn new(service: Arc<Service>, cache_dir: Option<&Path>) -> Result<Self> {
        let cache = cache_dir.map(|folder| Cache::open(folder, service.task())).transpose()?;
        Ok(Self { service, cache, turn: Mutex::new(()) })
    }

    /// Begins to look, for as long as the process lives.
    pub(crate) fn start(self) -> Result<()> {
        let watcher = Arc::new(self);
        let (told, first) = channel();
        let looking = Arc::clone(&watcher);
        std::thread::Builder::new().name("aliases".into()).spawn(move || {
            loop {
                let is_done = looking.look();
                // Nobody listens after the start.
                let _ = told.send(is_done);
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

    /// One look; whether the data root could be read.
    fn look(&self) -> bool {
        let outcome = self.reload();
        let (reload, is_read) = match &outcome {
            Ok(true) => (Reload::Changed, true),
            Ok(false) => (Reload::Unchanged, true),
            Err(error) if is_refused(error) => (Reload::Refused, true),
            Err(_) => (Reload::Failed, false),
        };
        self.service.metrics().reloaded(reload);
        if let Err(error) = outcome {
            tracing::error!(hint = error.advice().unwrap_or_default(), "{}", error.chain());
            self.service.explain_absence(&error.chain());
        }
        is_read
    }

    /// Whether something changed.
    fn reload(&self) -> Result<bool> {
        let (service, root) = (&self.service, self.service.root());
        let config = service.config();
        let aliases = aliases(root, service.task())?;
        let mut wanted: BTreeMap<Alias, String> = BTreeMap::new();
        if let Some((alias, id)) = aliases.serving() {
            wanted.insert(alias, id.to_owned());
        }
        if let (true, Some(id)) =
            (config.challenger_share.get() > 0.0, aliases.get(Alias::Challenger))
        {
            wanted.insert(Alias::Challenger, id.to_owned());
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = service.models();
        let have: BTreeMap<Alias, String> =
            before.all().map(|loaded| (loaded.alias, loaded.id.clone())).collect();
        if have == wanted && (!have.is_empty() || before.reason == NO_ALIAS) {
            return Ok(false);
        }
        if wanted.is_empty() {
            tracing::warn!(task = service.task(), "no alias points to a model");
            service.replace(Models { reason: NO_ALIAS.into(), ..Models::default() });
            return Ok(true);
        }
        let keys = TrustedKeys::below(root, &config.public_keys).map_err(registry_error)?;
        let refused = self.load(root, &keys, &wanted, &before);
        if let (Some(cache), Ok(())) = (&self.cache, &refused) {
            let kept = cache.keep(root, (service.task(), &config.public_keys), &wanted);
            if let Err(error) = kept {
                tracing::warn!("the models could not be kept for a restart: {}", error.chain());
            }
        }
        // Whoever is revoked serves no longer, also where its successor is refused.
        let before = service.models();
        if before.all().any(|loaded| aliases.is_revoked(&loaded.id)) {
            service.replace(Models { reason: REVOKED.into(), ..Models::default() });
        }
        refused.map(|()| true)
    }

    /// Loads what is not loaded yet. A champion that is refused changes nothing; a challenger that is
    /// refused is left out.
    fn load(
        &self,
        root: &Root,
        keys: &TrustedKeys,
        wanted: &BTreeMap<Alias, String>,
        before: &Models,
    ) -> Result<()> {
        let started = Instant::now();
        let load = |alias: Alias, id: &String| -> Result<Arc<Loaded>> {
            let have = before.all().find(|loaded| loaded.id == *id);
            let package = match have {
                Some(loaded) => Arc::clone(&loaded.package),
                None => Arc::new(trusted(root, keys, self.service.task(), id)?),
            };
            Ok(Arc::new(Loaded { alias, id: id.clone(), package }))
        };
        let mut models = Models::default();
        let mut refused = Ok(());
        for (alias, id) in wanted {
            match (alias, load(*alias, id)) {
                (Alias::Challenger, Ok(loaded)) => models.challenger = Some(loaded),
                (Alias::Challenger, Err(error)) => refused = Err(error),
                (_, loaded) => models.serving = Some(loaded?),
            }
        }
        let is_new = |loaded: &&Arc<Loaded>| !before.all().any(|have| have.id == loaded.id);
        for loaded in models.all().filter(is_new) {
            let (alias, id) = (loaded.alias.word(), loaded.id.as_str());
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(task = self.service.task(), alias, model = id, seconds, "model in use");
        }
        self.service.replace(models);
        refused
    }

    /// The models of the last run, unless the data root was quicker.
    fn take_cached(&self) {
        let Some(cache) = &self.cache else {
            return;
        };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.service.models().serving.is_some() {
            return;
        }
        let taken = cache.aliases().and_then(|mut kept| {
            if self.service.config().challenger_share.get() == 0.0 {
                kept.remove(&Alias::Challenger);
            }
            if kept.is_empty() {
                return Ok(());
            }
            let keys = cache.keys(&self.service.config().public_keys)?;
            self.load(cache.root(), &keys, &kept, &Models::default())?;
            self.service.metrics().reloaded(Reload::Cached);
            tracing::warn!("the data root does not answer: the models of the last run are in use");
            Ok(())
        });
        if let Err(error) = taken {
            tracing::error!("the models of the last run cannot be used: {}", error.chain());
            self.service.explain_absence(&error.chain());
        }
    }
}

/// Whether the data root was read, and what it holds is not to be trusted.
fn is_refused(error: &foresite_stage::StageError) -> bool {
    matches!(error.kind(), foresite_stage::ErrorKind::BadData)
}
