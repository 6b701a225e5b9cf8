//! The simulator's truth: what really happened to which cell.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_datasets::measure::Episodes;
use foresite_features::task::{HOUR, Micros};
use foresite_schema::site_of;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Root;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// How long after an outage its cells may still look odd.
const AFTERMATH: Micros = 3 * HOUR;

/// Spans of time by entity.
type Spans = BTreeMap<String, Vec<(Micros, Micros)>>;

/// Reads anomalies of cells; outages, their precursors and planned work of the site make a time
/// unclear: an alarm then is neither a hit nor false.
///
/// # Errors
/// `Missing` for a folder without the files, `BadData` for files that are something else.
pub(crate) fn episodes(root: &Root, folder: &str, cells: &[String]) -> Result<Episodes> {
    let anomalies = spans(root, &format!("{folder}/anomalies.parquet"), "cell_id")?;
    let outages = spans(root, &format!("{folder}/failures.parquet"), "site_id")?;
    let work = spans(root, &format!("{folder}/planned_work.parquet"), "site_id")?;
    let precursors = spans(root, &format!("{folder}/precursors.parquet"), "site_id")?;
    let mut unclear = Spans::new();
    for cell in cells {
        let site = site_of(cell);
        let after = |(start, end): &(Micros, Micros)| (*start, end.saturating_add(AFTERMATH));
        let of_site = [&outages, &work, &precursors]
            .into_iter()
            .filter_map(|spans| spans.get(site))
            .flatten();
        unclear.insert(cell.clone(), of_site.map(after).collect());
    }
    Ok(Episodes { anomalies, unclear })
}

fn spans(root: &Root, path: &str, id: &str) -> Result<Spans> {
    let bad =
        |problem: String| StageError::new(ErrorKind::BadData, format!("truth {path}: {problem}"));
    let bytes = root.read(path)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| bad(error.to_string()))?;
    let mut spans = Spans::new();
    for batch in reader {
        read(&batch?, id, &mut spans).map_err(bad)?;
    }
    Ok(spans)
}

fn read(batch: &RecordBatch, id: &str, spans: &mut Spans) -> Result<(), String> {
    let column = |name: &str| batch.column_by_name(name).ok_or(format!("no column `{name}`"));
    let ids = column(id)?.as_string_opt::<i32>().ok_or(format!("`{id}` is no text"))?;
    let time = |name: &str| {
        let array = column(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        array.ok_or(format!("`{name}` is no timestamp in microseconds"))
    };
    let (starts, ends) = (time("start_at")?, time("end_at")?);
    for row in 0..batch.num_rows() {
        let end = if ends.is_valid(row) { ends.value(row) } else { Micros::MAX };
        spans.entry(ids.value(row).to_owned()).or_default().push((starts.value(row), end));
    }
    Ok(())
}
