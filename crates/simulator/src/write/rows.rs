//! The rows of the tabular history: sums of counters, then KPIs column by column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::calendar::Micros;
use crate::hour::Period;
use crate::kpi::{CELL_CHANNELS, CHANNELS, CellSums, SiteSums};
use crate::network::Network;

/// Names in daily files beside the channels: the busiest hour of the day.
const BUSY_HOUR: &str = "busy_hour_prb_util_dl";

/// Sums of all entities over a stretch of time.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    cells: Vec<CellSums>,
    sites: Vec<SiteSums>,
    /// Highest hourly utilisation of each cell.
    busy: Vec<Option<f64>>,
}

impl Sums {
    /// Nothing added yet.
    pub(super) fn new(network: &Network) -> Self {
        Self {
            cells: vec![CellSums::default(); network.layout.cells.len()],
            sites: vec![SiteSums::default(); network.layout.sites.len()],
            busy: vec![None; network.layout.cells.len()],
        }
    }

    /// Adds the four periods of an hour; what a dark site could not measure is left out.
    pub(super) fn add_hour(&mut self, network: &Network, periods: &[Period]) {
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

/// Rows of one file, column by column.
pub(super) struct Rows {
    entity_type: StringBuilder,
    entity_id: StringBuilder,
    times: [TimestampMicrosecondBuilder; 2],
    channels: Vec<Float64Builder>,
    daily: bool,
}

impl Rows {
    /// An empty file; daily ones have the busy hour as well.
    pub(super) fn new(daily: bool) -> Self {
        let time = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            entity_type: StringBuilder::new(),
            entity_id: StringBuilder::new(),
            times: [time(), time()],
            channels: (0..=CHANNELS.len()).map(|_| Float64Builder::new()).collect(),
            daily,
        }
    }

    /// Adds a row for each entity that measured something in the period that begins at `start`.
    pub(super) fn add(&mut self, network: &Network, times: [Micros; 2], sums: &Sums) {
        for (index, cell) in network.layout.cells.iter().enumerate() {
            if let Some(kpis) = sums.cells[index].kpis() {
                self.begin("cell", &cell.id, times);
                let nulls = [None; CHANNELS.len() - CELL_CHANNELS];
                self.values(kpis.into_iter().chain(nulls).chain([sums.busy[index]]));
            }
        }
        for (site, sums) in network.layout.sites.iter().zip(&sums.sites) {
            if let Some(kpis) = sums.kpis() {
                self.begin("site", &site.id, times);
                self.values([None; CELL_CHANNELS].into_iter().chain(kpis).chain([None]));
            }
        }
    }

    fn begin(&mut self, entity_type: &str, entity_id: &str, times: [Micros; 2]) {
        self.entity_type.append_value(entity_type);
        self.entity_id.append_value(entity_id);
        for (column, at) in self.times.iter_mut().zip(times) {
            column.append_value(at);
        }
    }

    fn values(&mut self, values: impl Iterator<Item = Option<f64>>) {
        for (column, value) in self.channels.iter_mut().zip(values) {
            column.append_option(value);
        }
    }

    /// The shape of a file.
    pub(super) fn schema(daily: bool) -> SchemaRef {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut fields = vec![
            Field::new("entity_type", DataType::Utf8, false),
            Field::new("entity_id", DataType::Utf8, false),
            Field::new("period_start", time.clone(), false),
            Field::new("released_at", time, false),
        ];
        let names = CHANNELS.iter().chain(daily.then_some(&BUSY_HOUR));
        fields.extend(names.map(|name| Field::new(*name, DataType::Float64, true)));
        Arc::new(Schema::new(fields))
    }

    /// The rows as one batch.
    pub(super) fn finish(mut self) -> parquet::errors::Result<RecordBatch> {
        let schema = Self::schema(self.daily);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.entity_type.finish()),
            Arc::new(self.entity_id.finish()),
            Arc::new(self.times[0].finish()),
            Arc::new(self.times[1].finish()),
        ];
        let channels = self.channels.iter_mut().take(schema.fields().len() - columns.len());
        columns.extend(channels.map(|column| Arc::new(column.finish()) as ArrayRef));
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}
