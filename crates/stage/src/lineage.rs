//! Identity of a computation: the same inputs, configuration and code give the same id.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::max;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_tables::{Micros, sha256_hex};
use serde_json::{Value as Json, json};

use crate::config::redacted;
use crate::{ErrorKind, Result, StageError};

/// Hexadecimal digits of a lineage id (128 bits).
const ID_DIGITS: usize = 32;
/// Inputs that are no rows of tables: task files, models and the alias one spoke under, what an
/// earlier run carried on, what a rebuild repeated.
const OTHER_INPUTS: [&str; 6] = ["task", "model", "champion", "role", "alerts", "published"];

/// What a computation has read: ids of files (raw tables) or of lineages (derived ones), and the
/// greatest `known_at` among it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    ids: BTreeMap<String, BTreeSet<String>>,
    known_at: Option<Micros>,
}

impl Inputs {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes rows of `table`: the distinct values of `id_column` (`file_id` of raw tables,
    /// `lineage_id` of derived ones) and their greatest `known_at`.
    ///
    /// # Errors
    /// `Internal` when `batch` lacks the id column: the projection forgot it.
    pub fn add_rows(&mut self, table: &str, batch: &RecordBatch, id_column: &str) -> Result<()> {
        let ids = batch
            .column_by_name(id_column)
            .and_then(|column| column.as_string_opt::<i32>())
            .ok_or_else(|| {
                StageError::new(
                    ErrorKind::Internal,
                    format!("rows of `{table}` were read without `{id_column}`"),
                )
            })?;
        if batch.num_rows() == 0 {
            // A table without rows says as much as a table that is not there.
            return Ok(());
        }
        let known = self.ids.entry(table.to_owned()).or_default();
        let mut last = None;
        for id in ids.iter().flatten() {
            // Rows of a file stand together: look at changes only.
            if last != Some(id) {
                known.insert(id.to_owned());
                last = Some(id);
            }
        }
        if let Some(times) = batch
            .column_by_name("known_at")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            && let Some(latest) = max(times)
        {
            self.note_known_at(latest);
        }
        Ok(())
    }

    /// Notes one input that is no table row: a file, a model, a task file.
    pub fn add_id(&mut self, kind: &str, id: impl Into<String>) {
        self.ids.entry(kind.to_owned()).or_default().insert(id.into());
    }

    /// Notes when an input became known.
    pub fn note_known_at(&mut self, known_at: Micros) {
        self.known_at = Some(self.known_at.map_or(known_at, |latest| latest.max(known_at)));
    }

    /// The greatest `known_at` read, if anything was.
    pub fn known_at(&self) -> Option<Micros> {
        self.known_at
    }
}

/// The identity of one computation and the document that explains it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// Hexadecimal id.
    pub id: String,
    /// Everything that went into the id, secrets of the configuration hidden.
    pub document: Json,
}

/// What a lineage is made of besides its inputs.
pub(crate) struct Subject<'a> {
    pub(crate) stage: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) config: &'a Json,
    pub(crate) task: Option<&'a str>,
    pub(crate) step: Option<&'a str>,
    pub(crate) slot: Json,
    pub(crate) as_of: Micros,
}

impl Lineage {
    pub(crate) fn new(subject: &Subject<'_>, inputs: &Inputs) -> Self {
        // With nothing known there is nothing that a later clock could change.
        let effective = inputs.known_at.map(|latest| latest.min(subject.as_of));
        let mut document = json!({
            "stage": subject.stage,
            "revision": subject.revision,
            "configuration": subject.config,
            "task": subject.task,
            "step": subject.step,
            "slot": subject.slot,
            "as_of": effective,
            "reads": inputs.ids,
        });
        let mut id = sha256_hex(document.to_string().as_bytes());
        id.truncate(ID_DIGITS);
        // The id is of the whole configuration, or one that differs in what is hidden would be equal.
        document["configuration"] = redacted(document["configuration"].take());
        Self { id, document }
    }

    /// Tables that were read.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        let reads = self.document["reads"].as_object().into_iter().flatten();
        reads.map(|(kind, _)| kind.as_str()).filter(|kind| Self::is_table(kind))
    }

    /// Whether a kind of inputs in `reads` is a table.
    pub fn is_table(kind: &str) -> bool {
        !OTHER_INPUTS.contains(&kind)
    }

    /// Where the document lies below the data root.
    pub fn path(&self) -> String {
        format!("lineage/{}.json", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(as_of: Micros, inputs: &Inputs) -> Lineage {
        configured(&json!({"limit": 1}), as_of, inputs)
    }

    fn configured(config: &Json, as_of: Micros, inputs: &Inputs) -> Lineage {
        let subject = Subject {
            stage: "derive",
            revision: "r1",
            config,
            task: None,
            step: None,
            slot: json!([0, 1]),
            as_of,
        };
        Lineage::new(&subject, inputs)
    }

    #[test]
    fn a_later_run_over_the_same_knowledge_is_the_same_computation() {
        let mut inputs = Inputs::new();
        inputs.add_id("pm_counters", "f1");
        inputs.note_known_at(50);
        assert_eq!(lineage(100, &inputs).id, lineage(200, &inputs).id);
        assert_ne!(lineage(40, &inputs).id, lineage(100, &inputs).id);
    }

    #[test]
    fn a_secret_of_the_configuration_is_in_no_document() {
        let of =
            |token: &str| configured(&json!({"api_token": token, "limit": 1}), 1, &Inputs::new());
        let (first, second) = (of("t0ken"), of("another"));
        assert_eq!(first.document["configuration"], json!({"api_token": "***", "limit": 1}));
        assert_eq!(first.document, second.document);
        assert_ne!(first.id, second.id);
    }

    #[test]
    fn any_other_input_is_another_computation() {
        let mut inputs = Inputs::new();
        inputs.add_id("pm_counters", "f1");
        let before = lineage(1, &inputs);
        inputs.add_id("pm_counters", "f2");
        assert_ne!(before.id, lineage(1, &inputs).id);
        assert_eq!(before.id.len(), ID_DIGITS);
    }
}
