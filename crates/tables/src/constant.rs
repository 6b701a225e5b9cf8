//! Columns in which every row has the same value, as many of a data file have: source, bucket,
//! times of knowledge. They need no comparison of rows.

use arrow::array::{Array, AsArray as _, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

/// Whether every row has the same value and none lacks it. Types that tables have no constants of
/// are not looked at.
pub(crate) fn is_constant(array: &dyn Array) -> bool {
    if array.is_empty() || array.null_count() > 0 {
        return false;
    }
    match array.data_type() {
        DataType::Utf8 => is_constant_text(array.as_string()),
        DataType::Int32 => is_uniform(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => is_uniform(array.as_primitive::<Int64Type>().values()),
        DataType::Date32 => is_uniform(array.as_primitive::<Date32Type>().values()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            is_uniform(array.as_primitive::<TimestampMicrosecondType>().values())
        }
        _ => false,
    }
}

/// Whether the slice without its first value is the slice without its last.
fn is_uniform<T: PartialEq>(values: &[T]) -> bool {
    values.split_first().zip(values.split_last()).is_none_or(|((_, after), (_, before))| {
        // Most columns are settled by their ends.
        values.first() == values.last() && after == before
    })
}

/// Text repeats where all lengths are the same and the bytes are those one length further on.
fn is_constant_text(text: &StringArray) -> bool {
    let offsets = text.value_offsets();
    let [first, second, .., last] = *offsets else {
        return true;
    };
    let lengths_differ = offsets.windows(2).any(|ends| ends[1] - ends[0] != second - first);
    if lengths_differ || text.value(0) != text.value(text.len() - 1) {
        return false;
    }
    // unwrap safety: offsets of an array are not negative and lie within its bytes
    let (first, second, last) = (first as usize, second as usize, last as usize);
    let bytes = &text.value_data()[first..last];
    let length = second - first;
    bytes[length..] == bytes[..bytes.len() - length]
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array};

    use super::*;

    fn text(values: &[&str]) -> bool {
        is_constant(&StringArray::from(values.to_vec()))
    }

    #[test]
    fn text_is_constant_where_it_repeats() {
        assert!(text(&["ab", "ab", "ab"]) && text(&["ab"]) && text(&["", ""]));
        assert!(text(&["ab", "ab"]) && !text(&["ab", "ac"]) && !text(&["ab", "cb", "ab"]));
        assert!(!text(&["a", "aa"]) && !text(&["aa", "a", "aaa"]), "the same bytes, cut otherwise");
        assert!(!text(&["", "a"]) && !text(&[]));
        let sliced = StringArray::from(vec!["x", "ab", "ab", "y"]).slice(1, 2);
        assert!(is_constant(&sliced), "only the rows of the slice count");
    }

    #[test]
    fn numbers_are_constant_where_none_differs_or_lacks() {
        let numbers = |values: Vec<Option<i32>>| is_constant(&Int32Array::from(values));
        assert!(numbers(vec![Some(3), Some(3), Some(3)]) && numbers(vec![Some(3)]));
        assert!(!numbers(vec![Some(3), Some(4), Some(3)]) && !numbers(vec![Some(3), Some(4)]));
        assert!(!numbers(vec![Some(3), None]) && !numbers(vec![None, None]) && !numbers(vec![]));
        assert!(!is_constant(&Float64Array::from(vec![1.0, 1.0])), "floats are not looked at");
    }
}
