//! Parquet exports: a good file with some bytes overwritten and its end cut off. Whatever the
//! decoder makes of it is an error or rows, never a panic of ours.

#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use foresite_pm::Limits;
use foresite_pm::mapping::{Input, Mapping, Provenance};
use libfuzzer_sys::fuzz_target;
use parquet::arrow::ArrowWriter;

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let rows = 40;
    let batch = RecordBatch::try_from_iter([
        ("t", Arc::new(TimestampMicrosecondArray::from_iter_values(0..rows)) as ArrayRef),
        ("cell", Arc::new((0..rows).map(|n| Some(format!("c{}", n % 3))).collect::<StringArray>())),
        (
            "x",
            Arc::new((0..rows).map(|n| (n % 5 > 0).then_some(n as f64)).collect::<Float64Array>()),
        ),
    ])
    .expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a schema");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    bytes
});

static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
    let json = serde_json::json!({
        "name": "m", "target": "kpis", "sources": [{"path": "*"}],
        "entity": {"type": {"constant": "cell"}, "id": "cell"},
        "time": {"from": {"stamp": {"value": "t"}}, "cadence_seconds": 60},
        "channels": [{"name": "x"}]
    });
    serde_json::from_value(json).expect("a mapping")
});

/// libFuzzer's hook ends the process at any panic, those too that the `parquet` crate's decoder is
/// known for and that the reader catches; one that nobody catches still ends it.
static CAUGHT_ONES_PASS: LazyLock<()> = LazyLock::new(|| std::panic::set_hook(Box::new(|_| {})));

fuzz_target!(|damage: (u8, Vec<(u16, u8)>)| {
    LazyLock::force(&CAUGHT_ONES_PASS);
    let (cut, overwritten) = damage;
    let mut bytes = FILE.clone();
    for (at, byte) in overwritten {
        let len = bytes.len();
        bytes[usize::from(at) % len] = byte;
    }
    bytes.truncate(bytes.len() - usize::from(cut));
    let matched = MAPPING.matches("a.parquet").expect("any path");
    let limits = Limits { max_bytes: 1 << 20, ..Limits::default() };
    let input = Input { path: "a.parquet", bytes: Bytes::from(bytes), joined: &[], limits };
    let provenance = Provenance {
        file_id: "f".into(),
        plan: "p".into(),
        known_at: 1,
        ingested_at: 2,
        lineage_id: "l".into(),
        buckets: 4,
    };
    let _ = MAPPING.read(&matched, &input, &provenance);
});
