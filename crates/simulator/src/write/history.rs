//! The tabular history: KPIs per hour for the last months, per day before, in monthly files.

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;

use super::months::months;
use super::rows::{Rows, Sums};
use super::{WriteError, Writer, Written, csv::day_name};
use crate::calendar::{DAY, HOUR, Micros, next_midnight};
use crate::hour::simulate_hour;
use crate::network::Network;

/// Writes all history files.
pub(super) fn write(network: &Network, writer: &Writer<'_>) -> Result<Written, WriteError> {
    let config = &network.config;
    let end = config.end.0;
    // Daily rows are of whole days: a first day that is cut off has none.
    let start = next_midnight(config.start.0);
    let turn = next_midnight(end - i64::from(config.hourly_days) * DAY).max(start);
    let months = months([start, turn])
        .into_iter()
        .map(|span| (span, DAY))
        .chain(months([turn, end]).into_iter().map(|span| (span, HOUR)));
    let mut written = Written::default();
    for ([from, to], step) in months {
        written += write_month(network, writer, [from, to], step)?;
    }
    Ok(written)
}

fn write_month(
    network: &Network,
    writer: &Writer<'_>,
    [from, to]: [Micros; 2],
    step: Micros,
) -> Result<Written, WriteError> {
    let name = if step == DAY { "daily" } else { "hourly" };
    let path = format!("history/kpis_{name}_{}.parquet", day_name(from, "%Y%m"));
    let bytes = month_file(network, [from, to], step)
        .map_err(|source| WriteError::Parquet { path: path.clone(), source })?;
    let released = release(to - step, step);
    writer.land(&path, &bytes, released.min(network.config.end.0))
}

/// A month as Parquet, some days a row group: what is in memory at a time does not grow with the
/// length of the month.
fn month_file(
    network: &Network,
    [from, to]: [Micros; 2],
    step: Micros,
) -> parquet::errors::Result<Vec<u8>> {
    const DAYS: usize = 8;
    let days: Vec<Micros> = (0..(to - from + DAY - 1) / DAY).map(|day| from + day * DAY).collect();
    let schema = Rows::schema(step == DAY);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties()?))?;
    for days in days.chunks(DAYS) {
        let batches: Vec<RecordBatch> = days
            .into_par_iter()
            .map(|&day| day_rows(network, [day, (day + DAY).min(to)], step))
            .collect::<Result<_, _>>()?;
        for batch in &batches {
            writer.write(batch)?;
        }
        writer.flush()?;
    }
    writer.close()?;
    Ok(bytes)
}

/// The rows of one day: one block of entities an hour, or one for all of it.
fn day_rows(
    network: &Network,
    [from, to]: [Micros; 2],
    step: Micros,
) -> parquet::errors::Result<RecordBatch> {
    let mut rows = Rows::new(step == DAY);
    let mut start = from;
    while start < to {
        let mut sums = Sums::new(network);
        for hour in 0..(to.min(start + step) - start) / HOUR {
            sums.add_hour(network, &simulate_hour(network, start + hour * HOUR));
        }
        rows.add(network, [start, release(start, step)], &sums);
        start += step;
    }
    rows.finish()
}

/// When the reporting system gave a row out.
fn release(start: Micros, step: Micros) -> Micros {
    if step == DAY { start + step + 6 * HOUR } else { start + step + HOUR / 6 }
}

/// One batch as a Parquet file.
pub(super) fn to_parquet(batch: &RecordBatch) -> parquet::errors::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties()?))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(bytes)
}

fn properties() -> parquet::errors::Result<WriterProperties> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(1)?);
    Ok(WriterProperties::builder().set_compression(compression).build())
}
