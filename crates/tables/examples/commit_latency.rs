//! How long a commit takes on a data root: `commit_latency URI [COMMITS]`.
//!
//! Each commit replaces one hour of 100 cells in one table; the time is that of the whole call:
//! newest version read, file written, log entry published, a checkpoint after every tenth.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use foresite_schema::{Column, DataKind, catalog};
use foresite_tables::{Commit, Root, Slot};

const HOUR: i64 = 3_600_000_000;
const CELLS: usize = 100;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, uri, rest @ ..] = arguments.as_slice() else {
        return Err("usage: commit_latency URI [COMMITS]".into());
    };
    let commits: i64 = rest.first().map_or(Ok(200), |count| count.parse())?;
    let root = Root::open(uri)?;
    root.create()?;
    let load = Column::nullable("load", DataKind::Double, "%", "measured channel");
    let table = root.table(catalog::derived::kpis().with_columns([load]))?;
    let mut times = Vec::new();
    for hour in 0..commits {
        let slot = Slot::derived("derived", 0, hour * HOUR, (hour + 1) * HOUR);
        let commit = Commit {
            lineage_id: format!("{hour:032x}"),
            as_of: (hour + 1) * HOUR,
            ingested_at: (hour + 1) * HOUR,
            force: false,
            note: serde_json::json!({"stage": "commit_latency"}),
        };
        let rows = rows(hour)?;
        let started = Instant::now();
        table.replace(&slot, &rows, &commit)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let percentile = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{commits} commits: p50 {:.1} ms, p95 {:.1} ms, most {:.1} ms",
        percentile(0.5),
        percentile(0.95),
        percentile(1.0)
    );
    Ok(())
}

fn rows(hour: i64) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; CELLS])) };
    let time = |value: i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_value(value, CELLS).with_timezone("UTC"))
    };
    let cells: StringArray = (0..CELLS).map(|cell| Some(format!("cell-{cell:03}"))).collect();
    let loads: Float64Array = (0..CELLS).map(|cell| Some((cell as f64).sqrt())).collect();
    RecordBatch::try_from_iter([
        ("source", text("derived")),
        ("bucket", Arc::new(Int32Array::from(vec![0; CELLS])) as ArrayRef),
        ("entity_type", text("cell")),
        ("entity_id", Arc::new(cells) as ArrayRef),
        ("period_start", time(hour * HOUR)),
        ("granularity_s", Arc::new(Int32Array::from(vec![3600; CELLS])) as ArrayRef),
        ("load", Arc::new(loads) as ArrayRef),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; CELLS])) as ArrayRef),
        ("known_at", time((hour + 1) * HOUR)),
        ("ingested_at", time((hour + 1) * HOUR)),
        ("lineage_id", text("feed")),
    ])
}
