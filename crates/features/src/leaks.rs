//! Guards against looking into the future.
//!
//! The strongest one is the poison test: everything that became known after a cutoff is replaced
//! by noise, and the features at that cutoff must not change by a bit.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;

use crate::batch::Times;
use crate::task::Micros;

/// A number that two feature sets share only when they are equal to the bit.
pub fn fingerprint(values: &[f64]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        // All NaN are one: which of them a missing value is says nothing.
        let bits = if value.is_nan() { f64::NAN } else { *value }.to_bits();
        (hash ^ bits).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    })
}

/// A copy of `batch` in which every row that became known after `cutoff` holds noise: floats are
/// drawn anew, all other columns but `known_at` are shuffled among these rows.
///
/// # Errors
/// When the batch has no `known_at`, or Arrow refuses.
pub fn poison(batch: &RecordBatch, cutoff: Micros, seed: u64) -> Result<RecordBatch, ArrowError> {
    let known = Times::of(batch, "known_at")
        .map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?;
    let late: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap_or(0))
        .filter(|row| known.at(*row as usize).is_some_and(|known| known > cutoff))
        .collect();
    let mut noise = SplitMix(seed);
    let columns = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| match field.data_type() {
            _ if field.name() == "known_at" => Ok(column.clone()),
            DataType::Float64 => Ok(noisy(column, &late, &mut noise)),
            _ => take(column, &shuffled(batch.num_rows(), &late, &mut noise), None),
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(batch.schema(), columns)
}

fn noisy(column: &ArrayRef, late: &[u32], noise: &mut SplitMix) -> ArrayRef {
    let mut values: Vec<Option<f64>> = column.as_primitive::<Float64Type>().iter().collect();
    for row in late {
        values[*row as usize] = Some((noise.next() % 1_000_000) as f64);
    }
    Arc::new(Float64Array::from(values))
}

/// All rows, those in `late` in random order.
fn shuffled(rows: usize, late: &[u32], noise: &mut SplitMix) -> UInt32Array {
    let mut order: Vec<u32> = (0..u32::try_from(rows).unwrap_or(0)).collect();
    let mut from = late.to_vec();
    for left in (1..from.len()).rev() {
        let other = usize::try_from(noise.next() % (left as u64 + 1)).unwrap_or(0);
        from.swap(left, other);
    }
    for (row, other) in late.iter().zip(from) {
        order[*row as usize] = other;
    }
    UInt32Array::from(order)
}

/// **Source**: Steele, Lea, Flood 2014, Fast Splittable Pseudorandom Number Generators.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
