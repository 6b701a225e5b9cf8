//! Columns of another file, joined by key.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use super::MappingError;
use super::frame::Frame;
use super::spec::{Join, Unmatched};
use super::value::Rejects;

/// `left` with the columns that `join` takes from `right`. Keys compare as text, so that `7` in a
/// CSV file meets 7 in a Parquet file.
pub(super) fn join(
    left: Frame,
    right: &Frame,
    join: &Join,
    rejects: &mut Rejects,
) -> Result<Frame, MappingError> {
    let left_keys = texts(&left, join.on.keys())?;
    let right_keys = texts(right, join.on.values())?;
    let mut partners = HashMap::with_capacity(right.rows());
    // A key with an empty part is nobody's partner.
    for row in 0..right.rows() {
        let Some(key) = key(&right_keys, row) else { continue };
        if partners.insert(key, row as u32).is_some() {
            return Err(MappingError::JoinKey { path: String::from(join.path.clone()) });
        }
    }
    let picks = (0..left.rows()).map(|row| {
        let partner = key(&left_keys, row).and_then(|key| partners.get(&key).copied());
        if partner.is_none() && join.unmatched == Unmatched::Reject {
            rejects.add(row, || format!("no partner in `{}`", String::from(join.path.clone())));
        }
        partner
    });
    let picks: UInt32Array = picks.collect();
    let mut joined = left;
    for (name, theirs) in &join.take {
        joined = joined.with(name, take(right.column(theirs)?, &picks, None)?);
    }
    Ok(joined)
}

fn texts<'a>(
    frame: &Frame,
    names: impl Iterator<Item = &'a String>,
) -> Result<Vec<StringArray>, MappingError> {
    let columns = names.map(|name| {
        let column = cast(frame.column(name)?, &DataType::Utf8)?;
        Ok(column.as_string::<i32>().clone())
    });
    columns.collect()
}

fn key(columns: &[StringArray], row: usize) -> Option<Vec<&str>> {
    columns.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect()
}
