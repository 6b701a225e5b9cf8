//! The documents: one JSON object each, a line an entry, so that it can be read whole or by line.
//!
//! Whatever stands under a member `foresite` is ours; all other names are 3GPP's.

pub(crate) mod feedback;
pub(crate) mod mda;
pub(crate) mod performance;
pub(crate) mod predictions;
mod report;

use foresite_stage::Interval;
use foresite_tables::Micros;
use serde_json::{Value as Json, json};

use crate::moment::stamp;

/// What the documents of an export say about themselves.
pub(crate) struct Header<'a> {
    pub(crate) interval: Interval,
    /// When the youngest fact behind them was known; `None`: there is none.
    pub(crate) known_at: Option<Micros>,
    pub(crate) lineage_id: &'a str,
}

impl Header<'_> {
    /// The member `foresite` of a document.
    pub(crate) fn json(&self, schema: &str) -> Json {
        without_nulls(json!({
            "schema": schema_id(schema),
            "intervalStart": stamp(self.interval.start),
            "intervalEnd": stamp(self.interval.end),
            "knownAt": self.known_at.map(stamp),
            "lineageId": self.lineage_id,
        }))
    }
}

/// The `$id` of a schema.
pub(crate) fn schema_id(name: &str) -> String {
    format!("urn:foresite:export:{name}:1")
}

/// A document in the making: entries are turned to text at once, so that what is held is the text.
pub(crate) struct Sheet {
    text: String,
    entries: usize,
}

/// A finished document.
pub(crate) struct Document {
    /// Name of its schema and of its file.
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) entries: usize,
}

impl Sheet {
    pub(crate) fn begin(header: &Json) -> Self {
        Self { text: format!("{{\"foresite\":{header}"), entries: 0 }
    }

    /// Adds a list.
    pub(crate) fn list(&mut self, name: &str, entries: impl Iterator<Item = Json>) {
        self.text.push_str(&format!(",\n\"{name}\":["));
        for (at, entry) in entries.enumerate() {
            let separator = if at == 0 { "\n" } else { ",\n" };
            self.text.push_str(separator);
            self.text.push_str(&without_nulls(entry).to_string());
            self.entries += 1;
        }
        self.text.push(']');
    }

    pub(crate) fn end(mut self, name: &'static str) -> Document {
        self.text.push_str("}\n");
        Document { name, text: self.text, entries: self.entries }
    }
}

/// What is not known is not there: JSON's null would be a value. Numbers that are none become null
/// on their way here.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let filled = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(filled.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_an_object_with_a_line_an_entry() {
        let mut sheet = Sheet::begin(&json!({"schema": "x"}));
        sheet.list("some", [json!({"a": 1, "b": null}), json!({"c": f64::NAN})].into_iter());
        sheet.list("none", std::iter::empty());
        let document = sheet.end("test");
        assert_eq!(document.entries, 2);
        let expected =
            "{\"foresite\":{\"schema\":\"x\"},\n\"some\":[\n{\"a\":1},\n{}],\n\"none\":[]}\n";
        assert_eq!(document.text, expected);
    }
}
