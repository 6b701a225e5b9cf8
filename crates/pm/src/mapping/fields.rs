//! Columns of the target table that the mapping names one by one, typed by the table.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::datatypes::Float64Type;
use foresite_schema::{Column, DataKind, Nullability};

use super::MappingError;
use super::assemble::time_array;
use super::leaf::{Value, Zone};
use super::number::NumberRules;
use super::rows::Rows;
use super::spec::{Clock, Repeat};
use super::value::Rejects;

/// `value` as the column `column`; an empty value in a required column rejects its row.
pub(super) fn field(
    rows: &Rows<'_>,
    column: &Column,
    value: &Value,
    rejects: &mut Rejects,
) -> Result<ArrayRef, MappingError> {
    let array = typed(rows, column, value, rejects)?;
    if column.nullability == Nullability::Required {
        for row in (0..rows.len()).filter(|row| array.is_null(*row)) {
            rejects.add(row, || format!("`{}` is empty", column.name));
        }
    }
    Ok(array)
}

fn typed(
    rows: &Rows<'_>,
    column: &Column,
    value: &Value,
    rejects: &mut Rejects,
) -> Result<ArrayRef, MappingError> {
    match column.kind {
        DataKind::Time => {
            let clock = stamp_like(&rows.spec.time.from, value);
            Ok(time_array(rows.moments(&clock, rejects)?))
        }
        DataKind::Double | DataKind::Float => {
            let rules = NumberRules::plain(&column.name);
            Ok(Arc::new(rows.scope().numbers(value, &rules, rejects)?))
        }
        DataKind::Int | DataKind::Long => whole_numbers(rows, column, value, rejects),
        DataKind::Bool => {
            let texts = rows.texts(Some(value), rejects)?;
            let flags = (0..rows.len()).map(|row| truth(texts.get(row)?, row, rejects));
            Ok(Arc::new(flags.collect::<BooleanArray>()))
        }
        DataKind::Text | DataKind::Date | DataKind::Doubles | DataKind::Texts => {
            Ok(rows.texts(Some(value), rejects)?.array(rows.len()))
        }
    }
}

/// Further moments of a row are written like its first one.
fn stamp_like(first: &Clock, value: &Value) -> Clock {
    let value = value.clone();
    match first {
        Clock::Stamp { format, zone, .. } => Clock::Stamp {
            value,
            format: format.clone(),
            zone: zone.clone(),
            repeat: Repeat::Earlier,
        },
        Clock::Epoch { unit, origin, .. } => {
            Clock::Epoch { value, unit: *unit, origin: origin.clone() }
        }
        Clock::Step { seconds, origin, .. } => {
            Clock::Step { value, seconds: *seconds, origin: origin.clone() }
        }
        Clock::Split { zone, .. } => stamp(value, zone.clone()),
        Clock::RowOrder { .. } | Clock::None { .. } => stamp(value, Zone::default()),
    }
}

fn stamp(value: Value, zone: Zone) -> Clock {
    Clock::Stamp { value, format: None, zone, repeat: Repeat::Earlier }
}

fn whole_numbers(
    rows: &Rows<'_>,
    column: &Column,
    value: &Value,
    rejects: &mut Rejects,
) -> Result<ArrayRef, MappingError> {
    let numbers = rows.scope().numbers(value, &NumberRules::plain(&column.name), rejects)?;
    for (row, number) in numbers.iter().enumerate() {
        if let Some(number) = number.filter(|number| number.fract() != 0.0) {
            rejects.add(row, || format!("`{}`: {number} is not a whole number", column.name));
        }
    }
    let numbers: ArrayRef = Arc::new(numbers);
    let whole = arrow::compute::cast(&numbers, &column.kind.arrow())?;
    let out_of_range =
        |row: &usize| whole.is_null(*row) && numbers.as_primitive::<Float64Type>().is_valid(*row);
    for row in (0..rows.len()).filter(out_of_range) {
        rejects.add(row, || format!("`{}` is out of range", column.name));
    }
    Ok(whole)
}

fn truth(text: &str, row: usize, rejects: &mut Rejects) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => {
            rejects.add(row, || format!("`{text}` is neither true nor false"));
            None
        }
    }
}
