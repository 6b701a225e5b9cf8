//! How the columns of a data file are encoded: a choice for each float column, from a look at its
//! values.
//!
//! Counts and ratios of small counts repeat: a dictionary makes them small and quick to read. Means
//! and other measures hardly do: a dictionary of them costs three times the time and more room than
//! the values, which BYTE_STREAM_SPLIT and zstd shrink by an eighth and more.

use arrow::array::{Array, ArrowPrimitiveType, AsArray as _, PrimitiveArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::file_writer::columns_a_task;

/// Rows of a row group: what a reader holds of a file at a time.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;

/// Values after which a column that hardly repeats is not looked at any more.
const FIRST_LOOK: usize = 8192;

/// Of 8192 values out of 65,536 equally frequent ones, so many are distinct.
const FIRST_LOOK_DISTINCT: usize = 7700;

/// Words of a sketch for few values: 4096 bits.
const SMALLEST_SKETCH: usize = 64;

/// A dictionary is slower to write, so it has to be that much smaller.
const WORTH_PERCENT: usize = 80;

/// The properties of a file whose first rows are these.
pub(crate) fn properties(rows: &RecordBatch) -> WriterProperties {
    // unwrap safety: level 1 is within zstd's range
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    let repeats: Vec<Option<bool>> = rows
        .columns()
        .par_iter()
        .with_min_len(columns_a_task(rows.num_rows()))
        .map(|array| repeats(array.as_ref()))
        .collect();
    for (field, repeats) in rows.schema().fields().iter().zip(repeats) {
        if let Some(repeats) = repeats {
            builder = choose(builder, field, repeats);
        }
    }
    builder.build()
}

fn choose(
    builder: WriterPropertiesBuilder,
    field: &Field,
    repeats: bool,
) -> WriterPropertiesBuilder {
    let path = match field.data_type() {
        DataType::List(item) => {
            ColumnPath::new(vec![field.name().clone(), "list".into(), item.name().clone()])
        }
        _ => ColumnPath::from(field.name().as_str()),
    };
    builder
        .set_column_dictionary_enabled(path.clone(), repeats)
        .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
}

/// Whether a dictionary of the values of a row group is clearly smaller than the values split;
/// `None` for values that are no floats.
fn repeats(values: &dyn Array) -> Option<bool> {
    match values.data_type() {
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>();
            Some(dictionary_pays(values, |value| value.to_bits().into()))
        }
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>();
            Some(dictionary_pays(values, f64::to_bits))
        }
        DataType::List(item) if item.data_type() == &DataType::Float64 => {
            repeats(values.as_list::<i32>().values().as_ref())
        }
        _ => None,
    }
}

fn dictionary_pays<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    bits: impl Fn(T::Native) -> u64 + Copy,
) -> bool {
    let looked_at = values.slice(0, values.len().min(ROW_GROUP_ROWS));
    let mut seen = Seen::of(looked_at.len());
    if looked_at.null_count() == 0 {
        let (first, rest) = looked_at.values().split_at(looked_at.len().min(FIRST_LOOK));
        seen.add(first.iter().map(|&value| bits(value)));
        if seen.hardly_repeat() {
            return false;
        }
        seen.add(rest.iter().map(|&value| bits(value)));
    } else {
        let mut present = looked_at.iter().flatten().map(bits);
        seen.add(present.by_ref().take(FIRST_LOOK));
        if seen.hardly_repeat() {
            return false;
        }
        seen.add(present);
    }
    seen.dictionary_pays(size_of::<T::Native>())
}

/// How many bit patterns were seen: values that compare equal (zeros) or never do (NaN) stay what
/// they are. Counted by how many of a number of bits they set: a per cent off at most, which the
/// choice can bear, for a tenth of the time that a set of them takes.
struct Seen {
    /// A power of two of bits, at least twice as many as values.
    sketch: Vec<u64>,
    count: usize,
    first: u64,
    /// Bits in which any value differs from the first.
    varying: u64,
}

impl Seen {
    /// For up to so many values.
    fn of(values: usize) -> Self {
        let words = (values / 32).next_power_of_two().max(SMALLEST_SKETCH);
        Self { sketch: vec![0; words], count: 0, first: 0, varying: 0 }
    }

    fn add(&mut self, values: impl Iterator<Item = u64>) {
        let mask = self.sketch.len() - 1;
        let (mut count, mut first, mut varying) = (self.count, self.first, self.varying);
        for bits in values {
            if count == 0 {
                first = bits;
            }
            count += 1;
            varying |= bits ^ first;
            let mixed = mixed(bits);
            self.sketch[(mixed >> 6) as usize & mask] |= 1 << (mixed & 63);
        }
        (self.count, self.first, self.varying) = (count, first, varying);
    }

    /// The expected number of distinct values for so many bits that none of them set (linear
    /// counting; Whang, Vander-Zanden and Taylor 1990).
    fn distinct(&self) -> usize {
        let unset: usize = self.sketch.iter().map(|word| word.count_zeros() as usize).sum();
        let bits = (self.sketch.len() * 64) as f64;
        let distinct = bits * (bits / unset.max(1) as f64).ln();
        (distinct.round() as usize).min(self.count)
    }

    fn hardly_repeat(&self) -> bool {
        self.count == FIRST_LOOK && self.distinct() >= FIRST_LOOK_DISTINCT
    }

    /// Compares the sizes before compression. Bytes in which no value differs cost nothing when
    /// split: whole numbers have many of them.
    fn dictionary_pays(&self, width: usize) -> bool {
        let distinct = self.distinct();
        let index_bits = usize::BITS - distinct.saturating_sub(1).leading_zeros();
        let varying = self.varying.to_le_bytes().iter().filter(|byte| **byte != 0).count();
        let dictionary = distinct * width + self.count * index_bits as usize / 8;
        dictionary * 100 < self.count * varying * WORTH_PERCENT
    }
}

/// Spreads the bits of a number over all of them (the last steps of splitmix64).
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    fn pays(values: impl IntoIterator<Item = Option<f64>>) -> bool {
        repeats(&Float64Array::from_iter(values)).unwrap()
    }

    /// A number below `of`, scattered like a random one.
    fn pick(index: u64, of: u64) -> u64 {
        let mixed = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31) % of
    }

    /// One of `of` numbers in [0, 1).
    fn spread(index: u64, of: u64) -> f64 {
        pick(index, of) as f64 / of as f64
    }

    #[test]
    fn values_that_repeat_get_a_dictionary() {
        assert!(pays((0..100_000).map(|index| Some(spread(index, 500)))));
        assert!(pays((0..100_000).map(|index| Some(spread(index, 40_000)))), "two in five");
        assert!(pays((0..100_000).map(|index| (index % 3 > 0).then(|| spread(index, 300)))));
    }

    #[test]
    fn values_that_hardly_repeat_are_split() {
        assert!(!pays((0..100_000).map(|index| Some(spread(index, u64::MAX >> 12)))));
        assert!(!pays((0..100_000).map(|index| Some(spread(index, 800_000)))));
        assert!(!pays((0..50).map(|index| Some(spread(index, u64::MAX >> 12)))));
        assert!(!pays(
            (0..100_000).map(|index| (index % 3 > 0).then(|| spread(index, u64::MAX >> 12)))
        ));
    }

    #[test]
    fn many_whole_numbers_are_split() {
        // Two bytes of each vary: less than a dictionary of every third.
        assert!(!pays((0..100_000).map(|index| Some(pick(index, 30_000) as f64))));
    }

    #[test]
    fn of_nothing_and_of_one_value_no_dictionary_is_made() {
        assert!(!pays([]));
        assert!(!pays([None, None]));
        assert!(!pays(vec![Some(1.5); 1000]), "split, equal bytes cost nothing");
    }

    #[test]
    fn bits_tell_values_apart() {
        let mut seen = Seen::of(5);
        seen.add([0.0, -0.0, f64::NAN, -f64::NAN, f64::NAN].into_iter().map(f64::to_bits));
        assert_eq!(seen.distinct(), 4);
    }

    #[test]
    fn distinct_values_are_counted_to_a_per_cent() {
        let numbers = |values: usize| (0..values).map(|index| (index as f64).to_bits());
        let scattered =
            |values: usize| (0..values).map(|index| spread(index as u64, 1 << 50).to_bits());
        for count in [100, 5_000, 40_000, ROW_GROUP_ROWS] {
            let (mut even, mut odd) = (Seen::of(count), Seen::of(count));
            even.add(numbers(count));
            odd.add(scattered(count));
            for found in [even.distinct(), odd.distinct()] {
                assert!(found.abs_diff(count) * 50 <= count, "{found} of {count}");
            }
        }
        let mut few = Seen::of(ROW_GROUP_ROWS);
        few.add((0..ROW_GROUP_ROWS).map(|index| (index % 700) as u64));
        assert!(few.distinct().abs_diff(700) < 7, "{}", few.distinct());
    }
}
