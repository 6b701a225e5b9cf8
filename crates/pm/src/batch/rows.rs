//! The columns of the three tables, in the order of the catalogue.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Array, Float64Builder, Int32Array, ListArray, ListBuilder,
    RecordBatch, StringBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use foresite_schema::TableDef;
use foresite_schema::catalog::raw;
use sha2::{Digest as _, Sha256};

use super::Load;
use super::object::{MeasuredObject, Origin, Place, Provenance};
use crate::model::ListValue;

/// Rows of `pm_counters`.
#[derive(Debug, Default)]
pub(super) struct CounterRows {
    object: MeasuredObject,
    counter_set: StringBuilder,
    values: Vec<f64>,
    lengths: Vec<usize>,
    suspect: BooleanBuilder,
    flags: Vec<i32>,
    sw_version: StringBuilder,
    meas_info_id: StringBuilder,
    job_id: StringBuilder,
    origin: Origin,
}

impl CounterRows {
    /// Adds the row of one object and returns how many of its values are numbers.
    pub(super) fn add(
        &mut self,
        place: &Place<'_>,
        set: &str,
        columns: &[usize],
        load: &Load,
    ) -> u64 {
        let block = place.block;
        let row = block.row(place.at);
        self.object.add(place, load);
        self.counter_set.append_value(set);
        let begin = self.values.len();
        if columns.len() == row.len() {
            self.values.extend_from_slice(row);
        } else {
            self.values.extend(columns.iter().map(|column| row[*column]));
        }
        self.lengths.push(columns.len());
        self.suspect.append_value(place.object().suspect);
        self.flags.push(block.flags);
        self.sw_version.append_option(place.element.sw_version.as_deref());
        self.meas_info_id.append_option(block.meas_info_id.as_deref());
        self.job_id.append_option(block.job_id.as_deref());
        self.origin.add(load);
        self.values[begin..].iter().filter(|value| !value.is_nan()).count() as u64
    }

    pub(super) fn pending_values(&self) -> usize {
        self.values.len()
    }

    pub(super) fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let mut columns = self.object.finish();
        columns.extend([
            Arc::new(self.counter_set.finish()) as ArrayRef,
            doubles(self.values, self.lengths)?,
            Arc::new(self.suspect.finish()),
            Arc::new(Int32Array::from(self.flags)),
            Arc::new(self.sw_version.finish()),
            Arc::new(self.meas_info_id.finish()),
            Arc::new(self.job_id.finish()),
        ]);
        columns.extend(self.origin.finish());
        batch(&raw::pm_counters(), columns)
    }
}

/// Rows of `counter_sets`.
#[derive(Debug, Default)]
pub(super) struct SetRows {
    seen: HashSet<String>,
    counter_set: StringBuilder,
    vendor: StringBuilder,
    mo_class: StringBuilder,
    names: ListBuilder<StringBuilder>,
    provenance: Provenance,
}

impl SetRows {
    /// The key of a set, which becomes a row when it is new.
    pub(super) fn add<'a>(
        &mut self,
        vendor: &str,
        class: &str,
        names: impl Iterator<Item = &'a str> + Clone,
        load: &Load,
    ) -> String {
        let key = set_key(vendor, class, names.clone());
        if self.seen.insert(key.clone()) {
            self.counter_set.append_value(&key);
            self.vendor.append_value(vendor);
            self.mo_class.append_value(class);
            self.names.append_value(names.map(Some));
            self.provenance.add(load);
        }
        key
    }

    pub(super) fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let names = self.names.finish();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.counter_set.finish()),
            Arc::new(self.vendor.finish()),
            Arc::new(self.mo_class.finish()),
            Arc::new(with_element_field(names, DataType::Utf8)?),
        ];
        columns.extend(self.provenance.finish());
        batch(&raw::counter_sets(), columns)
    }
}

/// Sixteen hexadecimal digits of the sha256 over vendor, class and names, each ended by a newline;
/// a newline inside one is escaped, so that no two lists are the same text.
fn set_key<'a>(vendor: &str, class: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        match part.contains(['\n', '\\']) {
            false => hash.update(part.as_bytes()),
            true => hash.update(part.replace('\\', "\\\\").replace('\n', "\\n").as_bytes()),
        }
        hash.update(b"\n");
    };
    add(vendor);
    add(class);
    names.for_each(add);
    let digest = hash.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of `pm_histograms`.
#[derive(Debug, Default)]
pub(super) struct HistogramRows {
    object: MeasuredObject,
    counter: StringBuilder,
    bins: ListBuilder<Float64Builder>,
    raw: StringBuilder,
    suspect: BooleanBuilder,
    origin: Origin,
}

impl HistogramRows {
    pub(super) fn add(&mut self, place: &Place<'_>, list: &ListValue, load: &Load) {
        self.object.add(place, load);
        self.counter.append_value(&place.block.counters[list.counter]);
        self.bins.append_option(list.bins.as_ref().map(|bins| bins.iter().copied()));
        self.raw.append_value(&list.raw);
        self.suspect.append_value(place.object().suspect);
        self.origin.add(load);
    }

    pub(super) fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let bins = self.bins.finish();
        let mut columns = self.object.finish();
        columns.extend([
            Arc::new(self.counter.finish()) as ArrayRef,
            Arc::new(with_element_field(bins, DataType::Float64)?),
            Arc::new(self.raw.finish()),
            Arc::new(self.suspect.finish()),
        ]);
        columns.extend(self.origin.finish());
        batch(&raw::pm_histograms(), columns)
    }
}

fn batch(table: &TableDef, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(table.schema(), columns)
}

/// Lists of numbers in which NaN becomes null.
fn doubles(values: Vec<f64>, lengths: Vec<usize>) -> Result<ArrayRef, ArrowError> {
    let valid: NullBuffer = values.iter().map(|value| !value.is_nan()).collect();
    let valid = Some(valid).filter(|valid| valid.null_count() > 0);
    let numbers = Float64Array::new(ScalarBuffer::from(values), valid);
    let offsets = OffsetBuffer::from_lengths(lengths);
    let field = Arc::new(Field::new("element", DataType::Float64, true));
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(numbers), None)?))
}

/// Arrow's builder calls the items `item`, the tables call them `element`.
fn with_element_field(list: ListArray, kind: DataType) -> Result<ListArray, ArrowError> {
    let (_, offsets, values, nulls) = list.into_parts();
    ListArray::try_new(Arc::new(Field::new("element", kind, true)), offsets, values, nulls)
}

#[cfg(test)]
mod tests {
    use super::set_key;

    #[test]
    fn a_line_break_in_a_name_is_no_border() {
        let two = set_key("V", "Cell", ["a", "b"].into_iter());
        assert_ne!(set_key("V", "Cell", ["a\nb"].into_iter()), two);
        assert_ne!(set_key("V\nCell", "a", ["b"].into_iter()), two);
        assert_ne!(
            set_key("V", "Cell", ["a\\nb"].into_iter()),
            set_key("V", "Cell", ["a\nb"].into_iter())
        );
    }
}
