//! What a stage hands to the orchestrator: at most 4 KiB of JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value as Json;

use crate::{ErrorKind, Lineage, Result, StageError};

/// The kubelet keeps 4096 bytes of a termination message.
const LARGEST_RESULT: usize = 4096;

/// How the stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something was committed.
    Done,
    /// Every slot carried its lineage already.
    Unchanged,
    /// `--dry-run`: nothing was touched.
    Planned,
    /// The stage failed.
    Failed,
}

/// One table that the stage wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Name of the table.
    pub table: String,
    /// Version that holds the result.
    pub version: u64,
    /// Slots that were written.
    pub slots: u64,
    /// Rows that were written.
    pub rows: u64,
}

/// The result of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the stage.
    pub stage: String,
    /// How it ended.
    pub status: Status,
    /// Tables that it read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub inputs: BTreeSet<String>,
    /// What it wrote.
    pub outputs: Vec<Output>,
    /// Key numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, Json>,
    /// Decision that the orchestrator branches on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Identity of the computation (of the last slot, where there were several).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage_id: Option<String>,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// An empty report; [`Report::wrote`] turns it into `done`.
    pub fn new(stage: &str) -> Self {
        Self {
            stage: stage.into(),
            status: Status::Unchanged,
            inputs: BTreeSet::new(),
            outputs: Vec::new(),
            numbers: BTreeMap::new(),
            verdict: None,
            lineage_id: None,
            error: None,
            hint: None,
        }
    }

    /// A report of what `--dry-run` found.
    pub fn planned(stage: &str) -> Self {
        Self { status: Status::Planned, ..Self::new(stage) }
    }

    pub(crate) fn failed(stage: &str, error: &StageError) -> Self {
        let hint = error.advice().map(str::to_owned);
        Self { status: Status::Failed, error: Some(error.chain()), hint, ..Self::new(stage) }
    }

    /// Adds the outcome of one commit; commits on one table are summed up.
    pub fn wrote(&mut self, table: &str, outcome: foresite_tables::Outcome) {
        let written = u64::from(!outcome.unchanged);
        if !outcome.unchanged {
            self.status = Status::Done;
        }
        match self.outputs.iter_mut().find(|output| output.table == table) {
            Some(output) => {
                output.version = output.version.max(outcome.version);
                output.slots += written;
                output.rows += outcome.rows;
            }
            None => self.outputs.push(Output {
                table: table.into(),
                version: outcome.version,
                slots: written,
                rows: outcome.rows,
            }),
        }
    }

    /// Names the computation and the tables that it read; of several the last one's id stays.
    pub fn made_by(&mut self, lineage: &Lineage) {
        self.lineage_id = Some(lineage.id.clone());
        self.inputs.extend(lineage.tables().map(str::to_owned));
    }

    /// Adds a key number.
    pub fn number(&mut self, name: &str, value: impl Into<Json>) {
        self.numbers.insert(name.into(), value.into());
    }

    /// Rows written over all tables.
    pub fn rows(&self) -> u64 {
        self.outputs.iter().map(|output| output.rows).sum()
    }

    /// The JSON text, shortened to fit: numbers go first, then hint and error are cut.
    pub fn to_json(&self) -> String {
        let text = |report: &Self| serde_json::to_string(report).unwrap_or_default();
        let full = text(self);
        if full.len() <= LARGEST_RESULT {
            return full;
        }
        let mut short = self.clone();
        short.numbers = BTreeMap::from([("truncated".to_owned(), Json::Bool(true))]);
        // Halved until it fits: how long a character is in JSON depends on what it is.
        for keep in [1000, 500, 250, 125, 62] {
            let cut = |words: &Option<String>| Some(words.as_ref()?.chars().take(keep).collect());
            (short.error, short.hint) = (cut(&self.error), cut(&self.hint));
            if text(&short).len() <= LARGEST_RESULT {
                break;
            }
        }
        text(&short)
    }

    /// Writes the result file; the termination log is written in place, other files atomically.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let place = |error: std::io::Error| {
            let message = format!("write result {}: {error}", path.display());
            StageError::new(ErrorKind::CannotWrite, message).hint("check --result")
        };
        if path.starts_with("/dev") {
            return std::fs::write(path, self.to_json()).map_err(place);
        }
        let partial = path.with_extension("partial");
        std::fs::write(&partial, self.to_json()).map_err(place)?;
        std::fs::rename(&partial, path).map_err(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_on_one_table_are_summed_up() {
        let mut report = Report::new("derive");
        let outcome =
            |version, unchanged, rows| foresite_tables::Outcome { version, unchanged, rows };
        report.wrote("kpis", outcome(3, true, 0));
        assert_eq!(report.status, Status::Unchanged);
        report.wrote("kpis", outcome(4, false, 10));
        let lineage = Lineage {
            id: "4f".into(),
            document: serde_json::json!({"reads": {"objects": ["a"], "task": ["b"]}}),
        };
        report.made_by(&lineage);
        let expected = r#"{"stage":"derive","status":"done","inputs":["objects"],"outputs":[{"table":"kpis","version":4,"slots":1,"rows":10}],"lineage_id":"4f"}"#;
        assert_eq!(report.to_json(), expected);
    }

    #[test]
    fn a_result_fits_a_termination_message() {
        let mut report = Report::new("ingest");
        report.number("files", "x".repeat(9000));
        // A control character takes six bytes of JSON.
        report.error = Some("\u{1}".repeat(9000));
        report.hint = Some("y".repeat(9000));
        let json = report.to_json();
        assert!(json.len() <= LARGEST_RESULT, "{} bytes", json.len());
        assert!(json.contains(r#""stage":"ingest""#), "{json}");
    }
}
