//! How the columns of a data file are encoded: a choice for each float column, from a look at its
//! values.
//!
//! Counts and ratios of small counts repeat: a dictionary makes them small and quick to read. Means
//! and other measures hardly do: a dictionary of them costs three times the time and more room than
//! the values, which BYTE_STREAM_SPLIT and zstd shrink by an eighth and more.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{Array, ArrowPrimitiveType, AsArray as _, PrimitiveArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Rows of a row group: what a reader holds of a file at a time.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;

/// Values after which a column that hardly repeats is not looked at any more.
const FIRST_LOOK: usize = 8192;

/// Of 8192 values out of 65,536 equally frequent ones, so many are distinct.
const FIRST_LOOK_DISTINCT: usize = 7700;

/// A dictionary is slower to write, so it has to be that much smaller.
const WORTH_PERCENT: usize = 80;

/// The properties of a file whose first rows are these.
pub(crate) fn properties(rows: &RecordBatch) -> WriterProperties {
    // unwrap safety: level 1 is within zstd's range
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
        builder = choose(builder, field, array.as_ref());
    }
    builder.build()
}

fn choose(
    builder: WriterPropertiesBuilder,
    field: &Field,
    array: &dyn Array,
) -> WriterPropertiesBuilder {
    let (path, repeats) = match field.data_type() {
        DataType::Float32 | DataType::Float64 => {
            (ColumnPath::from(field.name().as_str()), repeats(array))
        }
        DataType::List(item) if item.data_type() == &DataType::Float64 => {
            let parts = vec![field.name().clone(), "list".into(), item.name().clone()];
            (ColumnPath::new(parts), repeats(array.as_list::<i32>().values().as_ref()))
        }
        _ => return builder,
    };
    builder
        .set_column_dictionary_enabled(path.clone(), repeats)
        .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
}

/// Whether a dictionary of the values of a row group is clearly smaller than the values split.
fn repeats(values: &dyn Array) -> bool {
    match values.data_type() {
        DataType::Float32 => {
            dictionary_pays(values.as_primitive::<Float32Type>(), |value| value.to_bits().into())
        }
        DataType::Float64 => {
            dictionary_pays(values.as_primitive::<Float64Type>(), |value| value.to_bits())
        }
        _ => false,
    }
}

fn dictionary_pays<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    bits: impl Fn(T::Native) -> u64,
) -> bool {
    let mut seen = Seen::default();
    let looked_at = values.slice(0, values.len().min(ROW_GROUP_ROWS));
    let may_pay = match looked_at.null_count() {
        0 => looked_at.values().iter().all(|&value| seen.add(bits(value))),
        _ => looked_at.iter().flatten().all(|value| seen.add(bits(value))),
    };
    may_pay && seen.dictionary_pays(size_of::<T::Native>())
}

/// The bit patterns seen: values that compare equal (zeros) or never do (NaN) stay what they are.
#[derive(Default)]
struct Seen {
    distinct: HashSet<u64, BuildHasherDefault<Mix>>,
    count: usize,
    first: u64,
    /// Bits in which any value differs from the first.
    varying: u64,
}

impl Seen {
    /// Adds a value; `false` when it is clear that values hardly repeat.
    fn add(&mut self, bits: u64) -> bool {
        if self.count == 0 {
            self.first = bits;
        }
        self.count += 1;
        self.varying |= bits ^ self.first;
        self.distinct.insert(bits);
        self.count != FIRST_LOOK || self.distinct.len() < FIRST_LOOK_DISTINCT
    }

    /// Compares the sizes before compression. Bytes in which no value differs cost nothing when
    /// split: whole numbers have many of them.
    fn dictionary_pays(&self, width: usize) -> bool {
        let distinct = self.distinct.len();
        let index_bits = usize::BITS - distinct.saturating_sub(1).leading_zeros();
        let varying = self.varying.to_le_bytes().iter().filter(|byte| **byte != 0).count();
        let dictionary = distinct * width + self.count * index_bits as usize / 8;
        dictionary * 100 < self.count * varying * WORTH_PERCENT
    }
}

/// A hash of one number: the default one costs more than the rest of the look.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    fn pays(values: impl IntoIterator<Item = Option<f64>>) -> bool {
        repeats(&Float64Array::from_iter(values))
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
        let mut seen = Seen::default();
        for value in [0.0, -0.0, f64::NAN, -f64::NAN, f64::NAN] {
            seen.add(value.to_bits());
        }
        assert_eq!(seen.distinct.len(), 4);
    }
}
