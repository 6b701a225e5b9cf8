//! From columns of values to record batches in the exact schema of a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_schema::{Column, Nullability, TableDef, bucket_of, site_of};

use super::{MappingError, Provenance, TableBatch};
use crate::Micros;

/// Microseconds of a day.
const DAY: Micros = 86_400_000_000;
/// Bit of `kpis.quality` for values that were imported rather than derived.
const IMPORTED: i32 = 1 << 5;

/// Columns of one table as they are collected; those that every row shares are filled in at the end.
pub(super) struct Assembly {
    table: TableDef,
    rows: usize,
    columns: BTreeMap<String, ArrayRef>,
}

impl Assembly {
    pub(super) fn new(table: TableDef, rows: usize) -> Self {
        Self { table, rows, columns: BTreeMap::new() }
    }

    pub(super) fn set(&mut self, name: &str, column: ArrayRef) {
        self.columns.insert(name.to_owned(), column);
    }

    pub(super) fn set_times(
        &mut self,
        name: &str,
        times: impl IntoIterator<Item = Option<Micros>>,
    ) {
        self.set(name, time_array(times));
    }

    pub(super) fn set_texts<'a>(
        &mut self,
        name: &str,
        texts: impl IntoIterator<Item = Option<&'a str>>,
    ) {
        self.set(name, Arc::new(texts.into_iter().collect::<StringArray>()));
    }

    /// The batch with the rows that `keep` names, all when it is `None`.
    pub(super) fn finish(
        mut self,
        source: &str,
        provenance: &Provenance,
        keep: Option<&BooleanArray>,
    ) -> Result<TableBatch, MappingError> {
        let definitions = std::mem::take(&mut self.table.columns);
        let arrays = definitions.iter().map(|column| self.column(column, source, provenance));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        self.table.columns = definitions;
        // Rows to be dropped may lack values that the table requires.
        let loose = self.table.columns.iter().map(|column| column.field().with_nullable(true));
        let loose = Arc::new(arrow::datatypes::Schema::new(loose.collect::<Vec<_>>()));
        let mut batch = RecordBatch::try_new(loose, arrays)?;
        if let Some(keep) = keep {
            batch = filter_record_batch(&batch, keep)?;
        }
        let batch = RecordBatch::try_new(self.table.schema(), batch.columns().to_vec())?;
        Ok(TableBatch { table: self.table, batch })
    }

    fn column(
        &self,
        column: &Column,
        source: &str,
        provenance: &Provenance,
    ) -> Result<ArrayRef, MappingError> {
        let kind = column.kind.arrow();
        let array = match self.columns.get(&column.name) {
            Some(array) => Arc::clone(array),
            None => self.shared(column, source, provenance)?,
        };
        if array.data_type() == &kind { Ok(array) } else { Ok(cast(&array, &kind)?) }
    }

    /// A column that follows from the others or is the same in every row.
    fn shared(
        &self,
        column: &Column,
        source: &str,
        provenance: &Provenance,
    ) -> Result<ArrayRef, MappingError> {
        Ok(match column.name.as_str() {
            "date" => self.dates()?,
            "bucket" => self.buckets(provenance.buckets),
            "source" => self.same_text(source),
            "plan" => self.same_text(&provenance.plan),
            "file_id" => self.same_text(&provenance.file_id),
            "lineage_id" => self.same_text(&provenance.lineage_id),
            "ingested_at" => time_array((0..self.rows).map(|_| Some(provenance.ingested_at))),
            "known_at" => time_array((0..self.rows).map(|_| Some(provenance.known_at))),
            "tombstone" => Arc::new(BooleanArray::from(vec![false; self.rows])),
            "quality" => Arc::new(Int32Array::from(vec![IMPORTED; self.rows])),
            _ if column.nullability == Nullability::Nullable => {
                new_null_array(&column.kind.arrow(), self.rows)
            }
            name => {
                return Err(MappingError::Required {
                    table: self.table.name.clone(),
                    column: name.to_owned(),
                });
            }
        })
    }

    fn same_text(&self, text: &str) -> ArrayRef {
        Arc::new((0..self.rows).map(|_| Some(text)).collect::<StringArray>())
    }

    fn dates(&self) -> Result<ArrayRef, MappingError> {
        let missing =
            || MappingError::Required { table: self.table.name.clone(), column: "date".to_owned() };
        let time = self.table.time.as_ref().ok_or_else(missing)?;
        let times = self.columns.get(time).ok_or_else(missing)?;
        let days = times
            .as_primitive::<TimestampMicrosecondType>()
            .unary::<_, arrow::datatypes::Date32Type>(|at| at.div_euclid(DAY) as i32);
        Ok(Arc::new(days) as ArrayRef)
    }

    /// The buckets of the entities' sites; rows of one entity mostly follow each other.
    fn buckets(&self, buckets: u32) -> ArrayRef {
        let Some(ids) = self.columns.get("entity_id") else {
            return Arc::new(Int32Array::from(vec![0; self.rows]));
        };
        let mut last: Option<(&str, i32)> = None;
        let of = |id: &str| bucket_of(site_of(id), buckets);
        let found = ids.as_string::<i32>().iter().map(|id| {
            let id = id.unwrap_or_default();
            let bucket = match last {
                Some((known, bucket)) if known == id => bucket,
                _ => of(id),
            };
            last = Some((id, bucket));
            bucket
        });
        Arc::new(found.collect::<Int32Array>())
    }
}

/// Moments as a column.
pub(super) fn time_array(times: impl IntoIterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(times.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}
