//! What outlives a restart: the copy that is kept of the models in use, and what is taken from it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use foresite_registry::Alias;
use foresite_tables::Root;

use super::{NO_ALIAS, ON_COPY, Turn, Watcher};
use crate::in_time::PATIENCE;
use crate::metrics::Reload;
use crate::model::Models;

/// How long a look waits until models are copied; they come from the data root.
const COPYING: Duration = Duration::from_secs(120);

impl Watcher {
    /// Copies the models in use, for a restart while the data root is away. What fails is tried again
    /// with the next look.
    pub(super) fn keep(&self, turn: &mut Turn) {
        let in_use = self.service.models().ids();
        let Some(cache) = self.cache.as_ref().filter(|_| !in_use.is_empty() && in_use != turn.kept)
        else {
            return;
        };
        let (service, models) = (Arc::clone(&self.service), in_use.clone());
        let kept = cache.within(COPYING, move |cache| {
            let keys = service.config().public_keys.as_path();
            cache.keep(service.root(), (service.task(), keys), &models)
        });
        match kept {
            Ok(()) => turn.kept = in_use,
            Err(error) => {
                tracing::warn!("the models could not be kept for a restart: {}", error.chain());
            }
        }
    }

    /// Takes models out of the copy, by the root that it is and their ids.
    pub(super) fn forget(&self, is_gone: impl Fn(&Root, &str) -> bool + Send + 'static) {
        let Some(cache) = &self.cache else {
            return;
        };
        let task = self.service.task().to_owned();
        let forgotten = cache
            .within(PATIENCE, move |cache| cache.forget(&task, |id| is_gone(cache.root(), id)));
        if let Err(error) = forgotten {
            tracing::error!("the copy for a restart keeps what it should not: {}", error.chain());
        }
    }

    /// The models of the last run, unless the data root was quicker, and had some that can be used.
    pub(super) fn take_cached(&self) {
        let Some(cache) = &self.cache else {
            return;
        };
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.service.models();
        if before.serving.is_some() || before.reason == NO_ALIAS {
            return;
        }
        self.service.explain_absence(ON_COPY);
        let (service, keys) = (Arc::clone(&self.service), turn.keys.clone());
        let read = cache.within(PATIENCE, move |cache| {
            let mut kept = cache.aliases()?;
            if service.config().challenger_share.get() == 0.0 {
                kept.remove(&Alias::Challenger);
            }
            if kept.is_empty() {
                return Ok(None);
            }
            let keys = keys.map_or_else(|| cache.keys(&service.config().public_keys), Ok)?;
            Ok(Some((kept, keys, cache.root().clone())))
        });
        let taken = read.and_then(|read| {
            let Some((kept, keys, root)) = read else {
                tracing::warn!("the data root has no model to use now, and none was kept");
                self.service.explain_absence(&before.reason);
                return Ok(());
            };
            self.load(&root, &keys, &kept, &Models::default())?;
            self.service.metrics().reloaded(Reload::Cached);
            tracing::warn!("the models of the last run are in use until the data root has others");
            Ok(())
        });
        if let Err(error) = taken {
            tracing::error!("the models of the last run cannot be used: {}", error.chain());
            self.service.explain_absence(&error.chain());
        }
    }
}
