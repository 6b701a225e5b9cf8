//! The target `kpis` from the long shape: a row per entity, period and channel becomes one row per
//! entity and period.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::assemble::Assembly;
use super::kpis::{granularity, increases, rules, table};
use super::leaf::Value;
use super::number::NumberRules;
use super::rows::{Entities, Rows};
use super::spec::{Channel, ChannelKind, Others};
use super::value::Rejects;
use super::{MappingError, TableBatch};
use crate::Micros;

/// The names of the long shape's columns.
pub(super) struct LongColumns<'a> {
    pub(super) channel: &'a Value,
    pub(super) value: &'a Value,
    pub(super) others: Others,
}

/// The rows that `rows` make, and how many of those were passed over.
pub(super) fn pivot(
    rows: &Rows<'_>,
    entities: &Entities,
    columns: &LongColumns<'_>,
    rejects: &mut Rejects,
) -> Result<(TableBatch, u64), MappingError> {
    let cells = Cells::read(rows, columns, rejects)?;
    let mut wide = WideRows::new(rows.spec.channels.len());
    for row in 0..rows.len() {
        let (Some(channel), Some(at)) = (cells.channels[row], rows.times[row]) else { continue };
        if rejects.has(row) {
            continue;
        }
        let key = (entities.codes[row], at, rows.known[row]);
        if !wide.put(key, row, channel, cells.numbers[row]) {
            rejects.add(row, || {
                let name = rows.spec.channels[channel].name.as_str();
                format!("channel `{name}` of this entity and period stands in the file before")
            });
        }
    }
    let skipped =
        (0..rows.len()).filter(|row| cells.channels[*row].is_none() && !rejects.has(*row));
    let skipped = skipped.count() as u64;
    Ok((wide.finish(rows, entities)?, skipped))
}

/// Channel and number of each row.
struct Cells {
    channels: Vec<Option<usize>>,
    numbers: Vec<Option<f64>>,
}

impl Cells {
    fn read(
        rows: &Rows<'_>,
        columns: &LongColumns<'_>,
        rejects: &mut Rejects,
    ) -> Result<Self, MappingError> {
        let index: HashMap<&str, usize> =
            rows.spec.channels.iter().map(name_in_file).zip(0..).collect();
        let names = rows.scope().texts(columns.channel, rejects)?;
        let mut channels = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            let name = names.get(row).unwrap_or_default();
            let channel = index.get(name).copied();
            if channel.is_none() && (name.is_empty() || columns.others == Others::Reject) {
                rejects.add(row, || format!("channel `{name}` is not declared"));
            }
            channels.push(channel);
        }
        let numbers = numbers(rows, columns.value, &channels, rejects)?;
        Ok(Self { channels, numbers })
    }
}

/// What the file calls a channel.
fn name_in_file(channel: &Channel) -> &str {
    match &channel.value {
        Some(Value::Column(name) | Value::Constant(name)) => name,
        _ => channel.name.as_str(),
    }
}

/// The value column, each row by the rules of its channel.
fn numbers(
    rows: &Rows<'_>,
    value: &Value,
    channels: &[Option<usize>],
    rejects: &mut Rejects,
) -> Result<Vec<Option<f64>>, MappingError> {
    let rules: Vec<NumberRules<'_>> = rows.spec.channels.iter().map(rules).collect();
    let scope = rows.scope();
    let typed = scope.column(value)?.filter(|column| column.data_type().is_numeric());
    if let Some(column) = typed {
        let numbers = cast(&column, &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>();
        let clean = numbers
            .iter()
            .zip(channels)
            .map(|(number, channel)| rules.get((*channel)?)?.clean(number?));
        return Ok(clean.collect());
    }
    let texts = scope.texts(value, rejects)?;
    let clean = channels.iter().enumerate().map(|(row, channel)| {
        let rules = rules.get((*channel)?)?;
        scope.number(texts.get(row)?, rules, row, rejects)
    });
    Ok(clean.collect())
}

type Key = (u32, Micros, Micros);

/// The rows to write, in the order in which their first cell stands in the file.
struct WideRows {
    index: HashMap<Key, usize>,
    keys: Vec<Key>,
    first_rows: Vec<usize>,
    /// Per channel and row; the outer `None` was not given, the inner one was null.
    cells: Vec<Vec<Option<Option<f64>>>>,
}

impl WideRows {
    fn new(channels: usize) -> Self {
        let cells = vec![Vec::new(); channels];
        Self { index: HashMap::new(), keys: Vec::new(), first_rows: Vec::new(), cells }
    }

    /// Whether the cell was free.
    fn put(&mut self, key: Key, row: usize, channel: usize, number: Option<f64>) -> bool {
        let at = *self.index.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.first_rows.push(row);
            self.keys.len() - 1
        });
        let cells = &mut self.cells[channel];
        if cells.len() <= at {
            cells.resize(at + 1, None);
        }
        let is_free = cells[at].is_none();
        if is_free {
            cells[at] = Some(number);
        }
        is_free
    }

    fn finish(self, rows: &Rows<'_>, entities: &Entities) -> Result<TableBatch, MappingError> {
        let count = self.keys.len();
        let mut out = Assembly::new(table(&rows.spec.channels), count);
        for (channel, cells) in rows.spec.channels.iter().zip(&self.cells) {
            let mut numbers: Vec<Option<f64>> = cells.iter().map(|cell| cell.flatten()).collect();
            numbers.resize(count, None);
            let mut numbers = Float64Array::from(numbers);
            if channel.kind == ChannelKind::Cumulative {
                let key = |row: usize| (self.keys[row].0, Some(self.keys[row].1));
                numbers = increases((0..count).collect(), key, &numbers, rows.cadence());
            }
            out.set(channel.name.as_str(), Arc::new(numbers));
        }
        let first = || self.first_rows.iter().copied();
        out.set_texts("entity_type", first().map(|row| entities.kinds.get(row)));
        out.set_texts("entity_id", first().map(|row| entities.ids.get(row)));
        out.set_times("period_start", self.keys.iter().map(|(_, at, _)| Some(*at)));
        out.set("granularity_s", granularity(rows, count));
        out.set_times("known_at", self.keys.iter().map(|(_, _, known)| Some(*known)));
        out.finish(rows.spec.name.as_str(), rows.provenance, None)
    }
}
