//! What came of rebuilding: the rows of `rebuilds`, and what the log and the result say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use foresite_tables::{Comparison, Micros, sha256_hex};
use serde_json::Value as Json;

use super::Published;
use crate::interval::stamp;
use crate::{Context, Lineage, Report, Result};

/// What is said of a table that is not compared.
pub(super) const NEWER: &str =
    "not there when this was published, by another release: not compared";

/// One table of a computation, all its slots together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Compared {
    pub(super) table: String,
    /// It came after the computation: there is nothing to compare with.
    pub(super) is_left_out: bool,
    published: Side,
    computed: Side,
    /// Keys that are missing, added or changed.
    differing: u64,
    columns: BTreeSet<String>,
}

/// Rows, and the hashes of their slots one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
struct Side {
    rows: u64,
    digests: String,
}

impl Compared {
    pub(super) fn new(table: &str, first: &Comparison) -> Self {
        let mut one = Self { table: table.to_owned(), ..Self::default() };
        one.add(first);
        one
    }

    pub(super) fn left_out(table: &str) -> Self {
        Self { table: table.to_owned(), is_left_out: true, ..Self::default() }
    }

    pub(super) fn add(&mut self, slot: &Comparison) {
        for (side, digest) in
            [(&mut self.published, &slot.published), (&mut self.computed, &slot.computed)]
        {
            side.rows += digest.rows;
            side.digests.push_str(&digest.sha256);
        }
        self.differing += slot.missing + slot.added + slot.changed;
        self.columns.extend(slot.columns.iter().cloned());
    }

    fn is_equal(&self) -> bool {
        self.published == self.computed
    }

    /// What is different, or why nothing is, as a sentence.
    fn detail(&self) -> Option<String> {
        if self.is_left_out {
            return Some(format!("{}: {NEWER}", self.table));
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let place = match columns.is_empty() {
            true => String::new(),
            false => format!(" in {}", columns.join(", ")),
        };
        let (differing, rows) = (self.differing, self.published.rows);
        let sentence = || format!("{}: {differing} of {rows} rows differ{place}", self.table);
        (!self.is_equal()).then(sentence)
    }
}

/// What came of one computation.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) published: Published,
    compared: Vec<Compared>,
    /// Parts of its identity that are others now: `revision`, `as_of`, `reads.<table>`.
    other: Vec<String>,
    failure: Option<String>,
}

impl Outcome {
    pub(super) fn new(published: Published, now: Option<Lineage>, compared: Vec<Compared>) -> Self {
        let other = now.map(|now| differences(published.document(), &now.document));
        // A computation that wrote nothing this time has not repeated what it wrote.
        let is_silent = compared.iter().all(|one| one.is_left_out);
        let failure = is_silent.then(|| "it gives nothing any more".to_owned());
        Self { published, compared, other: other.unwrap_or_default(), failure }
    }

    pub(super) fn failed(published: Published, why: String) -> Self {
        Self { published, compared: Vec::new(), other: Vec::new(), failure: Some(why) }
    }

    fn is_equal(&self) -> bool {
        self.failure.is_none() && self.compared.iter().all(Compared::is_equal)
    }

    /// What is different, as a sentence.
    fn detail(&self) -> Option<String> {
        let compared = self.compared.iter().filter_map(Compared::detail);
        let parts: Vec<String> = self.failure.iter().cloned().chain(compared).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Parts in which two lineage documents differ.
fn differences(then: &Json, now: &Json) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["revision", "configuration", "as_of"] {
        if then[part] != now[part] {
            found.push(part.to_owned());
        }
    }
    let kinds = [then, now].into_iter().filter_map(|document| document["reads"].as_object());
    let kinds: BTreeSet<&String> = kinds.flat_map(|reads| reads.keys()).collect();
    let differ = |kind: &&&String| then["reads"][kind.as_str()] != now["reads"][kind.as_str()];
    found.extend(kinds.iter().filter(differ).map(|kind| format!("reads.{kind}")));
    found
}

/// Counts for the result; a line of the log for each that is not as it was.
pub(super) fn tell(outcomes: &[Outcome], report: &mut Report) {
    let different: Vec<&Outcome> = outcomes.iter().filter(|one| !one.is_equal()).collect();
    for one in &different {
        tracing::warn!(
            lineage_id = one.published.lineage_id,
            interval = %one.published.interval,
            other = one.other.join(","),
            "not as published: {}",
            one.detail().unwrap_or_default()
        );
    }
    report.verdict = Some(
        match (outcomes.is_empty(), different.is_empty()) {
            (true, _) => "nothing_published",
            (false, true) => "equal",
            (false, false) => "different",
        }
        .into(),
    );
    report.number("computations", outcomes.len());
    report.number("different", different.len());
    report.number(
        "other_code",
        outcomes.iter().filter(|one| one.other.iter().any(|part| part == "revision")).count(),
    );
    let (left_out, compared): (Vec<&Compared>, Vec<&Compared>) =
        outcomes.iter().flat_map(|one| &one.compared).partition(|one| one.is_left_out);
    if !left_out.is_empty() {
        report.number("not_compared", left_out.len());
    }
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for compared in compared {
        *rows.entry(&compared.table).or_default() += compared.published.rows;
    }
    for (table, rows) in rows {
        report.number(&format!("{table}_rows"), rows);
    }
    if let Some(first) = different.first() {
        let start = stamp(first.published.interval.start);
        report
            .number("first_different", format!("{start}: {}", first.detail().unwrap_or_default()));
    }
}

/// One table of one outcome; a failure has none.
type Row<'a> = (&'a Outcome, Option<&'a Compared>);

fn rows_of(one: &Outcome) -> Vec<Row<'_>> {
    match one.failure.is_some() || one.compared.is_empty() {
        true => vec![(one, None)],
        false => one.compared.iter().map(|compared| (one, Some(compared))).collect(),
    }
}

/// One side of a table; what was not compared has none, and no number of rows.
fn side<'a>(row: &Row<'a>, of: fn(&Compared) -> &Side) -> Option<&'a Side> {
    row.1.filter(|one| !one.is_left_out).map(of)
}

/// The rows of `rebuilds`: one per computation and table, one for a computation that failed.
pub(super) fn rows(cx: &Context, outcomes: &[Outcome], lineage_id: &str) -> Result<RecordBatch> {
    let rows: Vec<Row<'_>> = outcomes.iter().flat_map(rows_of).collect();
    let same =
        |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows.len()])) };
    let texts = |of: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let times = |of: &dyn Fn(&Row<'_>) -> Micros| -> ArrayRef {
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(of)).with_timezone("UTC"),
        )
    };
    let sides = |of: fn(&Compared) -> &Side| -> [ArrayRef; 2] {
        let count = |row: &Row<'_>| side(row, of).map(|side| side.rows as i64);
        let hash = |row: &Row<'_>| side(row, of).map(|side| sha256_hex(side.digests.as_bytes()));
        [Arc::new(rows.iter().map(count).collect::<Int64Array>()), texts(&hash)]
    };
    let [published_rows, published_hash] = sides(|one| &one.published);
    let [computed_rows, computed_hash] = sides(|one| &one.computed);
    let is_equal = |row: &Row<'_>| Some(row.1.map_or(row.0.is_equal(), Compared::is_equal));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("stage", same(Some(cx.stage))),
        ("step", same(cx.step)),
        ("task", same(cx.args.task.as_deref())),
        ("rebuilt_table", texts(&|row| Some(row.1?.table.clone()))),
        ("slot_start", times(&|row| row.0.published.interval.start)),
        ("slot_end", times(&|row| row.0.published.interval.end)),
        ("as_of", times(&|row| row.0.published.as_of)),
        ("published_lineage_id", texts(&|row| Some(row.0.published.lineage_id.clone()))),
        ("published_rows", published_rows),
        ("published_sha256", published_hash),
        ("rebuilt_rows", computed_rows),
        ("rebuilt_sha256", computed_hash),
        ("equal", Arc::new(rows.iter().map(is_equal).collect::<BooleanArray>())),
        ("other", lists(rows.iter().map(|row| row.0.other.as_slice()))),
        ("detail", texts(&|row| row.1.map_or_else(|| row.0.detail(), Compared::detail))),
        ("rebuilt_at", times(&|_| cx.now())),
        ("known_at", times(&|_| cx.now())),
        ("ingested_at", times(&|_| cx.now())),
        ("lineage_id", same(Some(lineage_id))),
    ];
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

fn lists<'a>(rows: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
    for row in rows {
        lists.append_value(row.iter().map(Some));
    }
    Arc::new(lists.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Interval;

    #[test]
    fn what_gives_nothing_any_more_is_a_failure_though_a_table_was_left_out() {
        let published = Published::lost(Interval::new(5, 9).unwrap());
        let left_out = Outcome::new(published, None, vec![Compared::left_out("kpis")]);
        assert!(!left_out.is_equal());
        let rows = rows_of(&left_out);
        assert_eq!((rows.len(), rows[0].1), (1, None), "the row is that of the failure");
        let said = left_out.detail().unwrap();
        assert_eq!(said, format!("it gives nothing any more; kpis: {NEWER}"));
    }

    #[test]
    fn the_parts_that_are_others_are_named() {
        let then = json!({"revision": "a", "configuration": {"x": 1}, "as_of": 5,
            "reads": {"kpis": ["1", "2"], "model": ["m"]}});
        let now = json!({"revision": "b", "configuration": {"x": 1}, "as_of": 5,
            "reads": {"kpis": ["1", "3"], "model": ["m"], "alarms": ["f"]}});
        assert_eq!(differences(&then, &now), ["revision", "reads.alarms", "reads.kpis"]);
        assert_eq!(differences(&then, &then), Vec::<String>::new());
    }
}
