//! What outlives a restart: the copy that is kept of the models in use, and what is taken from it.

use std::sync::PoisonError;

use foresite_registry::Alias;

use super::{NO_ALIAS, ON_COPY, Turn, Watcher};
use crate::metrics::Reload;
use crate::model::Models;
use crate::model::cache::Cache;

impl Watcher {
    /// Copies the models in use, for a restart while the data root is away. What fails is tried again
    /// with the next look.
    pub(super) fn keep(&self, turn: &mut Turn) {
        let (service, config) = (&self.service, self.service.config());
        let in_use = service.models().ids();
        let Some(cache) = self.cache.as_ref().filter(|_| !in_use.is_empty() && in_use != turn.kept)
        else {
            return;
        };
        match cache.keep(service.root(), (service.task(), &config.public_keys), &in_use) {
            Ok(()) => turn.kept = in_use,
            Err(error) => {
                tracing::warn!("the models could not be kept for a restart: {}", error.chain());
            }
        }
    }

    /// Takes models out of the copy.
    pub(super) fn forget(&self, cache: &Cache, is_gone: impl Fn(&str) -> bool) {
        if let Err(error) = cache.forget(self.service.task(), is_gone) {
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
        let taken = cache.aliases().and_then(|mut kept| {
            if self.service.config().challenger_share.get() == 0.0 {
                kept.remove(&Alias::Challenger);
            }
            if kept.is_empty() {
                tracing::warn!("the data root has no model to use now, and none was kept");
                self.service.explain_absence(&before.reason);
                return Ok(());
            }
            let keys = match &turn.keys {
                Some(keys) => keys.clone(),
                None => cache.keys(&self.service.config().public_keys)?,
            };
            self.load(cache.root(), &keys, &kept, &Models::default())?;
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
