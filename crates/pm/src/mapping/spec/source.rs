//! Which files, and how values lie in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mapping::leaf::{Instant, Value};
use crate::mapping::pattern::Pattern;

/// One group of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Path below the landing folder.
    pub path: Pattern,
    /// Part that the set's authors gave these files.
    #[serde(default)]
    pub role: Option<Role>,
    /// Live files are known when taken, whatever `history` says.
    #[serde(default)]
    pub live: bool,
    /// Another origin than that of `time`, so that two files do not lie on each other.
    #[serde(default)]
    pub origin: Option<Instant>,
    /// Columns of other files, joined by key.
    #[serde(default)]
    pub joins: Vec<Join>,
}

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// For fitting.
    Train,
    /// Held back by the set's authors.
    Test,
}

impl Role {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// Columns of another file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Path of the file; captures of the source's path may stand in it.
    pub path: Pattern,
    /// Column here → column there; all must be equal.
    pub on: BTreeMap<String, String>,
    /// New name here → column there.
    pub take: BTreeMap<String, String>,
    /// What happens to a row without a partner.
    #[serde(default)]
    pub unmatched: Unmatched,
}

/// What happens to a row without a partner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// The taken columns are null.
    #[default]
    Null,
    /// The row is rejected.
    Reject,
}

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Csv {
    /// One character, or null to find it in the header.
    pub delimiter: Option<char>,
    /// Whether there is a header; without one, columns go by position.
    pub header: bool,
    /// Whether a row of units follows the header.
    pub unit_row: bool,
    /// Lines before the header to leave out; the header is also found behind other junk.
    pub skip_lines: usize,
    /// How bytes become letters.
    pub encoding: Encoding,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: None,
            header: true,
            unit_row: false,
            skip_lines: 0,
            encoding: Encoding::default(),
        }
    }
}

/// How bytes become letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-16 by its mark, else UTF-8 where it is valid, else Latin-1.
    #[default]
    Auto,
    /// UTF-8 only.
    Utf8,
    /// ISO 8859-1.
    Latin1,
}

/// How values lie in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// A row per entity and time, a column per channel.
    #[default]
    Wide,
    /// A row per entity, time and channel.
    Long {
        /// Holds the channel's name.
        channel: Value,
        /// Holds the number.
        value: Value,
        /// What happens to rows of channels that are not declared.
        #[serde(default)]
        others: Others,
    },
    /// A row per time, a column per entity; one channel, whose value is the column `value`.
    EntityPerColumn {
        /// Which columns; its captures can be used like those of the path.
        columns: Pattern,
    },
}

/// What happens to rows of channels that are not declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// They are passed over and counted as skipped.
    #[default]
    Skip,
    /// They are rejected.
    Reject,
}
