//! Canonical counters: `catalog/counters.toml`.

use serde::Deserialize;

use crate::error::{KpiError, Result};

/// How a counter behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CounterKind {
    /// Cumulative counter: events of the period; may wrap or restart.
    #[serde(rename = "CC")]
    Cumulative,
    /// Status inspection: a level that the element samples.
    #[serde(rename = "SI")]
    Sampled,
    /// Derived by the element from other measurements.
    #[serde(rename = "DER")]
    Derived,
}

/// How several values of one counter become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// Their sum.
    Sum,
    /// Their plain mean.
    Mean,
    /// The greatest.
    Max,
    /// They are not combined.
    Ignore,
}

/// A canonical counter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// Canonical name, as in TS 28.552.
    pub name: String,
    /// Where it is defined.
    pub clause: String,
    /// Unit of canonical values.
    pub unit: String,
    /// Behaviour over time.
    pub kind: CounterKind,
    /// Smallest valid value.
    #[serde(default)]
    pub min: f64,
    /// Greatest valid value.
    #[serde(default = "unbounded")]
    pub max: f64,
    #[serde(default)]
    parts: Option<Combine>,
    #[serde(default)]
    across: Option<Combine>,
    /// Causes (sub-counters) that are taken out of the total.
    #[serde(default)]
    pub exclude: Vec<String>,
}

impl Counter {
    /// How sub-counters make the total where the element does not write it.
    pub fn parts(&self) -> Combine {
        self.parts.unwrap_or_else(|| self.usual())
    }

    /// How sibling objects of one entity combine.
    pub fn across(&self) -> Combine {
        self.across.unwrap_or_else(|| self.usual())
    }

    /// Whether `value` lies in the valid range.
    pub fn accepts(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }

    fn usual(&self) -> Combine {
        if self.kind == CounterKind::Cumulative { Combine::Sum } else { Combine::Mean }
    }
}

fn unbounded() -> f64 {
    f64::MAX
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    counters: Vec<Counter>,
}

pub(super) fn parse(text: &str) -> Result<Vec<Counter>> {
    let file: File = toml::from_str(text)
        .map_err(|error| KpiError::Syntax { file: "counters.toml", reason: error.to_string() })?;
    for counter in &file.counters {
        if counter.across() == Combine::Ignore || counter.parts() == Combine::Max {
            return Err(KpiError::entry(
                &counter.name,
                "`across` is sum, mean or max; `parts` is sum, mean or ignore",
            ));
        }
    }
    Ok(file.counters)
}
