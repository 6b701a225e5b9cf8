//! Typed access to the columns of a batch. A column that the batch lacks, or has as another type, is
//! one without values: an older table must not cost the answer.

use arrow::array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type};
use arrow::array::{
    Array as _, AsArray as _, BooleanArray, ListArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_tables::Micros;

/// A batch whose columns are asked for by name.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a>(&'a RecordBatch);

impl<'a> Rows<'a> {
    /// The rows of a batch.
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    /// The numbers of all rows.
    pub(crate) fn each(self) -> std::ops::Range<usize> {
        0..self.0.num_rows()
    }

    /// A text column.
    pub(crate) fn text(self, name: &str) -> Text<'a> {
        Text(self.0.column_by_name(name).and_then(|column| column.as_string_opt()))
    }

    /// A column of 64-bit floats.
    pub(crate) fn doubles(self, name: &str) -> Numbers<'a, Float64Type> {
        self.numbers(name)
    }

    /// A column of 64-bit integers.
    pub(crate) fn longs(self, name: &str) -> Numbers<'a, Int64Type> {
        self.numbers(name)
    }

    /// A column of 32-bit integers.
    pub(crate) fn ints(self, name: &str) -> Numbers<'a, Int32Type> {
        self.numbers(name)
    }

    /// A column of flags.
    pub(crate) fn flags(self, name: &str) -> Flags<'a> {
        Flags(self.0.column_by_name(name).and_then(|column| column.as_boolean_opt()))
    }

    /// A column of times, as microseconds.
    pub(crate) fn times(self, name: &str) -> Numbers<'a, TimestampMicrosecondType> {
        self.numbers(name)
    }

    /// A column of text lists.
    pub(crate) fn texts(self, name: &str) -> Texts<'a> {
        Texts(self.0.column_by_name(name).and_then(|column| column.as_list_opt()))
    }

    fn numbers<T: ArrowPrimitiveType>(self, name: &str) -> Numbers<'a, T> {
        Numbers(self.0.column_by_name(name).and_then(|column| column.as_primitive_opt()))
    }
}

/// A text column.
pub(crate) struct Text<'a>(Option<&'a StringArray>);

impl<'a> Text<'a> {
    /// The text of a row; empty where there is none.
    pub(crate) fn at(&self, row: usize) -> &'a str {
        self.0.filter(|texts| texts.is_valid(row)).map_or("", |texts| texts.value(row))
    }

    /// The text of a row, owned; `None` where there is none or it is empty.
    pub(crate) fn filled(&self, row: usize) -> Option<String> {
        Some(self.at(row)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The text of a row, owned; empty where there is none.
    pub(crate) fn owned(&self, row: usize) -> String {
        self.at(row).to_owned()
    }
}

/// A column of numbers or times.
pub(crate) struct Numbers<'a, T: ArrowPrimitiveType>(Option<&'a PrimitiveArray<T>>);

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    /// The number of a row.
    pub(crate) fn at(&self, row: usize) -> Option<T::Native> {
        self.0.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row))
    }
}

impl Numbers<'_, TimestampMicrosecondType> {
    /// A time that every row has by the table's definition.
    pub(crate) fn required(&self, row: usize) -> Micros {
        self.at(row).unwrap_or_default()
    }
}

/// A column of flags.
pub(crate) struct Flags<'a>(Option<&'a BooleanArray>);

impl Flags<'_> {
    /// The flag of a row.
    pub(crate) fn at(&self, row: usize) -> Option<bool> {
        self.0.filter(|flags| flags.is_valid(row)).map(|flags| flags.value(row))
    }
}

/// A column of text lists.
pub(crate) struct Texts<'a>(Option<&'a ListArray>);

impl Texts<'_> {
    /// The texts of a row; empty where there are none.
    pub(crate) fn at(&self, row: usize) -> Vec<String> {
        let Some(lists) = self.0.filter(|lists| lists.is_valid(row)) else {
            return Vec::new();
        };
        let list = lists.value(row);
        let texts = list.as_string_opt::<i32>();
        texts.map(|texts| texts.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
    }
}
