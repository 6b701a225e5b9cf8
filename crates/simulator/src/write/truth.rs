//! The truth, in a folder of its own that only the evaluation may read.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use rayon::prelude::*;

use super::history::to_parquet;
use super::{WriteError, Writer, Written};
use crate::calendar::{DAY, HOUR, Micros, next_midnight};
use crate::capacity::{LIMIT, expected_busy_hour};
use crate::faults::{Failure, Outcome};
use crate::network::Network;
use crate::oracle::{HORIZONS, Oracle};

/// Distance of the moments at which the oracle speaks.
const GRID: Micros = 6 * HOUR;
/// Names of the horizons.
const HORIZON_NAMES: [&str; 6] = ["p_6h", "p_24h", "p_3d", "p_7d", "p_14d", "p_30d"];

/// Writes all tables of the truth, from the start to `truth_days` past the end of the history.
pub(super) fn write(network: &Network, writer: &Writer<'_>) -> Result<Written, WriteError> {
    let start = network.config.start.0;
    let end = network.config.end.0 + i64::from(network.config.truth_days) * DAY;
    let first_day = next_midnight(start);
    let busy = BusyHours::new(network, [first_day, end]);
    let tables = [
        ("failures", failures(network, end)),
        ("precursors", precursors(network, end)),
        ("anomalies", anomalies(network, end)),
        ("planned_work", planned_work(network, end)),
        ("hazard", hazard(network, [first_day, end])),
        ("busy_hours", busy.series(network)),
        ("exceedance", busy.exceedance(network)),
    ];
    let mut written = Written::default();
    for (name, columns) in tables {
        let path = format!("{name}.parquet");
        let bytes = columns
            .parquet()
            .map_err(|source| WriteError::Parquet { path: path.clone(), source })?;
        written += writer.tell(&path, &bytes, network.config.end.0)?;
    }
    Ok(written)
}

/// A table, column by column.
#[derive(Default)]
struct Columns(Vec<(&'static str, ArrayRef, bool)>);

impl Columns {
    fn text(mut self, name: &'static str, values: impl Iterator<Item = String>) -> Self {
        self.0.push((name, Arc::new(StringArray::from_iter_values(values)), false));
        self
    }

    fn times(mut self, name: &'static str, values: impl Iterator<Item = Option<Micros>>) -> Self {
        let array: TimestampMicrosecondArray = values.collect();
        self.0.push((name, Arc::new(array.with_timezone("UTC")), true));
        self
    }

    fn numbers(mut self, name: &'static str, values: impl Iterator<Item = f64>) -> Self {
        self.0.push((name, Arc::new(Float64Array::from_iter_values(values)), false));
        self
    }

    fn flags(mut self, name: &'static str, values: impl Iterator<Item = bool>) -> Self {
        let array = BooleanArray::from(values.collect::<Vec<_>>());
        self.0.push((name, Arc::new(array), false));
        self
    }

    fn parquet(self) -> parquet::errors::Result<Vec<u8>> {
        to_parquet(&RecordBatch::try_from_iter_with_nullable(self.0)?)
    }
}

fn failure_id(network: &Network, site: usize, start: Micros, failure: &Failure) -> String {
    let key = network.layout.sites[site].key.named(failure.cause.code()).at_time(start);
    format!("F{:012x}", key.number() >> 16)
}

fn failures(network: &Network, end: Micros) -> Columns {
    let all: Vec<&Failure> = network.faults.failures.iter().filter(|f| f.start < end).collect();
    let sites = &network.layout.sites;
    let each = || all.iter();
    let root = |failure: &Failure| {
        let (site, start) = failure.root?;
        let same =
            |other: &&&Failure| other.site == site && other.start == start && other.root.is_none();
        each().find(same).map(|root| failure_id(network, site, start, root))
    };
    Columns::default()
        .text("failure_id", each().map(|f| failure_id(network, f.site, f.start, f)))
        .text("site_id", each().map(|f| sites[f.site].id.clone()))
        .text("unit_id", each().map(|f| format!("{}/{}", sites[f.site].id, f.unit.name())))
        .text("cause", each().map(|f| f.cause.code().into()))
        .times("start_at", each().map(|f| Some(f.start)))
        .times("end_at", each().map(|f| Some(f.end)))
        .times("precursor_at", each().map(|f| f.precursor))
        .text("root_id", each().map(|f| root(f).unwrap_or_default()))
}

fn precursors(network: &Network, end: Micros) -> Columns {
    let sites = &network.layout.sites;
    let each = || network.faults.episodes.iter().flatten().filter(|e| e.start < end);
    Columns::default()
        .text("unit_id", each().map(|e| format!("{}/{}", sites[e.site].id, e.unit.name())))
        .text("site_id", each().map(|e| sites[e.site].id.clone()))
        .times("start_at", each().map(|e| Some(e.start)))
        .times("end_at", each().map(|e| Some(e.end)))
        .numbers("pace_hours", each().map(|e| e.pace_hours))
        .flags("failed", each().map(|e| e.outcome == Outcome::Failed))
}

fn anomalies(network: &Network, end: Micros) -> Columns {
    let cells = &network.layout.cells;
    let each = || network.sleeping.iter().flatten().filter(|time| time.start < end);
    Columns::default()
        .text("cell_id", each().map(|time| cells[time.cell].id.clone()))
        .text("level", each().map(|time| time.level.name().into()))
        .numbers("loss", each().map(|time| time.level.loss()))
        .times("start_at", each().map(|time| Some(time.start)))
        .times("end_at", each().map(|time| Some(time.end)))
        .times("complaint_at", each().map(|time| time.complaint_at))
}

fn planned_work(network: &Network, end: Micros) -> Columns {
    let layout = &network.layout;
    let each = || network.work.iter().filter(|work| work.start < end);
    let sector =
        |sector: Option<usize>| sector.map_or(String::new(), |s| layout.sectors[s].id.clone());
    Columns::default()
        .text("site_id", each().map(|work| layout.sites[work.site].id.clone()))
        .text("sector_id", each().map(|work| sector(work.sector)))
        .text("kind", each().map(|work| work.kind.name().into()))
        .times("start_at", each().map(|work| Some(work.start)))
        .times("end_at", each().map(|work| Some(work.end)))
        .times("recorded_at", each().map(|work| Some(work.recorded_at)))
        .flags("announced", each().map(|work| work.recorded_at < work.start))
}

fn hazard(network: &Network, [start, end]: [Micros; 2]) -> Columns {
    let oracle = Oracle::new(network);
    let sites = network.layout.sites.len();
    let moments: Vec<Micros> = (0..(end - start) / GRID).map(|step| start + step * GRID).collect();
    let rows: Vec<(usize, Micros, [f64; HORIZONS.len()], bool)> = moments
        .par_iter()
        .flat_map_iter(|&at| {
            let oracle = &oracle;
            (0..sites).map(move |site| {
                let out = network.is_out(site, at);
                (site, at, oracle.failure_within(site, at), out)
            })
        })
        .collect();
    let mut columns = Columns::default()
        .text("site_id", rows.iter().map(|row| network.layout.sites[row.0].id.clone()))
        .times("at", rows.iter().map(|row| Some(row.1)));
    for (index, name) in HORIZON_NAMES.into_iter().enumerate() {
        columns = columns.numbers(name, rows.iter().map(|row| row.2[index]));
    }
    columns.flags("in_outage", rows.iter().map(|row| row.3))
}

/// The noise-free busy hour of every sector and day.
struct BusyHours {
    days: Vec<Micros>,
    /// Per sector, in per cent.
    values: Vec<Vec<f64>>,
}

impl BusyHours {
    fn new(network: &Network, [start, end]: [Micros; 2]) -> Self {
        let days: Vec<Micros> = (0..(end - start) / DAY).map(|day| start + day * DAY).collect();
        let origin = network.config.start.0;
        let series = |sector| {
            let busy = |day: &Micros| expected_busy_hour(&network.layout, sector, origin, *day);
            days.iter().map(busy).collect()
        };
        let sectors: Vec<usize> = (0..network.layout.sectors.len()).collect();
        let values = sectors.into_par_iter().map(series).collect();
        Self { days, values }
    }

    fn series(&self, network: &Network) -> Columns {
        let sectors = &network.layout.sectors;
        let each = || (0..sectors.len()).flat_map(|s| (0..self.days.len()).map(move |d| (s, d)));
        Columns::default()
            .text("sector_id", each().map(|(sector, _)| sectors[sector].id.clone()))
            .times("day", each().map(|(_, day)| Some(self.days[day])))
            .numbers("busy_hour_prb_util_dl", each().map(|(s, d)| self.values[s][d]))
    }

    /// Days on which a sector passes the limit after four weeks below it. Quiet weekends and
    /// holidays do not count as recovery; a new carrier does.
    fn exceedance(&self, network: &Network) -> Columns {
        const RECOVERY: usize = 28;
        let mut rows = Vec::new();
        for (sector, values) in self.values.iter().enumerate() {
            let mut last_over = None;
            for (day, _) in values.iter().enumerate().filter(|(_, value)| **value > LIMIT) {
                let recovered = last_over.map_or(day > 0, |last| day - last > RECOVERY);
                if recovered {
                    rows.push((sector, self.days[day]));
                }
                last_over = Some(day);
            }
        }
        Columns::default()
            .text("sector_id", rows.iter().map(|row| network.layout.sectors[row.0].id.clone()))
            .times("exceeds_at", rows.iter().map(|row| Some(row.1)))
            .numbers("limit_percent", rows.iter().map(|_| LIMIT))
    }
}
