//! Rows of `kpis` and `kpi_groups` into a cube.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimestampMicrosecondType};

use super::{Cube, Rank};
use crate::batch::{BatchError, column, time_type};
use crate::task::{DAY, Micros, SECOND};

/// How rows become cells of the grid.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows<'a> {
    /// Channels that are sums over a row's period: of a coarse row each step gets its share, and of
    /// a partly filled one nothing.
    pub additive: &'a [String],
    /// Column to read instead of the channel where the row is coarser than a step.
    pub coarse_channel: Option<(&'a str, &'a str)>,
    /// Rows known later than this are left out.
    pub known_until: Option<Micros>,
    /// Rows longer than this are left out.
    pub longest: Option<Micros>,
}

/// What [`Cube::add`] did with the rows of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// Rows that became cells.
    pub taken: usize,
    /// Rows of other entities or outside the grid, known too late, or finer than a step.
    pub skipped: usize,
}

/// The columns of a batch that identify and date a row.
struct Keys {
    entity: ArrayRef,
    source: ArrayRef,
    start: ArrayRef,
    known: ArrayRef,
    granularity: ArrayRef,
    tombstone: Option<BooleanArray>,
    quality: Option<Int32Array>,
}

/// Quality bit of a row whose period is only partly filled (`kpis.quality`, bit 2).
const PARTLY_FILLED: i32 = 1 << 2;

impl Keys {
    fn of(batch: &RecordBatch) -> Result<Self, BatchError> {
        let tombstone = batch.column_by_name("tombstone");
        let quality = batch.column_by_name("quality");
        Ok(Self {
            entity: column(batch, "entity_id", &DataType::Utf8)?,
            source: column(batch, "source", &DataType::Utf8)?,
            start: column(batch, "period_start", &time_type())?,
            known: column(batch, "known_at", &time_type())?,
            granularity: column(batch, "granularity_s", &DataType::Int32)?,
            tombstone: tombstone.and_then(|array| array.as_boolean_opt().cloned()),
            quality: quality.and_then(|array| array.as_primitive_opt::<Int32Type>().cloned()),
        })
    }
}

impl Keys {
    /// Whether the row covers only a part of its period: its sums are too low then.
    fn is_partial(&self, row: usize) -> bool {
        let known = self.quality.as_ref().filter(|quality| quality.is_valid(row));
        known.is_some_and(|quality| quality.value(row) & PARTLY_FILLED != 0)
    }
}

impl Cube {
    /// Puts the rows of a batch in place. Rows finer than a step are skipped: whoever wants them
    /// builds a cube of their granularity and [`super::coarsen`]s it.
    ///
    /// # Errors
    /// When a key column is missing or has another type; a missing channel stays unobserved.
    pub fn add(&mut self, batch: &RecordBatch, rows: &Rows<'_>) -> Result<Added, BatchError> {
        let keys = Keys::of(batch)?;
        let names = self.channels.clone();
        let fine = channels_of(batch, &names, |name| name)?;
        let coarse = channels_of(batch, &names, |name| rows.coarse_name(name))?;
        let mut added = Added::default();
        let mut last: Option<(String, Option<usize>)> = None;
        for row in 0..batch.num_rows() {
            let id = keys.entity.as_string::<i32>().value(row);
            // Rows are sorted by entity: the search runs once per entity, not once per row.
            let entity = match &last {
                Some((known, entity)) if known == id => *entity,
                _ => {
                    let entity = self.entity(id);
                    last = Some((id.to_owned(), entity));
                    entity
                }
            };
            let taken = entity
                .is_some_and(|entity| self.add_row(entity, row, &keys, (&fine, &coarse), rows));
            added.taken += usize::from(taken);
            added.skipped += usize::from(!taken);
        }
        Ok(added)
    }

    fn add_row(
        &mut self,
        entity: usize,
        row: usize,
        keys: &Keys,
        (fine, coarse): (&[Option<ArrayRef>], &[Option<ArrayRef>]),
        rows: &Rows<'_>,
    ) -> bool {
        let start = keys.start.as_primitive::<TimestampMicrosecondType>().value(row);
        let known = keys.known.as_primitive::<TimestampMicrosecondType>().value(row);
        let length = Micros::from(keys.granularity.as_primitive::<Int32Type>().value(row)) * SECOND;
        if rows.longest.is_some_and(|longest| length > longest) {
            return false;
        }
        if rows.known_until.is_some_and(|until| known > until) || length < self.grid.step {
            return false;
        }
        let share = length / self.grid.step;
        // A row of a day is coarse even where it fills a single step: hours are preferred.
        let is_coarse = share > 1 || length >= DAY;
        let gone = keys.tombstone.as_ref().is_some_and(|gone| gone.value(row));
        let arrays = if is_coarse { coarse } else { fine };
        let is_partial = keys.is_partial(row);
        let values: Vec<f32> = (0..self.channels.len())
            .map(|channel| match &arrays[channel] {
                Some(array) if !gone && array.is_valid(row) => {
                    let value = array.as_primitive::<Float64Type>().value(row);
                    match rows.additive.contains(&self.channels[channel]) {
                        true if is_partial => f32::NAN,
                        true if is_coarse => (value / share as f64) as f32,
                        _ => value as f32,
                    }
                }
                _ => f32::NAN,
            })
            .collect();
        let rank = match keys.source.as_string::<i32>().value(row) {
            _ if is_coarse => Rank::Coarse,
            "derived" => Rank::Derived,
            _ => Rank::Imported,
        };
        let mut taken = false;
        for part in 0..share {
            if let Some(step) = self.grid.index(start + part * self.grid.step) {
                self.insert(entity, step, (rank, known), &values);
                taken = true;
            }
        }
        taken
    }
}

impl Rows<'_> {
    fn coarse_name<'n>(&'n self, name: &'n str) -> &'n str {
        match self.coarse_channel {
            Some((channel, instead)) if channel == name => instead,
            _ => name,
        }
    }
}

fn channels_of<'n>(
    batch: &RecordBatch,
    names: &'n [String],
    column_of: impl Fn(&'n str) -> &'n str,
) -> Result<Vec<Option<ArrayRef>>, BatchError> {
    names
        .iter()
        .map(|name| match column_of(name) {
            name if batch.column_by_name(name).is_none() => Ok(None),
            name => column(batch, name, &DataType::Float64).map(Some),
        })
        .collect()
}
