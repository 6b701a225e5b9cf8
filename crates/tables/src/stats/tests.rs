//! What the statistics of a file say, and what they must not say.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};

use super::{FileStats, Gathered, Value};

fn column(name: &str, array: ArrayRef) -> RecordBatch {
    let field = Field::new(name, array.data_type().clone(), true);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

fn json_of(batches: &[RecordBatch]) -> serde_json::Value {
    let mut gathered = Gathered::default();
    batches.iter().for_each(|batch| gathered.add(batch));
    serde_json::from_str(&gathered.to_json()).unwrap()
}

fn parsed(batches: &[RecordBatch]) -> FileStats {
    FileStats::parse(&json_of(batches).to_string(), &batches[0].schema()).unwrap()
}

fn times(values: Vec<Option<i64>>) -> RecordBatch {
    column("t", Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")))
}

fn floats(values: Vec<f64>) -> RecordBatch {
    column("x", Arc::new(Float64Array::from(values)))
}

#[test]
fn the_bounds_of_times_may_only_widen() {
    let stats = parsed(&[times(vec![Some(1_700_000_000_000_001), Some(1_700_000_003_600_000)])]);
    let range = stats.range("t").unwrap();
    assert_eq!(range.low, Value::Int(1_700_000_000_000_000));
    assert_eq!(range.high, Value::Int(1_700_000_003_600_999), "others cut to milliseconds");
    assert_eq!(stats.rows, Some(2));
}

#[test]
fn a_time_that_delta_cannot_write_has_no_bounds() {
    for out_of_range in [i64::MAX, i64::MIN, 253_402_300_800_000_000] {
        let json = json_of(&[times(vec![Some(0), Some(out_of_range)])]);
        assert_eq!(json["minValues"].get("t"), None, "{json}");
        assert_eq!(json["maxValues"].get("t"), None, "{json}");
    }
}

#[test]
fn batches_are_joined() {
    let text = |values: Vec<Option<&str>>| column("s", Arc::new(StringArray::from(values)));
    let stats = parsed(&[text(vec![Some("b")]), text(vec![None, Some("a")]), text(vec![None])]);
    let range = stats.range("s").unwrap();
    assert_eq!((&range.low, &range.high), (&Value::Text("a".into()), &Value::Text("b".into())));
    assert!(!range.is_full, "two rows have no value");
    assert_eq!(stats.rows, Some(4));
}

#[test]
fn a_column_with_nulls_is_never_constant() {
    let ints = |values: Vec<Option<i32>>| column("n", Arc::new(Int32Array::from(values)));
    assert_eq!(parsed(&[ints(vec![Some(3), Some(3)])]).constant("n"), Some(&Value::Int(3)));
    assert_eq!(parsed(&[ints(vec![Some(3), None])]).constant("n"), None);
}

#[test]
fn nan_and_long_text_have_no_bounds_and_zero_has_both_signs() {
    let json = json_of(&[floats(vec![f64::NAN, 1.0])]);
    assert_eq!(json["minValues"].get("x"), None);
    let json = json_of(&[floats(vec![1.0]), floats(vec![f64::NEG_INFINITY])]);
    assert_eq!(json["minValues"].get("x"), None);
    let json = json_of(&[floats(vec![0.0, -0.0])]);
    assert!(json["minValues"]["x"].as_f64().unwrap().is_sign_negative());
    assert!(json["maxValues"]["x"].as_f64().unwrap().is_sign_positive());
    let long = column("s", Arc::new(StringArray::from(vec!["a".to_owned(), "ü".repeat(40)])));
    let json = json_of(&[long]);
    assert_eq!(json["minValues"].get("s"), None);
    assert_eq!(json["nullCount"]["s"], 0);
}

#[test]
fn foreign_statistics_that_make_no_sense_are_ignored() {
    let schema = Schema::new(vec![Field::new("n", DataType::Int32, true)]);
    assert_eq!(FileStats::parse("{", &schema), None);
    assert_eq!(FileStats::parse("{}", &schema), None);
    let stats = FileStats::parse(
        r#"{"numRecords":1,"minValues":{"n":"x"},"maxValues":{"n":1e99}}"#,
        &schema,
    );
    assert_eq!(stats.unwrap().range("n"), None);
}
