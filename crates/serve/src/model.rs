//! The models in use.

mod cache;
mod rehearse;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use foresite_datasets::{Fitted, Package};
use foresite_registry::Alias;

pub(crate) use watch::Watcher;

use crate::refusal::{Kind, Refusal};

/// A verified model and the alias that it serves under.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) alias: Alias,
    pub(crate) id: String,
    pub(crate) package: Arc<Package>,
}

impl Loaded {
    /// Whether rows made for one model fit the other.
    pub(crate) fn takes_rows_of(&self, other: &Self) -> bool {
        match (&self.package.fitted, &other.package.fitted) {
            (Fitted::Tabular { kernel: own, .. }, Fitted::Tabular { kernel, .. }) => {
                own.raw_names() == kernel.raw_names()
            }
            (Fitted::Forecast { model: own, .. }, Fitted::Forecast { model, .. }) => {
                own.look_back == model.look_back
            }
            _ => false,
        }
    }
}

/// The models of the task, replaced as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Models {
    /// The champion, or who stands in.
    pub(crate) serving: Option<Arc<Loaded>>,
    /// Takes its share of the requests.
    pub(crate) challenger: Option<Arc<Loaded>>,
    /// Why nothing serves.
    pub(crate) reason: String,
}

impl Models {
    /// All that are loaded.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.serving.iter().chain(&self.challenger)
    }

    /// Their ids by alias.
    pub(crate) fn ids(&self) -> BTreeMap<Alias, String> {
        self.all().map(|loaded| (loaded.alias, loaded.id.clone())).collect()
    }

    /// Without those that may serve no longer, and for what reason.
    pub(crate) fn without(&self, is_gone: impl Fn(&str) -> bool, reason: &str) -> Self {
        let stays = |loaded: &Option<Arc<Loaded>>| loaded.clone().filter(|l| !is_gone(&l.id));
        match stays(&self.serving) {
            None => Self { reason: reason.to_owned(), ..Self::default() },
            serving => Self { serving, challenger: stays(&self.challenger), ..Self::default() },
        }
    }

    /// The one that serves.
    pub(crate) fn serving(&self) -> Result<&Arc<Loaded>, Refusal> {
        let none = || Refusal::unavailable(format!("no model serves: {}", self.reason));
        self.serving.as_ref().ok_or_else(none)
    }

    /// The one of a version: the id of a model, or its alias.
    pub(crate) fn version(&self, version: &str) -> Result<&Arc<Loaded>, Refusal> {
        self.serving()?;
        let is_it = |loaded: &&Arc<Loaded>| loaded.id == version || loaded.alias.word() == version;
        self.all().find(is_it).ok_or_else(|| {
            let loaded: Vec<&str> = self.all().map(|loaded| loaded.id.as_str()).collect();
            let version: String = version.chars().take(64).collect();
            let text = format!("version `{version}`: not loaded; loaded: {}", loaded.join(", "));
            Refusal::new(Kind::Unknown, text)
        })
    }
}
