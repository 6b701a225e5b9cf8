//! Vendors' names and units: `catalog/dialects.toml`.

use std::collections::HashMap;

use serde::Deserialize;

use super::expression::Terms;
use super::pattern;
use crate::error::{KpiError, Result};

/// One canonical counter in a vendor's words.
#[derive(Debug, Clone)]
pub struct Translation {
    /// Slot of the canonical counter.
    pub slot: usize,
    /// Vendor counters that make it.
    pub of: Terms,
    /// What they are divided by.
    pub over: Option<Terms>,
    /// Factor to the canonical unit.
    pub scale: f64,
    /// Counter that must stand in the same set, in lower case.
    pub beside: Option<String>,
}

/// The translations that hold for some vendors and software releases.
#[derive(Debug, Clone)]
pub struct Dialect {
    vendor: String,
    software: String,
    /// In the order of the file.
    pub translations: Vec<Translation>,
}

impl Dialect {
    /// Whether elements of `vendor` with release `software` use this dialect.
    pub fn speaks(&self, vendor: &str, software: &str) -> bool {
        pattern::matches(&self.vendor, vendor) && pattern::matches(&self.software, software)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    dialect: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    vendor: String,
    software: String,
    counters: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    counter: String,
    of: String,
    over: Option<String>,
    beside: Option<String>,
    #[serde(default = "one")]
    scale: f64,
    /// For the reader only: the scale is what counts.
    #[serde(rename = "unit")]
    _unit: String,
}

fn one() -> f64 {
    1.0
}

pub(super) fn parse(text: &str, counters: &HashMap<String, usize>) -> Result<Vec<Dialect>> {
    let file: File = toml::from_str(text)
        .map_err(|error| KpiError::Syntax { file: "dialects.toml", reason: error.to_string() })?;
    file.dialect
        .into_iter()
        .map(|block| {
            let translate = |entry| translation(entry, &block.vendor, counters);
            Ok(Dialect {
                translations: block.counters.iter().map(translate).collect::<Result<_>>()?,
                vendor: block.vendor,
                software: block.software,
            })
        })
        .collect()
}

fn translation(
    entry: &Entry,
    vendor: &str,
    counters: &HashMap<String, usize>,
) -> Result<Translation> {
    let name = format!("{vendor} {}", entry.counter);
    let slot = counters
        .get(&entry.counter.to_ascii_lowercase())
        .ok_or_else(|| KpiError::entry(&name, "not a counter of counters.toml"))?;
    Ok(Translation {
        slot: *slot,
        of: Terms::parse(&name, &entry.of)?,
        over: entry.over.as_deref().map(|over| Terms::parse(&name, over)).transpose()?,
        scale: entry.scale,
        beside: entry.beside.as_deref().map(str::to_ascii_lowercase),
    })
}
