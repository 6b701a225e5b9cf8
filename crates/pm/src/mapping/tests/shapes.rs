//! The same data in three shapes, and the rules of numbers.

use std::sync::Arc;

use arrow::array::{Float32Array, Int64Array, StringArray, TimestampNanosecondArray};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn channel_mapping(shape: Json, entity: Json, channels: Json) -> Mapping {
    mapping(json!({
        "name": "m", "target": "kpis", "sources": [{"path": "*"}], "shape": shape,
        "entity": {"type": {"constant": "cell"}, "id": entity},
        "time": {"from": {"stamp": {"value": "time"}}, "cadence_seconds": 3600},
        "channels": channels
    }))
}

fn wide(channels: Json) -> Mapping {
    channel_mapping(json!("wide"), json!("cell"), channels)
}

/// Entity, start and values of a row.
type Row = (Option<String>, Option<String>, Vec<Option<String>>);

/// Key and values of each row, sorted, so that shapes compare whatever their order.
fn rows(mapped: &Mapped, channels: &[&str]) -> Vec<Row> {
    let batch = batch(mapped, "kpis");
    let ids = texts(batch, "entity_id");
    let starts = times(batch, "period_start");
    let columns: Vec<_> = channels.iter().map(|name| texts(batch, name)).collect();
    let row = |row: usize| {
        let values = columns.iter().map(|column| column[row].clone()).collect();
        (ids[row].clone(), starts[row].clone(), values)
    };
    let mut rows: Vec<_> = (0..batch.num_rows()).map(row).collect();
    rows.sort();
    rows
}

proptest! {
    #[test]
    fn three_shapes_hold_the_same_rows(
        values in proptest::collection::vec(proptest::option::of(-1e6_f64..1e6), 1..40),
        cells in 1_usize..5,
    ) {
        let hours = values.len().div_ceil(cells);
        let value = |hour: usize, cell: usize| values.get(hour * cells + cell).copied().flatten();
        let text = |hour, cell| value(hour, cell).map_or(String::new(), |number| number.to_string());
        let stamp = |hour: usize| micros_text(hour);
        let (mut wide_text, mut long_text) = ("time,cell,x\n".to_owned(), "time,cell,what,number\n".to_owned());
        let mut by_column = "time".to_owned();
        (0..cells).for_each(|cell| by_column.push_str(&format!(",cell_c{cell}")));
        for hour in 0..hours {
            by_column.push_str(&format!("\n{}", stamp(hour)));
            for cell in 0..cells {
                wide_text.push_str(&format!("{},c{cell},{}\n", stamp(hour), text(hour, cell)));
                long_text.push_str(&format!("{},c{cell},x,{}\n", stamp(hour), text(hour, cell)));
                long_text.push_str(&format!("{},c{cell},other,1\n", stamp(hour)));
                by_column.push_str(&format!(",{}", text(hour, cell)));
            }
        }
        let long_shape = json!({"long": {"channel": "what", "value": "number"}});
        let columns_shape = json!({"entity_per_column": {"columns": "cell_{cell}"}});
        let by_value = json!([{"name": "x", "value": "value"}]);
        let shapes = [
            (wide(json!([{"name": "x"}])), wide_text),
            (channel_mapping(long_shape, json!("cell"), json!([{"name": "x"}])), long_text),
            (channel_mapping(columns_shape, json!({"capture": "cell"}), by_value), by_column),
        ];
        let found: Vec<_> = shapes.iter().map(|(mapping, text)| {
            let mapped = read(mapping, "f.csv", text);
            prop_assert!(mapped.rejected.is_empty(), "{:?}", mapped.rejected);
            Ok(rows(&mapped, &["x"]))
        }).collect::<Result<_, _>>()?;
        prop_assert_eq!(found[0].len(), hours * cells);
        prop_assert_eq!(&found[0], &found[1]);
        prop_assert_eq!(&found[0], &found[2]);
    }
}

fn micros_text(hour: usize) -> String {
    let at = micros("2024-01-01T00:00:00Z") + hour as i64 * 3_600_000_000;
    jiff::Timestamp::from_microsecond(at).unwrap().to_string()
}

#[test]
fn csv_and_parquet_hold_the_same_rows() {
    let mapping = wide(json!([{"name": "x", "sentinels": [-200.0]}, {"name": "n", "scale": 0.5}]));
    let text = "time,cell,x,n\n2024-01-01 00:00,7,1.5,4\n2024-01-01 01:00,7,-200,\n";
    let start = micros("2024-01-01T00:00:00Z") * 1000;
    let bytes = parquet(vec![
        ("time", Arc::new(TimestampNanosecondArray::from(vec![start, start + 3_600_000_000_000]))),
        ("cell", Arc::new(Int64Array::from(vec![7, 7]))),
        ("x", Arc::new(Float32Array::from(vec![1.5, -200.0]))),
        ("n", Arc::new(Int64Array::from(vec![Some(4), None]))),
        ("unused", Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    let from_text = rows(&read(&mapping, "f.csv", text), &["x", "n"]);
    let from_parquet = rows(&try_read(&mapping, "f.parquet", bytes).unwrap(), &["x", "n"]);
    assert_eq!(from_text, from_parquet);
    assert_eq!(from_text[0].2, [Some("1.5".into()), Some("2.0".into())]);
    assert_eq!(from_text[1].2, [None, None]);
}

#[test]
fn rules_of_numbers() {
    let mapping = wide(json!([
        {"name": "load", "value": "Load (%)", "decimal_comma": true, "scale": 0.01, "kind": "ratio"},
        {"name": "rsrp", "sentinels": [-200]},
        {"name": "users", "zero_allowed": false},
        {"name": "success", "value": "good", "over": "tries", "scale": 100, "kind": "ratio"},
        {"name": "absent", "value": {"optional": "not_there"}}
    ]));
    let text = "time;cell;Load (%);rsrp;users;good;tries\n\
        2024-01-01 00:00;a;1.234,5;-200;0;9;10\n\
        2024-01-01 01:00;a;NIL;-80;3;0;0\n";
    let mapped = read(&mapping, "f.csv", text);
    let batch = batch(&mapped, "kpis");
    assert_eq!(numbers(batch, "load"), [Some(12.345), None]);
    assert_eq!(numbers(batch, "rsrp"), [None, Some(-80.0)]);
    assert_eq!(numbers(batch, "users"), [None, Some(3.0)]);
    assert_eq!(numbers(batch, "success"), [Some(90.0), None]);
    assert_eq!(numbers(batch, "absent"), [None, None]);
    assert_eq!(texts(batch, "quality"), [Some("32".into()), Some("32".into())]);
}

#[test]
fn a_growing_counter_becomes_its_increase() {
    let mapping = wide(json!([{"name": "bytes", "kind": "cumulative"}]));
    let text = "time,cell,bytes\n\
        2024-01-01 02:00,a,7\n2024-01-01 00:00,a,10\n2024-01-01 00:00,b,1\n2024-01-01 01:00,a,15\n";
    let mapped = read(&mapping, "f.csv", text);
    assert_eq!(numbers(batch(&mapped, "kpis"), "bytes"), [None, None, None, Some(5.0)]);
}

#[test]
fn what_a_counter_gained_over_a_gap_is_nobodys() {
    let mapping = wide(json!([{"name": "bytes", "kind": "cumulative"}]));
    let text = "time,cell,bytes\n2024-01-01 00:00,a,10\n2024-01-01 01:05,a,15\n2024-01-01 03:05,a,20\n2024-01-01 04:00,a,21\n";
    let mapped = read(&mapping, "f.csv", text);
    assert_eq!(numbers(batch(&mapped, "kpis"), "bytes"), [None, Some(5.0), None, Some(1.0)]);
}

#[test]
fn a_column_per_entity_is_not_repeated_for_the_others() {
    let columns = ["time", "cell_a", "cell_b", "cell_c"].map(|name| {
        let cells: ArrayRef = Arc::new(StringArray::from(vec![name, "2"]));
        (name.to_owned(), cells)
    });
    let frame = Frame::new(columns.into(), 2, frame::Places::Numbers);
    let pattern = Pattern::try_from("cell_{cell}".to_owned()).unwrap();
    let long = unpivot(&frame, &pattern, |_, name| name == "cell_c").unwrap();
    let kind = |name: &str| long.column(name).unwrap().data_type().clone();
    assert_eq!([kind("cell_a"), kind("cell_c")], [DataType::Null, DataType::Utf8]);
    assert_eq!((long.rows(), long.sample(5)), (6, "2,2,2,2".into()));
}

#[test]
fn zero_channels_are_allowed() {
    let mapped = read(&wide(json!([])), "f.csv", "time,cell\n2024-01-01,a\n");
    assert_eq!((mapped.rows_read, batch(&mapped, "kpis").num_rows()), (1, 1));
}

#[test]
fn undeclared_channels_are_skipped_or_rejected() {
    let text = "time,cell,what,number\n2024-01-01,a,x,1\n2024-01-01,a,y,2\n2024-01-01,a,x,3\n";
    let shape =
        |others: &str| json!({"long": {"channel": "what", "value": "number", "others": others}});
    let make = |others| channel_mapping(shape(others), json!("cell"), json!([{"name": "x"}]));
    let mapped = read(&make("skip"), "f.csv", text);
    assert_eq!((mapped.rows_read, mapped.rows_skipped, mapped.rows_written), (2, 1, 1));
    let twice = "line 4: channel `x` of this entity and period stands in the file before";
    assert_eq!(reasons(&mapped), [twice]);
    assert_eq!(numbers(batch(&mapped, "kpis"), "x"), [Some(1.0)]);
    let mapped = read(&make("reject"), "f.csv", text);
    assert_eq!(reasons(&mapped), ["line 3: channel `y` is not declared", twice]);
}

#[test]
fn half_a_million_rows_of_twenty_channels() {
    let count = 450_000_usize;
    let start = micros("2024-01-01T00:00:00Z") * 1000;
    let stamps = (0..count).map(|row| start + (row % 750) as i64 * 3_600_000_000_000);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(TimestampNanosecondArray::from_iter_values(stamps))),
        (
            "cell",
            Arc::new(StringArray::from_iter_values(
                (0..count).map(|row| format!("north/N{}/1/n78", row / 750)),
            )),
        ),
    ];
    let names: Vec<String> = (0..20).map(|index| format!("c{index}")).collect();
    for name in &names {
        let values = (0..count).map(|row| row as f64 * 0.1);
        columns.push((name, Arc::new(arrow::array::Float64Array::from_iter_values(values))));
    }
    let bytes = parquet(columns);
    let channels: Vec<Json> = names.iter().map(|name| json!({"name": name})).collect();
    let mapping = wide(Json::Array(channels));
    let clock = std::time::Instant::now();
    let mapped = try_read(&mapping, "f.parquet", bytes).unwrap();
    println!("{count} rows of 20 channels in {:?}", clock.elapsed());
    assert_eq!(mapped.rows_written, count as u64);
}
