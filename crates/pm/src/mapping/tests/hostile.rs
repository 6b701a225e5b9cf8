//! Files and mappings that are wrong.

use std::io::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn base() -> Json {
    json!({
        "name": "m", "target": "kpis", "sources": [{"path": "**"}],
        "entity": {"type": {"constant": "cell"}, "id": "cell"},
        "time": {"from": {"stamp": {"value": "t"}}, "cadence_seconds": 3600},
        "channels": [{"name": "x"}]
    })
}

fn with(pointer: &str, value: Json) -> Json {
    let mut json = base();
    if let Some(place) = json.pointer_mut(pointer) {
        *place = value;
        return json;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[key] = value;
    json
}

#[test]
fn a_wrong_mapping_says_where() {
    let cases = [
        (with("/tim", json!(1)), "tim: unknown field `tim`"),
        (with("/time/cadence", json!(1)), "time.cadence: unknown field `cadence`"),
        (
            with("/time/from", json!({"stamp": {"value": "t", "zone": "Mars"}})),
            "time.from.stamp.zone: expected an IANA time zone",
        ),
        (with("/name", json!("My Map")), "name: name `My Map`"),
        (
            with("/channels/0", json!({"name": "x", "value": 5})),
            "channels[0].value: invalid type: integer `5`, expected a column name",
        ),
        (with("/sources", json!([])), "`sources`: expected at least one source"),
        (
            with("/time", json!({"from": {"stamp": {"value": "t"}}})),
            "`time.cadence_seconds`: needed for `kpis`",
        ),
        (
            with("/channels", json!([{"name": "x"}, {"name": "x"}])),
            "`channels[1].name`: `x` stands twice",
        ),
        (
            with("/channels", json!([{"name": "quality"}])),
            "`channels[0].name`: `quality` cannot be",
        ),
        (with("/fields", json!({"colour": "c"})), "`fields.colour`: expected one of"),
        (
            with("/entity/id", json!({"capture": "region"})),
            "`sources[0].path`: expected a capture `{region}`",
        ),
        (with("/entity/also", json!(["a"])), "`entity.also`: needs a constant"),
        (with("/target", json!("alarms")), "`channels`, `shape`: only `kpis` has channels"),
        (
            with("/shape", json!({"entity_per_column": {"columns": "c_{", }})),
            "shape.entity_per_column.columns: pattern",
        ),
    ];
    for (json, expected) in cases {
        let fault = fault(json);
        assert!(fault.contains(expected), "expected `{expected}`, got `{fault}`");
    }
}

#[test]
fn a_mapping_survives_writing() {
    let first = mapping(with("/history", json!({"delay_seconds": 3})));
    let again: Mapping = serde_json::from_value(serde_json::to_value(&first).unwrap()).unwrap();
    assert_eq!(first, again);
}

#[test]
fn junk_of_archives_is_nobodys() {
    let mapping = mapping(base());
    assert!(mapping.matches("a/b.csv").is_some());
    assert!(mapping.matches("__MACOSX/a/b.csv").is_none());
    assert!(mapping.matches("a/._b.csv").is_none());
}

#[test]
fn unreadable_files_are_one_error() {
    let mapping = mapping(base());
    let fault = |path: &str, bytes: &[u8]| {
        try_read(&mapping, path, bytes.to_vec()).unwrap_err().to_string()
    };
    assert!(fault("a.parquet", b"PAR1nothing").starts_with("parquet: "));
    assert!(fault("a.parquet", b"").starts_with("parquet: "));
    assert_eq!(fault("a.csv", b"t,cell\n"), "column `x`: not in the file, which has t, cell");
    assert_eq!(fault("a.csv", b""), "column `cell`: not in the file, which has ");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all("t,cell,x\n".repeat(100).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(fault("a.csv.gz", &gzip[..gzip.len() / 2]).starts_with("compression: "));
}

#[test]
fn a_column_that_stands_twice_is_refused_only_where_it_is_used() {
    let mapping = mapping(base());
    let fault = try_read(&mapping, "a.csv", "t,cell,x,x\n2020-01-01,a,1,2\n").unwrap_err();
    assert_eq!(fault.to_string(), "column `x`: stands twice in the file");
    let mapped = read(&mapping, "a.csv", "t,cell,x,y,y\n2020-01-01,a,1,2,3\n");
    assert_eq!(mapped.rows_written, 1);
}

#[test]
fn an_empty_key_joins_nothing() {
    let mapping = mapping(with(
        "/sources",
        json!([{"path": "a.csv", "joins": [{"path": "b.csv", "on": {"k": "k"}, "take": {"x": "x"}, "unmatched": "reject"}]}]),
    ));
    let matched = mapping.matches("a.csv").unwrap();
    let joined = [Bytes::from_static(b"k,x\n1,5\n,6\n,7\n")];
    let bytes = Bytes::from_static(b"t,cell,k\n2020-01-01,a,1\n2020-01-01,b,\n");
    let input = Input { path: "a.csv", bytes, joined: &joined, limits: Limits::default() };
    let mapped = mapping.read(&matched, &input, &provenance()).unwrap();
    assert_eq!(numbers(batch(&mapped, "kpis"), "x"), [Some(5.0)]);
    assert_eq!(reasons(&mapped), ["line 3: no partner in `b.csv`"]);
}

#[test]
fn blanks_in_parquet_are_no_values() {
    use arrow::array::{Float64Array, StringArray};
    let column = |texts: [&str; 3]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let bytes = parquet(vec![
        ("t", column(["2020-01-01", "2020-01-01 ", " "])),
        ("cell", column([" a ", "b", "c"])),
        ("x", column(["1", " ", "2"])),
        ("unused", Arc::new(Float64Array::from(vec![0.0; 3]))),
    ]);
    let mapped = try_read(&mapping(base()), "a.parquet", bytes).unwrap();
    assert_eq!(texts(batch(&mapped, "kpis"), "entity_id"), [Some("a".into()), Some("b".into())]);
    assert_eq!(numbers(batch(&mapped, "kpis"), "x"), [Some(1.0), None]);
    assert_eq!(reasons(&mapped), ["row 3: the time is empty"]);
}

/// Every byte of a good file overwritten once: the decoder panics on some of these.
#[test]
fn a_damaged_parquet_file_is_an_error_or_rows() {
    use arrow::array::{Float64Array, StringArray};
    let good = parquet(vec![
        ("t", Arc::new(StringArray::from(vec!["2020-01-01"; 30])) as ArrayRef),
        ("cell", Arc::new((0..30).map(|n| Some(format!("c{n}"))).collect::<StringArray>())),
        ("x", Arc::new(Float64Array::from(vec![Some(1.0); 30]))),
    ]);
    let mapping = mapping(base());
    assert_eq!(try_read(&mapping, "a.parquet", good.clone()).unwrap().rows_written, 30);
    let mut damaged = 0;
    for at in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[at] = !bytes[at];
        damaged += u32::from(try_read(&mapping, "a.parquet", bytes).is_err());
    }
    assert!(damaged > 100, "{damaged}");
}

#[test]
fn moments_out_of_range_reject_their_row() {
    use arrow::array::{StringArray, TimestampMicrosecondArray};
    let bytes = parquet(vec![
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MAX, i64::MIN])) as ArrayRef),
        ("cell", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ("x", Arc::new(StringArray::from(vec!["1", "1", "1"]))),
    ]);
    let ends = with("/time/marks", json!("end"));
    let mapped = try_read(&mapping(ends), "a.parquet", bytes).unwrap();
    assert_eq!(reasons(&mapped), ["row 2: time is out of range", "row 3: time is out of range"]);
    let order = json!({"row_order": {"seconds": u32::MAX, "origin": "2020-01-01T00:00:00Z"}});
    let text = format!("cell,x\n{}", "a,1\n".repeat(3000));
    let mapped = read(&mapping(with("/time/from", order)), "a.csv", &text);
    // 4e18 µs less the 50 years before the origin hold 930 steps of 2³² s, and there is row 0.
    assert_eq!(mapped.rows_written, 931);
}

#[test]
fn an_age_that_no_calendar_holds_is_null() {
    let mapping = mapping(json!({
        "name": "m", "target": "inventory", "sources": [{"path": "**"}],
        "entity": {"type": {"constant": "unit"}, "id": "unit"},
        "time": {"from": {"none": {"at": "2020-01-01T00:00:00Z"}}},
        "statics": [{"name": "commissioned_at", "from": {"age": {
            "value": "age", "unit": "years", "as_of": {"none": {"at": "2020-01-01T00:00:00Z"}}
        }}}]
    }));
    let mapped = read(&mapping, "a.csv", "unit,age\na,-1e300\nb,1\n");
    let born = times(batch(&mapped, "inventory"), "commissioned_at");
    assert_eq!(born, [None, Some("2018-12-31T18:00:00Z".into())]);
}

#[test]
fn gzip_is_read_as_it_is() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"t,cell,x\n2020-01-01,a,1\n").unwrap();
    let mapped = try_read(&mapping(base()), "a.csv.gz", gzip.finish().unwrap()).unwrap();
    assert_eq!(mapped.rows_written, 1);
}

#[test]
fn a_bomb_is_refused() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let fault = try_read(&mapping(base()), "a.csv.gz", gzip.finish().unwrap()).unwrap_err();
    assert!(fault.to_string().starts_with("too large: "), "{fault}");
}

#[test]
fn odd_values_reject_their_row_only() {
    let text = "t,cell,x\n\
        2020-01-01,a,1\n2020-01-01,b,1e400\n2020-01-01,c,-\n2020-01-01,d,=1+1\n\
        yesterday,e,1\n,f,1\n2020-01-01,,1\n9999-12-31,g,1\n1970-01-01,h,-0\n";
    let mapped = read(&mapping(base()), "a.csv", text);
    assert_eq!(
        reasons(&mapped),
        [
            "line 3: `x`: `1e400` is not a number",
            "line 5: `x`: `=1+1` is not a number",
            "line 6: `yesterday` is not a moment",
            "line 7: the time is empty",
            "line 8: the entity's type or id is empty",
            "line 9: `9999-12-31` is not a moment",
        ]
    );
    assert_eq!(numbers(batch(&mapped, "kpis"), "x"), [Some(1.0), None, Some(-0.0)]);
}

#[test]
fn thousands_of_bad_rows_are_counted_by_reason() {
    let text = format!("t,cell,x\n{}", "never,a,1\n".repeat(5000));
    let mapped = read(&mapping(base()), "a.csv", &text);
    assert_eq!((mapped.rows_read, mapped.rows_written), (5000, 0));
    assert_eq!(mapped.rejected.len(), 101);
    assert_eq!(mapped.rejected[100].rows, 4900);
}

#[test]
fn a_field_without_end_costs_one_row() {
    let text = format!("t,cell,x\n2020-01-01,{},1\n2020-01-01,b,1\n", "a".repeat(100_000));
    let mapped = read(&mapping(base()), "a.csv", &text);
    assert_eq!((mapped.rows_read, mapped.rows_written), (2, 1));
}

proptest! {
    #[test]
    fn any_table_is_conserved(lines in proptest::collection::vec("[0-9a-z,;\"\\-: .]{0,24}", 0..30)) {
        let text = format!("t,cell,x\n2020-01-01,a,1\n{}\n", lines.join("\n"));
        let mapping = mapping(base());
        if let Ok(mapped) = try_read(&mapping, "a.csv", text) {
            let written = batch(&mapped, "kpis").num_rows() as u64;
            prop_assert_eq!(mapped.rows_written, written);
        }
    }

    /// A bad row costs itself, never the file, whatever tables the mapping fills.
    #[test]
    fn any_event_log_is_taken(lines in proptest::collection::vec("[0-9a-z,\"\\-: ]{0,24}", 0..30)) {
        let text = format!("t,device,kind,end\n{}\n", lines.join("\n"));
        let mapping = mapping(json!({
            "name": "m", "target": "alarms", "sources": [{"path": "*", "role": "train"}],
            "entity": {"type": {"constant": "device"}, "id": "device", "parent": "kind"},
            "time": {"from": {"epoch": {"value": "t"}}},
            "fields": {"specific_problem": "kind"},
            "facts": [
                {"fact": {"constant": "raised"}},
                {"fact": {"constant": "cleared"}, "at": {"epoch": {"value": "end"}}}
            ],
            "segments": {"continuous": true, "by": "kind"},
            "labels": [{"name": "end", "from": {"each_row": "end"}}],
            "history": {}
        }));
        prop_assert!(try_read(&mapping, "a.csv", text).is_ok());
    }

    #[test]
    fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mapping = mapping(base());
        let _ = try_read(&mapping, "a.csv", [b"t,cell,x\n".as_slice(), &bytes].concat());
        let _ = try_read(&mapping, "a.parquet", bytes);
    }
}
