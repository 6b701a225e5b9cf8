//! Who takes which file: performance feeds first, then mappings in the order of the configuration.

use std::path::Path;

use foresite_pm::mapping::{Mapping, Match};
use foresite_stage::{ErrorKind, Result, StageError, parse_config};
use foresite_tables::sha256_hex;

use crate::config::{Config, MappingEntry, PmFeed};

/// The feeds of a configuration, mapping files loaded.
#[derive(Debug)]
pub(crate) struct Feeds {
    pm: Vec<PmFeed>,
    mappings: Vec<Mapping>,
    /// sha256 of each mapping, which is part of the plan's identity.
    pub(crate) mapping_ids: Vec<String>,
}

/// A path that somebody takes.
#[derive(Debug, Clone)]
pub(crate) enum Claim<'a> {
    /// A performance file.
    Pm(&'a PmFeed),
    /// A tabular file.
    Mapped(&'a Mapping, Match),
}

impl Claim<'_> {
    /// `source` of the rows.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Pm(feed) => &feed.source,
            Self::Mapped(mapping, _) => mapping.name(),
        }
    }

    /// The word of the ledger: `pm`, or the table that the mapping fills.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Pm(_) => "pm".into(),
            Self::Mapped(mapping, _) => mapping.table().name,
        }
    }

    /// Files that are read together with this one.
    pub(crate) fn joined(&self) -> &[String] {
        match self {
            Self::Pm(_) => &[],
            Self::Mapped(_, found) => &found.joined,
        }
    }
}

impl Feeds {
    /// Checks the feeds and reads the mapping files, which lie beside the configuration file.
    pub(crate) fn load(config: &Config, config_file: Option<&Path>) -> Result<Self> {
        let beside = config_file.and_then(Path::parent).unwrap_or(Path::new(""));
        let mappings: Vec<Mapping> = config
            .mappings
            .iter()
            .map(|entry| match entry {
                MappingEntry::Inline(mapping) => Ok((**mapping).clone()),
                MappingEntry::File(name) => read_mapping(&beside.join(name)),
            })
            .collect::<Result<_>>()?;
        let feeds = Self {
            mapping_ids: mappings.iter().map(identity).collect::<Result<_>>()?,
            pm: config.pm.clone(),
            mappings,
        };
        feeds.check_names()?;
        Ok(feeds)
    }

    fn check_names(&self) -> Result<()> {
        let pm = self.pm.iter().map(|feed| feed.source.as_str());
        let mut names: Vec<&str> = pm.chain(self.mappings.iter().map(Mapping::name)).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => {
                let message = format!("configuration: two feeds are called `{}`", pair[0]);
                Err(StageError::new(ErrorKind::Usage, message).hint("give each its own name"))
            }
        }
    }

    /// Who takes the file at `path`.
    pub(crate) fn claim(&self, path: &str) -> Option<Claim<'_>> {
        let pm = self.pm.iter().find(|feed| feed.path.matches(path).is_some());
        if let Some(feed) = pm {
            return Some(Claim::Pm(feed));
        }
        let mut mappings = self.mappings.iter();
        mappings.find_map(|mapping| Some(Claim::Mapped(mapping, mapping.matches(path)?)))
    }
}

fn read_mapping(path: &Path) -> Result<Mapping> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("mapping {}: {error}", path.display());
        StageError::new(ErrorKind::Usage, message)
            .hint("mapping files are looked for beside the configuration file")
    })?;
    parse_config(&text, &format!("mapping {}", path.display()))
}

fn identity(mapping: &Mapping) -> Result<String> {
    Ok(sha256_hex(serde_json::to_string(mapping)?.as_bytes()))
}
