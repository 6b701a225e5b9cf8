//! Typed access to the columns of a batch, with nulls as `None`.

use std::collections::BTreeSet;

use arrow::array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type};
use arrow::array::{Array, AsArray as _, ListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_stage::{ErrorKind, Result, StageError};

use crate::clock::Micros;

/// A batch whose columns are asked for by name.
pub(crate) struct Rows<'a>(&'a RecordBatch);

impl<'a> Rows<'a> {
    /// The rows of a batch.
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// A text column.
    pub(crate) fn text(&self, name: &str) -> Result<Text<'a>> {
        self.cast(name, |array| array.as_string_opt::<i32>()).map(Text)
    }

    /// A column of 64-bit floats.
    pub(crate) fn doubles(&self, name: &str) -> Result<Numbers<'a, Float64Type>> {
        self.cast(name, |array| array.as_primitive_opt()).map(Numbers)
    }

    /// A column of 64-bit integers.
    pub(crate) fn longs(&self, name: &str) -> Result<Numbers<'a, Int64Type>> {
        self.cast(name, |array| array.as_primitive_opt()).map(Numbers)
    }

    /// A column of 32-bit integers.
    pub(crate) fn ints(&self, name: &str) -> Result<Numbers<'a, Int32Type>> {
        self.cast(name, |array| array.as_primitive_opt()).map(Numbers)
    }

    /// A column of times, as microseconds.
    pub(crate) fn times(&self, name: &str) -> Result<Numbers<'a, TimestampMicrosecondType>> {
        self.cast(name, |array| array.as_primitive_opt()).map(Numbers)
    }

    /// Whether a flag is set; null is not set.
    pub(crate) fn flag(&self, name: &str, row: usize) -> Result<bool> {
        let flags = self.cast(name, |array| array.as_boolean_opt())?;
        Ok(flags.is_valid(row) && flags.value(row))
    }

    /// A column of text lists.
    pub(crate) fn texts(&self, name: &str) -> Result<Texts<'a>> {
        self.cast(name, |array| array.as_list_opt()).map(Texts)
    }

    /// The channels among `wanted` that the batch has, with their columns.
    pub(crate) fn channels<'n>(
        &self,
        wanted: &'n BTreeSet<String>,
    ) -> Vec<(&'n str, Numbers<'a, Float64Type>)> {
        wanted.iter().filter_map(|name| Some((name.as_str(), self.doubles(name).ok()?))).collect()
    }

    fn cast<T: ?Sized>(
        &self,
        name: &str,
        cast: impl Fn(&'a dyn Array) -> Option<&'a T>,
    ) -> Result<&'a T> {
        let column = self.0.column_by_name(name);
        column.and_then(|column| cast(column.as_ref())).ok_or_else(|| {
            let found =
                column.map_or("nothing".to_owned(), |column| column.data_type().to_string());
            StageError::new(
                ErrorKind::BadData,
                format!("column `{name}`: expected another type, got {found}"),
            )
        })
    }
}

/// A text column.
pub(crate) struct Text<'a>(&'a StringArray);

impl<'a> Text<'a> {
    /// The text of a row.
    pub(crate) fn at(&self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    /// The text of a row, owned; empty where there is none.
    pub(crate) fn owned(&self, row: usize) -> String {
        self.at(row).unwrap_or_default().to_owned()
    }

    /// The text of a row, owned; `None` where there is none or it is empty.
    pub(crate) fn filled(&self, row: usize) -> Option<String> {
        self.at(row).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// A column of numbers or times.
pub(crate) struct Numbers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    /// The number of a row.
    pub(crate) fn at(&self, row: usize) -> Option<T::Native> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

impl Numbers<'_, TimestampMicrosecondType> {
    /// A time that every row has by the table's definition.
    pub(crate) fn required(&self, row: usize) -> Micros {
        self.at(row).unwrap_or_default()
    }
}

/// A column of text lists.
pub(crate) struct Texts<'a>(&'a ListArray);

impl Texts<'_> {
    /// The texts of a row; empty where there are none.
    pub(crate) fn at(&self, row: usize) -> Vec<String> {
        if !self.0.is_valid(row) {
            return Vec::new();
        }
        let list = self.0.value(row);
        list.as_string_opt::<i32>()
            .map(|texts| texts.iter().flatten().map(str::to_owned).collect())
            .unwrap_or_default()
    }
}
