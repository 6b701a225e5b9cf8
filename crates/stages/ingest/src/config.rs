//! Configuration of the stage.

use std::fmt;

use foresite_pm::mapping::{Mapping, Pattern};
use foresite_pseudonyms::Months;
use foresite_stage::Share;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Configuration of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The landing folder: below the data root, or an absolute path or URI.
    pub landing: String,
    /// A file changed less than so many seconds ago may still grow, and waits.
    pub settle_seconds: u32,
    /// Feeds of performance files.
    pub pm: Vec<PmFeed>,
    /// Mappings of tabular files; the first that claims a path takes it. Performance feeds go first.
    pub mappings: Vec<MappingEntry>,
    /// The clock of the scheduled runs; without it a file is known at the as-of of its plan.
    pub schedule: Option<Schedule>,
    /// Puts pseudonyms in the place of people's names; null keeps the names.
    pub pseudonyms: Option<Pseudonyms>,
    /// MiB of landed files per shard.
    pub shard_mib: u32,
    /// The most shards of a plan.
    pub max_shards: u32,
    /// Numbers held in memory before a shard writes them out.
    pub batch_values: usize,
    /// The largest file, unpacked, in MiB.
    pub max_file_mib: u32,
    /// Share of a plan's files that may be quarantined before nothing is taken.
    pub max_quarantined_share: Share,
    /// Plans with fewer files are never refused for that share.
    pub min_files_to_refuse: u64,
    /// Objects that are entered late reopen the hours measured since they took effect, at most so
    /// many days back.
    pub reopen_days: u32,
    /// Reads quarantined files again, copies of each once a run; for one run, after the fault was put
    /// right. What they say is known from that run on.
    pub retry_quarantined: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            landing: "landing".into(),
            settle_seconds: 30,
            pm: vec![PmFeed::default()],
            mappings: Vec::new(),
            schedule: None,
            pseudonyms: None,
            shard_mib: 256,
            max_shards: 16,
            batch_values: 4_000_000,
            max_file_mib: 512,
            max_quarantined_share: Share::new(0.5),
            min_files_to_refuse: 10,
            reopen_days: 7,
            retry_quarantined: false,
        }
    }
}

/// Performance files of one origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PmFeed {
    /// `source` of its rows.
    pub source: String,
    /// Paths below the landing folder.
    pub path: Pattern,
    /// Every element is expected to send a file for each period of so many seconds; null expects
    /// nothing.
    #[serde(default = "hourly")]
    pub expect_every_seconds: Option<u32>,
    /// An element that sent nothing for so many days, and that `objects` does not know, is expected
    /// no more.
    #[serde(default = "a_week")]
    pub forget_after_days: u32,
}

fn hourly() -> Option<u32> {
    Some(3600)
}

fn a_week() -> u32 {
    7
}

impl Default for PmFeed {
    fn default() -> Self {
        Self {
            source: "pm".into(),
            // unwrap safety: the literal is a pattern
            #[allow(clippy::expect_used)]
            path: Pattern::try_from("pm/**".to_owned()).expect("a pattern"),
            expect_every_seconds: hourly(),
            forget_after_days: a_week(),
        }
    }
}

/// Pseudonyms in the place of people's names; their keys lie in the folder `--pseudonym-keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pseudonyms {
    /// Months of the calendar after which another key takes over: 1, 2, 3, 4, 6 or 12.
    pub epoch_months: Months,
}

/// When runs take place: at every multiple of the period, plus the lateness.
///
/// A wide run over a long past gives each file the clock of the scheduled run that would have
/// taken it, so that one wide run and many small ones leave the same facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Seconds between runs.
    pub period_seconds: u32,
    /// Seconds from the end of an interval to its run.
    pub lateness_seconds: u32,
}

impl Schedule {
    /// The clock of the first run at or after `landed_at`.
    pub(crate) fn first_run(self, landed_at: i64) -> i64 {
        let period = i64::from(self.period_seconds.max(1)) * 1_000_000;
        let lateness = i64::from(self.lateness_seconds) * 1_000_000;
        let whole = (landed_at - lateness).div_euclid(period);
        let runs = whole + i64::from((landed_at - lateness).rem_euclid(period) > 0);
        runs * period + lateness
    }
}

/// A mapping in the configuration itself, or the name of a file beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MappingEntry {
    /// Path of a JSON file, relative to the configuration file.
    File(String),
    /// The mapping.
    Inline(Box<Mapping>),
}

impl<'de> Deserialize<'de> for MappingEntry {
    // By hand rather than untagged, so that errors keep the JSON path into the mapping.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = MappingEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping or the name of a mapping file")
            }

            fn visit_str<E>(self, text: &str) -> Result<MappingEntry, E> {
                Ok(MappingEntry::File(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MappingEntry, A::Error> {
                let mapping = Mapping::deserialize(MapAccessDeserializer::new(map))?;
                Ok(MappingEntry::Inline(Box::new(mapping)))
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_file_is_known_at_the_first_run_after_it_landed() {
        let schedule = Schedule { period_seconds: 3600, lateness_seconds: 600 };
        let late = 600_000_000;
        assert_eq!(schedule.first_run(HOUR), HOUR + late);
        assert_eq!(schedule.first_run(HOUR + late), HOUR + late);
        assert_eq!(schedule.first_run(HOUR + late + 1), 2 * HOUR + late);
    }

    #[test]
    fn the_sample_is_valid() {
        let text = include_str!("../../../../docs/samples/ingest/default.json");
        let config: Config = foresite_stage::parse_config(text, "default.json").unwrap();
        assert!(config.mappings.len() >= 5 && config.schedule.is_some());
    }

    #[test]
    fn errors_in_an_inline_mapping_carry_their_path() {
        let text = r#"{"mappings": ["a.json", {"name": "x", "target": "nowhere", "sources": []}]}"#;
        let error = foresite_stage::parse_config::<Config>(text, "c.json").unwrap_err();
        assert!(error.to_string().starts_with("c.json at `mappings[1]"), "{error}");
    }
}
