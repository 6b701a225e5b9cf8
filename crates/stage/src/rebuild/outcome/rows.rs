//! The rows of `rebuilds`: one per computation and table, one for a computation that failed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use foresite_tables::{Micros, sha256_hex};

use super::{Compared, Outcome, Side};
use crate::{Context, Result};

/// The outcomes as rows.
pub(in crate::rebuild) fn rows(
    cx: &Context,
    outcomes: &[Outcome],
    lineage_id: &str,
) -> Result<RecordBatch> {
    let rows = Rows::of(outcomes);
    let [published_rows, published_hash] = rows.side(|one| &one.published);
    let [rebuilt_rows, rebuilt_hash] = rows.side(|one| &one.computed);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("stage", rows.same(Some(cx.stage))),
        ("step", rows.same(cx.step)),
        ("task", rows.same(cx.args.task.as_deref())),
        ("rebuilt_table", rows.texts(|row| Some(row.1?.table.clone()))),
        ("slot_start", rows.times(|row| row.0.published.interval.start)),
        ("slot_end", rows.times(|row| row.0.published.interval.end)),
        ("as_of", rows.times(|row| row.0.published.as_of)),
        ("published_lineage_id", rows.texts(|row| Some(row.0.published.lineage_id.clone()))),
        ("published_rows", published_rows),
        ("published_sha256", published_hash),
        ("rebuilt_rows", rebuilt_rows),
        ("rebuilt_sha256", rebuilt_hash),
        ("equal", rows.equal()),
        ("other", rows.other()),
        ("detail", rows.texts(|row| row.1.map_or_else(|| row.0.detail(), Compared::detail))),
        ("rebuilt_at", rows.times(|_| cx.now())),
        ("known_at", rows.times(|_| cx.now())),
        ("ingested_at", rows.times(|_| cx.now())),
        ("lineage_id", rows.same(Some(lineage_id))),
    ];
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

/// One table of one outcome; a failure has none.
type Row<'a> = (&'a Outcome, Option<&'a Compared>);

/// What becomes a column, row by row.
struct Rows<'a>(Vec<Row<'a>>);

impl<'a> Rows<'a> {
    fn of(outcomes: &'a [Outcome]) -> Self {
        Self(outcomes.iter().flat_map(rows_of).collect())
    }

    fn same(&self, value: Option<&str>) -> ArrayRef {
        Arc::new(StringArray::from(vec![value; self.0.len()]))
    }

    fn texts(&self, of: impl Fn(&Row<'a>) -> Option<String>) -> ArrayRef {
        Arc::new(self.0.iter().map(of).collect::<StringArray>())
    }

    fn times(&self, of: impl Fn(&Row<'a>) -> Micros) -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(self.0.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    }

    /// Rows and hash of one side of the tables that were compared.
    fn side(&self, of: fn(&Compared) -> &Side) -> [ArrayRef; 2] {
        let side = |row: &Row<'a>| row.1.filter(|one| !one.is_left_out).map(of);
        let count = |row: &Row<'a>| side(row).map(|side| side.rows as i64);
        let hash = |row: &Row<'a>| side(row).map(|side| sha256_hex(side.digests.as_bytes()));
        [Arc::new(self.0.iter().map(count).collect::<Int64Array>()), self.texts(hash)]
    }

    /// Null of a table that was not compared: nobody knows.
    fn equal(&self) -> ArrayRef {
        Arc::new(self.0.iter().map(is_equal).collect::<BooleanArray>())
    }

    fn other(&self) -> ArrayRef {
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
        for (outcome, _) in &self.0 {
            lists.append_value(outcome.other.iter().map(Some));
        }
        Arc::new(lists.finish())
    }
}

fn rows_of(one: &Outcome) -> Vec<Row<'_>> {
    match one.failure.is_some() || one.compared.is_empty() {
        true => vec![(one, None)],
        false => one.compared.iter().map(|compared| (one, Some(compared))).collect(),
    }
}

fn is_equal((outcome, table): &Row<'_>) -> Option<bool> {
    match table {
        None => Some(outcome.is_equal()),
        Some(table) => (!table.is_left_out).then(|| table.is_equal()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interval;
    use crate::rebuild::Published;
    use crate::rebuild::outcome::NEWER;

    fn published() -> Published {
        Published::lost(Interval::new(5, 9).unwrap())
    }

    #[test]
    fn what_gives_nothing_any_more_is_a_failure_though_a_table_was_left_out() {
        let left_out = Outcome::new(published(), None, vec![Compared::left_out("kpis")]);
        assert!(!left_out.is_equal());
        let rows = rows_of(&left_out);
        assert_eq!((rows.len(), rows[0].1), (1, None), "the row is that of the failure");
        assert_eq!(is_equal(&rows[0]), Some(false));
        let said = left_out.detail().unwrap();
        assert_eq!(said, format!("it gives nothing any more; kpis: {NEWER}"));
    }

    #[test]
    fn a_table_that_was_left_out_is_neither_equal_nor_different() {
        let same = Compared { table: "kpis".into(), ..Compared::default() };
        let tables = vec![same, Compared::left_out("kpi_groups")];
        let outcome = Outcome::new(published(), None, tables);
        assert!(outcome.is_equal(), "what was compared is");
        let found: Vec<_> = rows_of(&outcome).iter().map(is_equal).collect();
        assert_eq!(found, [Some(true), None]);
    }
}
