//! What outlives a restart: the copy that is kept of the models in use, and what is taken from it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use foresite_registry::{Alias, TrustedKeys};
use foresite_stage::Result;
use foresite_tables::Root;

use super::load::loaded;
use super::{NO_ALIAS, ON_COPY, ON_ROOT, Turn, Watcher, doubt};
use crate::in_time::PATIENCE;
use crate::metrics::Reload;
use crate::model::Models;
use crate::model::cache::Cache;
use crate::service::Service;

/// How long a look waits until models are copied; they come from the data root.
const COPYING: Duration = Duration::from_secs(120);
/// How long the bundles of the copy may take; a data root that is back waits as long.
const READING: Duration = Duration::from_secs(15);

impl Watcher {
    /// Copies the models in use, for a restart while the data root is away. What fails is tried again
    /// with the next look.
    pub(super) fn keep(&self, turn: &mut Turn) {
        let in_use = self.service.models().ids();
        if in_use.is_empty() || (in_use == turn.kept && !turn.owes) {
            return;
        }
        let Some(cache) = &self.cache else {
            return;
        };
        let (service, models) = (Arc::clone(&self.service), in_use.clone());
        let kept = cache.within(COPYING, move |cache| {
            let keys = service.config().public_keys.as_path();
            cache.keep(service.root(), (service.task(), keys), &models)
        });
        match kept {
            Ok(()) => {
                turn.kept = in_use;
                // All others went.
                turn.owes = false;
            }
            Err(error) => {
                tracing::warn!("the models could not be kept for a restart: {}", error.chain());
            }
        }
    }

    /// Takes models out of the copy, by the root that it is and their ids; whether it let them go.
    pub(super) fn forget(&self, is_gone: impl Fn(&Root, &str) -> bool + Send + 'static) -> bool {
        let Some(cache) = &self.cache else {
            return true;
        };
        let task = self.service.task().to_owned();
        let forgotten = cache
            .within(PATIENCE, move |cache| cache.forget(&task, |id| is_gone(cache.root(), id)));
        if let Err(error) = &forgotten {
            tracing::error!("the copy for a restart keeps what it should not: {}", error.chain());
            // At once: the data root may hang before the look ends.
            self.note_debt(true);
        }
        forgotten.is_ok()
    }

    /// Tells a restart whether the copy may hold what it should have let go of.
    pub(super) fn note_debt(&self, owes: bool) {
        let noted = self.cache.as_ref().map_or(Ok(()), |cache| cache.note_debt(owes));
        if let Err(error) = noted {
            let error = error.chain();
            tracing::error!(owes, "a restart is not told what the copy may hold: {error}");
        }
    }

    /// Takes out of the copy what these keys have not signed, and everything where nothing is
    /// wanted; whether it let them go.
    pub(super) fn forget_untrusted(
        &self,
        keys: &TrustedKeys,
        wanted: &BTreeMap<Alias, String>,
    ) -> bool {
        if self.cache.is_some() {
            self.waits_no_longer(ON_ROOT, ON_COPY);
        }
        let (keys, task) = (keys.clone(), self.service.task().to_owned());
        let is_nothing_wanted = wanted.is_empty();
        let is_forgotten = self.forget(move |root, id| {
            is_nothing_wanted || !matches!(doubt(root, &keys, &task, id), Ok(None))
        });
        self.waits_no_longer(ON_COPY, ON_ROOT);
        is_forgotten
    }

    /// A start that waited for one thing waits for another one now.
    fn waits_no_longer(&self, before: &str, now: &str) {
        if self.service.models().reason == before {
            self.service.explain_absence(now);
        }
    }

    /// The models of the last run, unless the data root was quicker, and had some that can be used.
    pub(super) fn take_cached(&self) {
        let Some(cache) = &self.cache else {
            return;
        };
        // Until they are in use: what is revoked meanwhile must not come back.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.service.models();
        if before.serving.is_some() || before.reason == NO_ALIAS {
            return;
        }
        if turn.owes {
            tracing::error!("nothing is taken from the copy for a restart: it keeps too much");
            return;
        }
        self.service.explain_absence(ON_COPY);
        let started = Instant::now();
        let (service, keys) = (Arc::clone(&self.service), turn.keys.clone());
        let read = cache.within(READING, move |cache| last_run(&service, cache, keys));
        match read {
            Ok(Some(taken)) => self.go_on_with(taken, started),
            Ok(None) => {
                tracing::warn!("the data root has no model to use now, and none was kept");
                self.service.explain_absence(&before.reason);
            }
            Err(error) => {
                tracing::error!("the models of the last run cannot be used: {}", error.chain());
                self.service.explain_absence(&error.chain());
            }
        }
    }

    /// Uses the models of the last run, and says why a challenger is left out, where one is.
    fn go_on_with(&self, (models, refused): (Models, Result<()>), started: Instant) {
        self.take_into_use(models, &Models::default(), started);
        self.service.metrics().reloaded(Reload::Cached);
        tracing::warn!("the models of the last run are in use until the data root has others");
        if let Err(error) = refused {
            tracing::error!("the challenger of the last run is left out: {}", error.chain());
        }
    }
}

/// The models of the copy, verified, if it has any, and why its challenger is refused, where it is.
/// Without keys those of the copy count.
fn last_run(
    service: &Service,
    cache: &Cache,
    keys: Option<TrustedKeys>,
) -> Result<Option<(Models, Result<()>)>> {
    let config = service.config();
    let mut kept = cache.aliases()?;
    if config.challenger_share.get() == 0.0 {
        kept.remove(&Alias::Challenger);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let keys = keys.map_or_else(|| cache.keys(&config.public_keys), Ok)?;
    loaded(cache.root(), &keys, service.task(), &kept, &Models::default()).map(Some)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::config::Config;

    /// A named pipe that nobody writes to stands for a file on storage that does not answer.
    #[test]
    fn a_copy_that_answers_leaves_the_data_root_as_the_reason() {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let keys = TrustedKeys::below(&root, Path::new("keys")).unwrap();
        let service = Arc::new(Service::start("toy", Config::default(), root).unwrap());
        let watcher = Watcher::new(Arc::clone(&service), Some(cache.path())).unwrap();
        let reason = || service.models().reason.clone();
        assert_eq!(reason(), ON_ROOT);
        let aliases = cache.path().join("toy/aliases.json");
        assert!(Command::new("mkfifo").arg(&aliases).status().unwrap().success());
        std::thread::scope(|scope| {
            scope.spawn(|| watcher.forget_untrusted(&keys, &BTreeMap::new()));
            for _ in 0..5_000 {
                if reason() == ON_COPY {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(reason(), ON_COPY);
            let pipe = std::fs::File::options().read(true).write(true).open(&aliases).unwrap();
            std::fs::remove_file(&aliases).unwrap();
            drop(pipe);
        });
        assert_eq!(reason(), ON_ROOT);
    }
}
