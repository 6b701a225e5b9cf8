//! The chain of the sealed audit: a file a night below `audit/`, each line of which carries the
//! sha256 of the line before it, the first one that of the last line of the night before. What the
//! lines say is left to [`super::facts`].

use std::collections::BTreeMap;

use foresite_stage::{Context, Result};
use foresite_tables::{Micros, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::book::stamp;

/// Folder of the files.
const FOLDER: &str = "audit/";
const ENDING: &str = ".jsonl";
/// Source of the line that begins a night.
const BEGIN: &str = "audit";

/// Columns by name; a null is left out.
pub(super) type Row = BTreeMap<String, Json>;

/// What a source held when it was written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fact {
    /// A table, or a folder of the data root.
    pub(super) source: String,
    /// Version of the table that was read.
    pub(super) version: Option<u64>,
    /// What was done, in one word.
    pub(super) kind: String,
    /// By whom; `None` for the pipeline, and where nobody is named.
    pub(super) who: Option<String>,
    /// The row; of a file its path and its sha256.
    pub(super) row: Row,
}

impl Fact {
    /// What equal rows of a source have in common, whichever version held them.
    pub(super) fn key(&self) -> String {
        let row = serde_json::to_string(&self.row).unwrap_or_default();
        format!("{} {row}", self.source)
    }

    /// The text of a column.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.row.get(column).and_then(Json::as_str)
    }
}

/// A line of a file.
#[derive(Serialize, Deserialize)]
struct Line {
    /// When.
    written: String,
    /// sha256 of the line before it; empty in the first line of all.
    previous: String,
    #[serde(flatten)]
    fact: Fact,
}

/// All nights.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// What was written down, in that order.
    pub(super) facts: Vec<Fact>,
    /// How many nights there are.
    pub(super) nights: usize,
    /// sha256 of the last line.
    pub(super) head: String,
    /// Path of the last night.
    pub(super) last: Option<String>,
    /// The first link that does not hold.
    pub(super) broken: Option<String>,
}

impl Chain {
    /// Reads and follows the chain; empty where nothing was sealed.
    ///
    /// # Errors
    /// Storage errors; a broken chain is none.
    pub(super) fn read(cx: &Context) -> Result<Self> {
        let mut chain = Self::default();
        for file in cx.root().list(FOLDER)? {
            if file.path.ends_with(ENDING) {
                cx.check_stop()?;
                let bytes = cx.root().read(&file.path)?;
                chain.follow(file.path, &bytes);
            }
        }
        Ok(chain)
    }

    fn follow(&mut self, path: String, bytes: &[u8]) {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let fault = match serde_json::from_slice::<Line>(line) {
                Ok(Line { previous, fact, .. }) => {
                    if fact.source != BEGIN {
                        self.facts.push(fact);
                    }
                    let fault = "it does not follow from what stands before it, which was changed \
                                 or is gone";
                    (previous != self.head).then_some(fault)
                }
                Err(_) => Some("it is no line of a sealed audit"),
            };
            if let Some(fault) = fault {
                self.broken.get_or_insert_with(|| format!("{path} line {}: {fault}", at + 1));
            }
            self.head = sha256_hex(line);
        }
        self.nights += 1;
        self.last = Some(path);
    }

    /// The text of the night that follows, and the head of the chain after it.
    pub(super) fn night(&self, now: Micros, facts: Vec<Fact>) -> Result<(String, String)> {
        let row = Row::from([("night".to_owned(), Json::from(day(now)))]);
        let kind = "night".to_owned();
        let begin = Fact { source: BEGIN.to_owned(), version: None, kind, who: None, row };
        let (mut text, mut head) = (String::new(), self.head.clone());
        for fact in std::iter::once(begin).chain(facts) {
            let line = serde_json::to_string(&Line { written: stamp(now), previous: head, fact })?;
            head = sha256_hex(line.as_bytes());
            text.push_str(&line);
            text.push('\n');
        }
        Ok((text, head))
    }
}

/// The file of the night of a moment.
pub(super) fn path(now: Micros) -> String {
    format!("{FOLDER}{}{ENDING}", day(now))
}

fn day(now: Micros) -> String {
    stamp(now).chars().take("2026-03-09".len()).collect()
}
