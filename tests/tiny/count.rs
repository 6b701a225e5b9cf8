//! `tiny-count`: files into a raw table, each once.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use foresite_stage::{Context, ErrorKind, Inputs, NoArgs, Report, Result, Stage, StageError};
use foresite_tables::{FileEntry, Slot, sha256_hex};
use serde::{Deserialize, Serialize};

/// The stage.
pub struct Count;

/// Configuration: how to misbehave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// End like this instead of working.
    pub fail: Option<Failure>,
    /// Pause after each file.
    pub pause_ms: u64,
}

/// The ways to end badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Wrong configuration.
    Usage,
    /// Bad data.
    BadData,
    /// Missing input.
    Missing,
    /// Unwritable output.
    CannotWrite,
    /// Passing fault.
    Transient,
    /// Defect reported as an error.
    Internal,
    /// Defect that panics.
    Panic,
    /// Native abort.
    Abort,
}

impl Stage for Count {
    const NAME: &'static str = "tiny-count";
    const ABOUT: &'static str = "Takes the files of landing/ into a raw table";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        if let Some(failure) = config.fail {
            fail(failure)?;
        }
        let files = cx.root().list("landing/")?;
        if cx.is_dry_run() {
            return Ok(cx.report());
        }
        let mut report = cx.report();
        let table = cx.root().table(crate::values())?;
        for file in &files {
            cx.check_stop()?;
            let bytes = cx.root().read(&file.path)?;
            let id = sha256_hex(&bytes);
            let rows = rows(cx, file, &id, &String::from_utf8_lossy(&bytes))?;
            let mut inputs = Inputs::new();
            inputs.add_id("file", &id);
            let lineage = cx.lineage(&file.path, &inputs)?;
            cx.append(&table, &Slot::plan("tiny", &id), &rows, &lineage, &mut report)?;
            std::thread::sleep(Duration::from_millis(config.pause_ms));
        }
        report.number("files", files.len());
        Ok(report)
    }
}

/// One row a line `cell,hour,value`.
fn rows(cx: &Context, file: &FileEntry, id: &str, text: &str) -> Result<RecordBatch> {
    let (mut cells, mut hours, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<_> = line.split(',').collect();
        let parsed = match fields[..] {
            [cell, hour, value] => {
                hour.parse::<i64>().ok().zip(value.parse::<f64>().ok()).map(|pair| (cell, pair))
            }
            _ => None,
        };
        let Some((cell, (hour, value))) = parsed else {
            let message =
                format!("{} line {number}: expected cell,hour,value, got `{line}`", file.path);
            return Err(StageError::new(ErrorKind::BadData, message));
        };
        cells.push(cell.to_owned());
        hours.push(hour * crate::HOUR);
        values.push(value);
    }
    let count = cells.len();
    let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    let same_time = |value| {
        Arc::new(TimestampMicrosecondArray::from_value(value, count).with_timezone("UTC"))
            as ArrayRef
    };
    Ok(RecordBatch::try_from_iter([
        ("source", text("tiny")),
        ("bucket", Arc::new(Int32Array::from(vec![0; count])) as ArrayRef),
        ("cell", Arc::new(StringArray::from(cells)) as ArrayRef),
        (
            "period_start",
            Arc::new(TimestampMicrosecondArray::from(hours).with_timezone("UTC")) as ArrayRef,
        ),
        ("value", Arc::new(Float64Array::from(values)) as ArrayRef),
        ("file_id", text(id)),
        ("known_at", same_time(cx.as_of())),
        ("ingested_at", same_time(cx.now())),
        ("lineage_id", text(id)),
    ])?)
}

fn fail(failure: Failure) -> Result<()> {
    let kind = match failure {
        Failure::Usage => ErrorKind::Usage,
        Failure::BadData => ErrorKind::BadData,
        Failure::Missing => ErrorKind::Missing,
        Failure::CannotWrite => ErrorKind::CannotWrite,
        Failure::Transient => ErrorKind::Transient,
        Failure::Internal => ErrorKind::Internal,
        Failure::Panic => panic!("asked to panic"),
        Failure::Abort => std::process::abort(),
    };
    Err(StageError::new(kind, "asked to fail").hint("ask for something else"))
}
