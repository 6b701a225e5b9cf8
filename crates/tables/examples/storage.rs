//! What storage costs, measured from inside: `storage ROOT OPERATION [ARGUMENT…]` prints one JSON
//! object. `bench/storage.py` runs it beside its peers; start-up and made-up data are not counted.
//!
//! | operation | measures |
//! |---|---|
//! | `write ROWS [MIX]` | rows of twenty floats, a day a commit, in the tables' own encodings |
//! | `scan` | reading all of them, a sum per column |
//! | `commits N` | N commits of one row each, their latencies in blocks of a quarter |
//! | `snapshots N` | opening the table of `commits` at its newest version, N times |
//! | `put FILE PATH`, `get PATH` | one large file |
//! | `small N`, `stat N` | N files of a kilobyte, N questions whether one is there |
//!
//! How values repeat decides what Parquet makes of them, so the mix is a choice: `kpis` (the default)
//! has the shares that the KPIs of a simulated network have: of twenty channels three are counts of
//! some hundred values, seven ratios of two counts (a quarter to a half of the values distinct), ten
//! means that do not repeat, and every eighth cell lacks half of them. `repeated` has counts only,
//! `distinct` means only: the extremes.

#![allow(clippy::print_stdout)] // a command-line tool

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, AsArray as _, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use foresite_schema::{Column, DataKind, Keep, TableDef, TableKind};
use foresite_tables::{Commit, Read, Root, Slot, sha256_hex};
use serde_json::{Value as Json, json};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const CHANNELS: usize = 20;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;
/// Rows of one commit: a day of some ten thousand cells.
const ROWS_PER_DAY: usize = 250_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [root, ref operation @ ..] = words[..] else {
        return Err("usage: storage ROOT OPERATION [ARGUMENT…]".into());
    };
    let root = Root::open(root)?;
    root.create()?;
    let outcome = match *operation {
        ["write", rows] => write(&root, rows.parse()?, Mix::Kpis),
        ["write", rows, "kpis"] => write(&root, rows.parse()?, Mix::Kpis),
        ["write", rows, "repeated"] => write(&root, rows.parse()?, Mix::Repeated),
        ["write", rows, "distinct"] => write(&root, rows.parse()?, Mix::Distinct),
        ["scan"] => scan(&root),
        ["commits", count] => commits(&root, count.parse()?),
        ["snapshots", count] => snapshots(&root, count.parse()?),
        ["put", file, path] => put(&root, file, path),
        ["get", path] => get(&root, path),
        ["small", count] => small(&root, count.parse()?),
        ["stat", count] => stat(&root, count.parse()?),
        _ => Err(format!("unknown operation: {}", operation.join(" ")).into()),
    }?;
    println!("{outcome}");
    Ok(())
}

fn table(name: &str, channels: usize) -> TableDef {
    let text = |name: &str| Column::required(name, DataKind::Text, "", "");
    let time = |name: &str| Column::required(name, DataKind::Time, "", "");
    let mut columns = vec![
        Column::required("date", DataKind::Date, "", ""),
        text("source"),
        Column::required("bucket", DataKind::Int, "", ""),
        text("entity_id"),
        time("period_start"),
    ];
    let channel = |index| Column::nullable(&format!("c{index:02}"), DataKind::Double, "", "");
    columns.extend((0..channels).map(channel));
    columns.extend([time("known_at"), time("ingested_at"), text("lineage_id")]);
    TableDef {
        name: name.into(),
        row: "one measurement".into(),
        columns,
        keys: vec!["entity_id".into(), "period_start".into()],
        time: Some("period_start".into()),
        sort: vec!["entity_id".into(), "period_start".into()],
        kind: TableKind::Raw,
        keep: Keep::Forever,
    }
}

/// How the values of the channels repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    Kpis,
    Repeated,
    Distinct,
}

impl Mix {
    /// Values as KPIs have them: counts, ratios of counts, and means.
    fn value(self, row: usize, channel: usize) -> Option<f64> {
        let hour = (row % 24) as f64;
        let load = 200.0 + 150.0 * (hour / 24.0 * std::f64::consts::TAU).sin();
        let mean = load * (1.0 + noise(2 * (row * CHANNELS + channel)));
        let count = mean.round();
        match (self, channel) {
            (Self::Kpis, _) if channel % 2 == 1 && (row / 24).is_multiple_of(8) => None,
            (Self::Repeated, _) | (Self::Kpis, 0 | 7 | 13) => Some(count),
            (Self::Kpis, 1 | 3 | 5 | 9 | 11 | 15 | 17) => {
                let failed = (0.2 * count * noise(2 * (row * CHANNELS + channel) + 1)).round();
                Some(100.0 * (count - failed) / count)
            }
            (Self::Kpis | Self::Distinct, _) => Some(mean),
        }
    }
}

/// A number in [0, 1) for each index, all 53 bits of it.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

fn day(index: i64, rows: usize, channels: usize, mix: Mix) -> Result<RecordBatch> {
    let text = |value: &str| Arc::new(StringArray::from(vec![value; rows])) as ArrayRef;
    let times = |of: &dyn Fn(usize) -> i64| {
        let values = (0..rows).map(|row| START + index * DAY + of(row));
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
            as ArrayRef
    };
    let cells = (0..rows).map(|row| format!("north/N{:05}/1/n78", row / 24));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("source".into(), text("derived")),
        ("bucket".into(), Arc::new(Int32Array::from(vec![0; rows]))),
        ("entity_id".into(), Arc::new(StringArray::from_iter_values(cells))),
        ("period_start".into(), times(&|row| (row % 24) as i64 * HOUR)),
        ("known_at".into(), times(&|_| DAY)),
        ("ingested_at".into(), times(&|_| DAY)),
        ("lineage_id".into(), text("00ab")),
    ];
    for channel in 0..channels {
        let values =
            (0..rows).map(|row| mix.value(row + rows * index.unsigned_abs() as usize, channel));
        columns.push((format!("c{channel:02}"), Arc::new(Float64Array::from_iter(values))));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn commit(index: i64) -> Commit {
    let lineage_id = sha256_hex(&index.to_le_bytes())[..32].to_owned();
    let as_of = START + (index + 1) * DAY;
    Commit { lineage_id, as_of, ingested_at: as_of, force: false, note: Json::Null }
}

fn write(root: &Root, rows: usize, mix: Mix) -> Result<Json> {
    let table = root.table(table("bench_kpis", CHANNELS))?;
    let (mut spent, mut busy) = (Duration::ZERO, 0.0);
    for index in 0..rows.div_ceil(ROWS_PER_DAY) {
        let (index, left) = (i64::try_from(index)?, rows - index * ROWS_PER_DAY);
        let batch = day(index, left.min(ROWS_PER_DAY), CHANNELS, mix)?;
        let slot = Slot::derived("derived", 0, START + index * DAY, START + (index + 1) * DAY);
        let (started, before) = (Instant::now(), cpu_seconds()?);
        table.append(&slot, &batch, &commit(index))?;
        spent += started.elapsed();
        busy += cpu_seconds()? - before;
    }
    let files = root.list("tables/bench_kpis/")?;
    let data = files.iter().filter(|file| file.path.ends_with(".parquet"));
    let bytes: u64 =
        data.filter(|file| !file.path.contains("_delta_log")).map(|file| file.size).sum();
    Ok(json!({
        "seconds": spent.as_secs_f64(),
        "synced_seconds": spent.as_secs_f64(),
        "cpu_seconds": busy,
        "rows": rows,
        "bytes": bytes,
    }))
}

/// CPU time of this process so far, in steps of a hundredth of a second (proc(5), fields 14 and 15
/// of `stat`).
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("/proc/self/stat: no name")?;
    let ticks: std::result::Result<Vec<u64>, _> =
        after_name.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<u64>() as f64 / 100.0)
}

fn scan(root: &Root) -> Result<Json> {
    let (started, before) = (Instant::now(), cpu_seconds()?);
    let table = root.existing(table("bench_kpis", CHANNELS))?;
    let names: Vec<String> = (0..CHANNELS).map(|channel| format!("c{channel:02}")).collect();
    let (mut rows, mut sums) = (0, vec![0.0; CHANNELS]);
    for batch in table.scan(&Read::all().columns(&names))? {
        let batch = batch?;
        rows += batch.num_rows();
        for (sum, column) in sums.iter_mut().zip(batch.columns()) {
            *sum += arrow::compute::sum(column.as_primitive::<Float64Type>()).unwrap_or(0.0);
        }
    }
    let sum: f64 = sums.iter().sum();
    let seconds = started.elapsed().as_secs_f64();
    let busy = cpu_seconds()? - before;
    Ok(json!({"seconds": seconds, "cpu_seconds": busy, "rows": rows, "sum": sum}))
}

fn commits(root: &Root, count: usize) -> Result<Json> {
    let table = root.table(table("bench_log", 1))?;
    let mut latencies = Vec::with_capacity(count);
    let (mut plain, mut checkpointed) = (Vec::new(), Vec::new());
    let base = i64::try_from(table.version()?)?;
    for index in 0..i64::try_from(count)? {
        let index = base + index;
        let batch = day(index, 1, 1, Mix::Repeated)?;
        let slot = Slot::derived("derived", 0, START + index * DAY, START + (index + 1) * DAY);
        let started = Instant::now();
        let version = table.append(&slot, &batch, &commit(index))?.version;
        let spent = started.elapsed();
        latencies.push(spent);
        if version.is_multiple_of(10) { &mut checkpointed } else { &mut plain }.push(spent);
    }
    let blocks: Vec<Json> = latencies.chunks(count.div_ceil(4).max(1)).map(quantiles).collect();
    Ok(json!({
        "commits": count,
        "all": quantiles(&latencies),
        "plain": quantiles(&plain),
        "with a checkpoint": quantiles(&checkpointed),
        "quarters": blocks,
    }))
}

fn snapshots(root: &Root, count: usize) -> Result<Json> {
    let mut spent = Vec::with_capacity(count);
    let mut version = 0;
    for _ in 0..count {
        let started = Instant::now();
        version = root.existing(table("bench_log", 1))?.version()?;
        spent.push(started.elapsed());
    }
    Ok(json!({"version": version, "open": quantiles(&spent)}))
}

fn put(root: &Root, file: &str, path: &str) -> Result<Json> {
    let bytes = std::fs::read(file)?;
    let size = bytes.len();
    let started = Instant::now();
    root.write(path, bytes)?;
    Ok(json!({"seconds": started.elapsed().as_secs_f64(), "bytes": size}))
}

fn get(root: &Root, path: &str) -> Result<Json> {
    let started = Instant::now();
    let bytes = root.read(path)?;
    Ok(json!({"seconds": started.elapsed().as_secs_f64(), "bytes": bytes.len()}))
}

fn small(root: &Root, count: usize) -> Result<Json> {
    let started = Instant::now();
    for index in 0..count {
        root.write(&format!("small/{index}"), vec![b'x'; 1024])?;
    }
    Ok(json!({"seconds": started.elapsed().as_secs_f64(), "files": count}))
}

fn stat(root: &Root, count: usize) -> Result<Json> {
    let started = Instant::now();
    let mut found = 0;
    for index in 0..count {
        found += usize::from(root.exists(&format!("small/{index}"))?);
    }
    Ok(json!({"seconds": started.elapsed().as_secs_f64(), "asked": count, "found": found}))
}

fn quantiles(latencies: &[Duration]) -> Json {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| {
        let index = (share * (sorted.len().saturating_sub(1)) as f64).round() as usize;
        sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    };
    json!({"p50_ms": at(0.5), "p95_ms": at(0.95), "max_ms": at(1.0)})
}
