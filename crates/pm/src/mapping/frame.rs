//! A file as columns: what CSV and Parquet become before anything is mapped.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use super::MappingError;

/// Which columns of a file are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Those that must be there.
    pub(super) required: &'a [&'a str],
    /// Those to read, optional ones included; `None` for all.
    pub(super) wanted: Option<&'a [&'a str]>,
}

/// Columns of equal length, and where each row stood in the file.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    rows: usize,
    places: Places,
}

/// Where the rows stood.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// Line of the file, per row.
    Lines(Vec<u64>),
    /// The row's number, counted from 1.
    Numbers,
    /// Row of the frame that this one was made of, per row.
    Of(Arc<Frame>, Vec<u32>),
}

impl Frame {
    pub(super) fn new(columns: Vec<(String, ArrayRef)>, rows: usize, places: Places) -> Self {
        let (names, columns) = columns.into_iter().unzip();
        Self { names, columns, rows, places }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Result<&ArrayRef, MappingError> {
        let index = self.names.iter().position(|have| have == name);
        let missing =
            || MappingError::Column { name: name.to_owned(), have: self.names.join(", ") };
        index.and_then(|index| self.columns.get(index)).ok_or_else(missing)
    }

    /// The column at that position.
    pub(super) fn at(&self, position: usize) -> Result<&ArrayRef, MappingError> {
        self.columns.get(position).ok_or_else(|| MappingError::Column {
            name: format!("position {position}"),
            have: self.names.join(", "),
        })
    }

    /// Adds a column; one of that name is replaced.
    pub(super) fn with(mut self, name: &str, column: ArrayRef) -> Self {
        match self.names.iter().position(|have| have == name) {
            Some(index) => self.columns[index] = column,
            None => {
                self.names.push(name.to_owned());
                self.columns.push(column);
            }
        }
        self
    }

    /// The rows at `indices`, in that order; columns that are not `kept` hold nothing.
    fn rows_at(
        &self,
        indices: &UInt32Array,
        kept: impl Fn(usize, &str) -> bool,
    ) -> Result<Self, MappingError> {
        let columns = self.names.iter().zip(&self.columns).enumerate();
        let columns = columns
            .map(|(position, (name, column))| match kept(position, name) {
                true => take(column, indices, None),
                false => Ok(new_null_array(&DataType::Null, indices.len())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            names: self.names.clone(),
            columns,
            rows: indices.len(),
            places: Places::Of(Arc::new(self.clone()), indices.values().to_vec()),
        })
    }

    /// Where a row stood, for people.
    pub(super) fn place(&self, row: usize) -> String {
        match &self.places {
            Places::Lines(lines) => match lines.get(row) {
                Some(line) => format!("line {line}"),
                None => format!("row {}", row + 1),
            },
            Places::Numbers => format!("row {}", row + 1),
            Places::Of(frame, origin) => match origin.get(row) {
                Some(origin) => frame.place(*origin as usize),
                None => format!("row {}", row + 1),
            },
        }
    }

    /// The first values of a row as it stood in the file, for people.
    pub(super) fn sample(&self, row: usize) -> String {
        if let Places::Of(frame, origin) = &self.places
            && let Some(origin) = origin.get(row)
        {
            return frame.sample(*origin as usize);
        }
        let cells = self.columns.iter().take(16).map(|column| {
            let text = cast(&column.slice(row, 1), &DataType::Utf8).ok();
            let text = text.as_ref().and_then(|array| array.as_any().downcast_ref::<StringArray>());
            text.filter(|array| array.is_valid(0))
                .map_or_else(String::new, |array| array.value(0).into())
        });
        cut(&cells.collect::<Vec<_>>().join(","))
    }
}

/// Refuses a file in which a column that is asked for stands twice: nobody knows which is meant.
pub(super) fn check_unique<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    asked: Asked<'_>,
) -> Result<(), MappingError> {
    let is_twice = |name: &&&str| names.clone().filter(|have| have == *name).count() > 1;
    match asked.required.iter().chain(asked.wanted.unwrap_or_default()).find(is_twice) {
        Some(name) => Err(MappingError::Twice { name: (*name).to_owned() }),
        None => Ok(()),
    }
}

/// At most 200 characters.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The frame of a shape with a column per entity: a row per line and matching column, the number
/// in `value`, the pattern's captures as columns of their own. Matching columns that are not
/// `named` elsewhere are emptied: each would be repeated for every other.
pub(super) fn unpivot(
    frame: &Frame,
    pattern: &super::pattern::Pattern,
    named: impl Fn(usize, &str) -> bool,
) -> Result<Frame, MappingError> {
    let matching: Vec<_> = frame
        .names
        .iter()
        .zip(&frame.columns)
        .filter_map(|(name, column)| Some((pattern.matches(name)?, column)))
        .collect();
    if matching.is_empty() {
        return Err(MappingError::Column {
            name: String::from(pattern.clone()),
            have: frame.names.join(", "),
        });
    }
    let lines = u32::try_from(frame.rows).map_err(|_| MappingError::TooLarge)?;
    let indices = UInt32Array::from_iter_values(matching.iter().flat_map(|_| 0..lines));
    let mut long = frame.rows_at(&indices, |position, name| {
        named(position, name) || pattern.matches(name).is_none()
    })?;
    let texts = matching.iter().map(|(_, column)| cast(column, &value_type(column.data_type())));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    let values = match arrow::compute::concat(&parts) {
        Ok(values) => values,
        Err(_) => new_null_array(&DataType::Float64, long.rows),
    };
    long = long.with("value", values);
    for name in pattern.captures() {
        let cells = matching.iter().flat_map(|(captures, _)| {
            let text = captures.get(name).map(String::as_str);
            std::iter::repeat_n(text, frame.rows)
        });
        long = long.with(name, Arc::new(cells.collect::<StringArray>()));
    }
    Ok(long)
}

/// Text stays text, numbers become doubles, so that columns can be laid end to end.
fn value_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        _ => DataType::Float64,
    }
}
