//! The tabular history: KPIs per hour for the last months, per day before, in monthly files.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;

use super::{Folder, WriteError, Written, csv::day_name};
use crate::calendar::{DAY, HOUR, Micros, next_midnight};
use crate::hour::{Period, simulate_hour};
use crate::kpi::{CELL_CHANNELS, CHANNELS, CellSums, SiteSums};
use crate::network::Network;

/// Names in daily files beside the channels: the busiest hour of the day.
const BUSY_HOUR: &str = "busy_hour_prb_util_dl";

/// Sums of all entities over a stretch of time.
#[derive(Debug, Clone)]
struct Sums {
    cells: Vec<CellSums>,
    sites: Vec<SiteSums>,
    /// Highest hourly utilisation of each cell.
    busy: Vec<Option<f64>>,
}

impl Sums {
    fn new(network: &Network) -> Self {
        Self {
            cells: vec![CellSums::default(); network.layout.cells.len()],
            sites: vec![SiteSums::default(); network.layout.sites.len()],
            busy: vec![None; network.layout.cells.len()],
        }
    }

    /// Adds the four periods of an hour; what a dark site could not measure is left out.
    fn add_hour(&mut self, network: &Network, periods: &[Period]) {
        let mut hourly = vec![CellSums::default(); self.cells.len()];
        for period in periods {
            for (site, state) in period.states.iter().enumerate() {
                if state.is_measured() {
                    self.sites[site].add(&period.sites[site]);
                }
            }
            for (cell, counters) in period.cells.iter().enumerate() {
                let site = network.site_of(cell);
                if let (Some(counters), true) = (counters, period.states[site].is_measured()) {
                    self.cells[cell].add(counters);
                    hourly[cell].add(counters);
                }
            }
        }
        for (busy, hour) in self.busy.iter_mut().zip(&hourly) {
            *busy = [*busy, hour.utilisation()].into_iter().flatten().reduce(f64::max);
        }
    }
}

/// Writes all history files.
pub(super) fn write(network: &Network, folder: &Folder<'_>) -> Result<Written, WriteError> {
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
        written += write_month(network, folder, [from, to], step)?;
    }
    Ok(written)
}

/// Cuts a stretch of time at the beginnings of months (UTC).
pub(super) fn months([from, to]: [Micros; 2]) -> Vec<[Micros; 2]> {
    let mut cuts = vec![from];
    let mut day = from - from.rem_euclid(DAY) + DAY;
    while day < to {
        if day_name(day, "%d") == "01" {
            cuts.push(day);
        }
        day += DAY;
    }
    cuts.push(to);
    let pairs = cuts.windows(2).map(|pair| [pair[0], pair[1]]);
    pairs.filter(|[from, to]| from < to).collect()
}

fn write_month(
    network: &Network,
    folder: &Folder<'_>,
    [from, to]: [Micros; 2],
    step: Micros,
) -> Result<Written, WriteError> {
    // A day at a time in parallel: a day of counters is small, a month is not.
    let days: Vec<Micros> = (0..(to - from + DAY - 1) / DAY).map(|day| from + day * DAY).collect();
    let blocks: Vec<Vec<(Micros, Sums)>> = days
        .into_par_iter()
        .map(|day| sum_day(network, [day, (day + DAY).min(to)], step))
        .collect();
    let name = if step == DAY { "daily" } else { "hourly" };
    let path = format!("history/kpis_{name}_{}.parquet", day_name(from, "%Y%m"));
    let mut rows = Rows::new(step == DAY);
    for (start, sums) in blocks.iter().flatten() {
        rows.add(network, *start, step, sums);
    }
    let released = release(to - step, step);
    let bytes =
        rows.finish().map_err(|source| WriteError::Parquet { path: path.clone(), source })?;
    folder.land(&path, &bytes, released.min(network.config.end.0))
}

fn sum_day(network: &Network, [from, to]: [Micros; 2], step: Micros) -> Vec<(Micros, Sums)> {
    let mut blocks: Vec<(Micros, Sums)> = Vec::new();
    let mut hour = from;
    while hour < to {
        let start = hour - (hour - from).rem_euclid(step);
        if blocks.last().is_none_or(|(last, _)| *last != start) {
            blocks.push((start, Sums::new(network)));
        }
        if let Some((_, sums)) = blocks.last_mut() {
            sums.add_hour(network, &simulate_hour(network, hour));
        }
        hour += HOUR;
    }
    blocks
}

/// When the reporting system gave a row out.
fn release(start: Micros, step: Micros) -> Micros {
    if step == DAY { start + step + 6 * HOUR } else { start + step + HOUR / 6 }
}

/// Rows of one file, column by column.
struct Rows {
    entity_type: StringBuilder,
    entity_id: StringBuilder,
    times: [TimestampMicrosecondBuilder; 2],
    channels: Vec<Float64Builder>,
    daily: bool,
}

impl Rows {
    fn new(daily: bool) -> Self {
        let time = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            entity_type: StringBuilder::new(),
            entity_id: StringBuilder::new(),
            times: [time(), time()],
            channels: (0..=CHANNELS.len()).map(|_| Float64Builder::new()).collect(),
            daily,
        }
    }

    fn add(&mut self, network: &Network, start: Micros, step: Micros, sums: &Sums) {
        for (cell, sums_of_cell) in network
            .layout
            .cells
            .iter()
            .zip(&sums.cells)
            .zip(&sums.busy)
            .map(|((cell, of_cell), busy)| (cell, of_cell.kpis().map(|kpis| (kpis, *busy))))
        {
            let Some((kpis, busy)) = sums_of_cell else {
                continue;
            };
            self.begin("cell", &cell.id, start, step);
            let values =
                kpis.into_iter().chain([None; CHANNELS.len() - CELL_CHANNELS]).chain([busy]);
            self.values(values);
        }
        for (site, sums) in network.layout.sites.iter().zip(&sums.sites) {
            if let Some(kpis) = sums.kpis() {
                self.begin("site", &site.id, start, step);
                self.values([None; CELL_CHANNELS].into_iter().chain(kpis).chain([None]));
            }
        }
    }

    fn begin(&mut self, entity_type: &str, entity_id: &str, start: Micros, step: Micros) {
        self.entity_type.append_value(entity_type);
        self.entity_id.append_value(entity_id);
        self.times[0].append_value(start);
        self.times[1].append_value(release(start, step));
    }

    fn values(&mut self, values: impl Iterator<Item = Option<f64>>) {
        for (column, value) in self.channels.iter_mut().zip(values) {
            column.append_option(value);
        }
    }

    fn finish(mut self) -> parquet::errors::Result<Vec<u8>> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut fields = vec![
            Field::new("entity_type", DataType::Utf8, false),
            Field::new("entity_id", DataType::Utf8, false),
            Field::new("period_start", time.clone(), false),
            Field::new("released_at", time, false),
        ];
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.entity_type.finish()),
            Arc::new(self.entity_id.finish()),
            Arc::new(self.times[0].finish()),
            Arc::new(self.times[1].finish()),
        ];
        let names = CHANNELS.iter().chain(self.daily.then_some(&BUSY_HOUR));
        for (name, column) in names.zip(&mut self.channels) {
            fields.push(Field::new(*name, DataType::Float64, true));
            columns.push(Arc::new(column.finish()));
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        to_parquet(&batch)
    }
}

/// One batch as a Parquet file.
pub(super) fn to_parquet(batch: &RecordBatch) -> parquet::errors::Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(bytes)
}
