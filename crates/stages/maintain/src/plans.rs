//! Plans and what shards staged for them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use foresite_stage::{Context, ErrorContext as _, Manifest, Result};
use foresite_tables::{FileEntry, Micros};

use crate::{Config, DAY, HOUR};

/// Ingest commits no staged file that is older than a day; twice that is surely over.
const LIVE_HOURS: Micros = 48;

/// The plans below a data root and the folders of `_staging/`.
pub(crate) struct Plans {
    now: Micros,
    plans: BTreeMap<String, FileEntry>,
    staging: BTreeMap<String, Vec<FileEntry>>,
}

impl Plans {
    /// Looks at what is there; `now` by the store's clock.
    pub(crate) fn find(cx: &Context, now: Micros) -> Result<Self> {
        let mut plans = BTreeMap::new();
        for file in cx.root().list("plans/")? {
            let name = file.path.strip_prefix("plans/").and_then(|name| name.strip_suffix(".json"));
            if let Some(id) = name.map(str::to_owned) {
                plans.insert(id, file);
            }
        }
        let mut staging: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
        for file in cx.root().list("_staging/")? {
            let below = file.path.strip_prefix("_staging/").unwrap_or(&file.path);
            let folder = below.split('/').next().unwrap_or(below).to_owned();
            staging.entry(folder).or_default().push(file);
        }
        Ok(Self { now, plans, staging })
    }

    /// By table, the staged files that a plan may still commit.
    ///
    /// # Errors
    /// `BadData` for a manifest that cannot be read: nobody knows then what it holds.
    pub(crate) fn staged(
        &self,
        cx: &Context,
        grace: Micros,
    ) -> Result<HashMap<String, HashSet<String>>> {
        let live = grace.max(LIVE_HOURS * HOUR);
        let mut staged: HashMap<String, HashSet<String>> = HashMap::new();
        let manifests = self.staging.values().flatten().filter(|file| {
            file.path.ends_with(".json") && self.now.saturating_sub(file.modified) < live
        });
        for file in manifests {
            let Some(manifest) = manifest(cx, file)? else { continue };
            for (table, files) in manifest.files {
                let paths = files.iter().map(|file| file.path().to_owned());
                staged.entry(table).or_default().extend(paths);
            }
        }
        Ok(staged)
    }

    /// What can go: old plans with their manifests, and folders of `_staging/` that belong to no
    /// plan and that nobody has written to for the grace. A plan comes before its manifests, so
    /// that an interrupted clean-up leaves no plan that cannot be committed.
    pub(crate) fn leftovers(&self, config: &Config, grace: Micros) -> Vec<FileEntry> {
        let age = |file: &FileEntry| self.now.saturating_sub(file.modified);
        let limit = Micros::from(config.plan_days).saturating_mul(DAY).max(grace);
        let old: BTreeSet<&String> =
            self.plans.iter().filter(|(_, file)| age(file) >= limit).map(|(id, _)| id).collect();
        let mut gone: Vec<FileEntry> =
            old.iter().filter_map(|id| self.plans.get(*id)).cloned().collect();
        for (folder, files) in &self.staging {
            let is_stray =
                !self.plans.contains_key(folder) && files.iter().all(|file| age(file) >= grace);
            if old.contains(folder) || is_stray {
                gone.extend(files.iter().cloned());
            }
        }
        gone
    }
}

/// A shard's manifest; other files of a bundle that is being published are none.
fn manifest(cx: &Context, file: &FileEntry) -> Result<Option<Manifest>> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if !name.starts_with("shard-") {
        return Ok(None);
    }
    let bytes = cx.root().read(&file.path)?;
    serde_json::from_slice(&bytes).map(Some).context(|| file.path.clone())
}
