//! Tables of a small network with late rows, corrections, alarms and an outage now and then.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};

use super::{CELLS, UNITS};
use crate::cube::{Cube, Grid, Rows};
use crate::deviations::Deviations;
use crate::events::{EventLog, Tickets};
use crate::kernel::{Extractor, Sources};
use crate::leaks::poison;
use crate::network::Network;
use crate::profile::{Profiles, build};
use crate::task::{DAY, HOUR, Micros, Task, WEEK};

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn times(values: impl IntoIterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Deterministic noise in [0, 1).
fn noise(a: usize, b: i64) -> f64 {
    ((a as i64 * 7919 + b * 104_729 + b * b) % 1009) as f64 / 1009.0
}

/// Tables of a small network; everything shifted by `shift`.
pub(super) struct World {
    shift: Micros,
    kpis: RecordBatch,
    alarms: RecordBatch,
    tickets: RecordBatch,
    inventory: RecordBatch,
    edges: RecordBatch,
}

const HOURS: i64 = 24 * 7 * 5;
/// When profiles were built, before all cutoffs.
const PROFILED: Micros = 4 * WEEK;
const CHANNELS: [&str; 4] = ["traffic_dl_gb", "users_mean", "voltage_v", "availability"];

impl World {
    pub(super) fn new(shift: Micros, rename: &dyn Fn(&str) -> String) -> Self {
        let ids: Vec<String> = CELLS.iter().chain(&UNITS).map(|id| rename(id)).collect();
        // The tenth hour of every day arrives a day late, first as an import, then derived.
        let rows: Vec<(usize, i64, i64, bool)> = (0..ids.len())
            .flat_map(|entity| (0..HOURS).map(move |hour| (entity, hour)))
            .flat_map(|(entity, hour)| {
                let late = (hour % 24 == 10).then_some((entity, hour, 24, true));
                [Some((entity, hour, 0, hour % 24 != 10)), late].into_iter().flatten()
            })
            .collect();
        let value = |channel: usize| -> ArrayRef {
            Arc::new(Float64Array::from_iter(rows.iter().map(|(entity, hour, late, _)| {
                let day = ((hour % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
                let at = hour + late + channel as i64;
                Some(10.0 * (channel + 1) as f64 + 5.0 * day + noise(*entity, at))
            })))
        };
        let mut kpis = vec![
            ("entity_id", texts(rows.iter().map(|row| Some(ids[row.0].as_str())))),
            (
                "source",
                texts(rows.iter().map(|row| Some(if row.3 { "derived" } else { "history" }))),
            ),
            ("period_start", times(rows.iter().map(|row| Some(shift + row.1 * HOUR)))),
            ("known_at", times(rows.iter().map(|row| Some(shift + (row.1 + row.2 + 1) * HOUR)))),
            ("granularity_s", Arc::new(Int32Array::from(vec![3600; rows.len()])) as ArrayRef),
        ];
        kpis.extend(CHANNELS.iter().enumerate().map(|(index, name)| (*name, value(index))));
        Self {
            shift,
            kpis: batch(kpis),
            alarms: alarms(shift, rename),
            tickets: tickets(shift, rename),
            inventory: inventory(rename),
            edges: edges(rename),
        }
    }

    pub(super) fn poisoned(&self, cutoff: Micros) -> Self {
        let poison = |batch: &RecordBatch| poison(batch, cutoff, 7).unwrap();
        Self {
            shift: self.shift,
            kpis: poison(&self.kpis),
            alarms: poison(&self.alarms),
            tickets: poison(&self.tickets),
            inventory: poison(&self.inventory),
            edges: poison(&self.edges),
        }
    }

    pub(super) fn reversed(&self) -> Self {
        let reverse = |batch: &RecordBatch| {
            let order =
                arrow::array::UInt32Array::from_iter_values((0..batch.num_rows() as u32).rev());
            arrow::compute::take_record_batch(batch, &order).unwrap()
        };
        Self {
            shift: self.shift,
            kpis: reverse(&self.kpis),
            alarms: reverse(&self.alarms),
            tickets: reverse(&self.tickets),
            inventory: reverse(&self.inventory),
            edges: reverse(&self.edges),
        }
    }

    /// Rows of `entity`; the grid begins at `from`.
    pub(super) fn rows(
        &self,
        task: &Task,
        entity: &str,
        from: Micros,
        cutoffs: &[Micros],
    ) -> Vec<f64> {
        let network =
            Network::read(std::slice::from_ref(&self.inventory), std::slice::from_ref(&self.edges))
                .unwrap();
        let alarms = EventLog::alarms(std::slice::from_ref(&self.alarms)).unwrap();
        let tickets = Tickets::read(std::slice::from_ref(&self.tickets)).unwrap();
        let last = cutoffs.iter().copied().max().unwrap();
        let ids: Vec<String> =
            network.ever("cell").chain(network.ever("unit")).map(str::to_owned).collect();
        let series = |from: Micros, until: Micros| {
            let channels = CHANNELS.map(str::to_owned).to_vec();
            let grid = Grid::covering(from, until, HOUR);
            let mut cube = Cube::new(grid, ids.clone(), channels);
            cube.add(&self.kpis, &Rows::default()).unwrap();
            cube.finish();
            cube
        };
        let cube = series(from, last);
        // Whatever the run, the profiles are those of the table.
        let at = PROFILED + self.shift;
        let whole = series(at - 4 * WEEK, at);
        let profiles = Profiles::new(vec![build(&whole, |id| network.clock(id), at)]);
        let view = Deviations::new(&cube, &profiles, &network);
        let sources = Sources {
            network: &network,
            alarms: &alarms,
            tickets: &tickets,
            own: Some(&view),
            units: Some(&view),
            cells: Some(&view),
        };
        Extractor::new(task, sources).rows(entity, cutoffs)
    }
}

fn alarms(shift: Micros, rename: &dyn Fn(&str) -> String) -> RecordBatch {
    let ids: Vec<(String, String, &str, i64)> = (0..60)
        .flat_map(|n: i64| {
            let entity = rename(if n % 3 == 0 { CELLS[0] } else { UNITS[n as usize % 2] });
            let raised = (format!("a{n}"), entity.clone(), "raised", n * 13);
            [raised, (format!("a{n}"), entity, "cleared", n * 13 + n % 30)]
        })
        .collect();
    let at = |late: i64| times(ids.iter().map(|row| Some(shift + (row.3 + late) * HOUR)));
    batch(vec![
        ("alarm_id", texts(ids.iter().map(|row| Some(row.0.as_str())))),
        ("fact", texts(ids.iter().map(|row| Some(row.2)))),
        ("entity_id", texts(ids.iter().map(|row| Some(row.1.as_str())))),
        ("at", at(0)),
        ("known_at", at(1)),
        (
            "specific_problem",
            texts(ids.iter().map(|row| Some(if row.3 % 2 == 0 { "mains" } else { "link" }))),
        ),
        ("severity", texts(ids.iter().map(|_| Some("MAJOR")))),
        ("probable_cause", texts(ids.iter().map(|_| None))),
    ])
}

fn tickets(shift: Micros, rename: &dyn Fn(&str) -> String) -> RecordBatch {
    let rows: Vec<(i64, &str, i64)> =
        (0..8).flat_map(|n| [(n, "opened", n * 97), (n, "closed", n * 97 + 9)]).collect();
    let at = |late: i64| times(rows.iter().map(|row| Some(shift + (row.2 + late) * HOUR)));
    let ids: Vec<String> = rows.iter().map(|row| format!("t{}", row.0)).collect();
    let site = rename("n/s1");
    batch(vec![
        ("ticket_id", texts(ids.iter().map(|id| Some(id.as_str())))),
        ("fact", texts(rows.iter().map(|row| Some(row.1)))),
        ("entity_id", texts(rows.iter().map(|_| Some(site.as_str())))),
        ("at", at(0)),
        ("start_at", at(0)),
        ("end_at", at(0)),
        ("known_at", at(3)),
        ("cause", texts(rows.iter().map(|_| Some("power")))),
    ])
}

fn inventory(rename: &dyn Fn(&str) -> String) -> RecordBatch {
    let mut rows: Vec<(&str, &str, &str)> = vec![("n/s1", "site", "n"), ("n/s2", "site", "n")];
    rows.extend(CELLS.map(|id| (id, "cell", &id[..4])));
    rows.extend(UNITS.map(|id| (id, "unit", "n/s1")));
    let ids: Vec<String> = rows.iter().map(|row| rename(row.0)).collect();
    let parents: Vec<String> = rows.iter().map(|row| rename(row.2)).collect();
    // Every state is corrected two weeks in: the software changed.
    let twice = || (0..2).flat_map(|version| (0..rows.len()).map(move |row| (version, row)));
    let from = || times(twice().map(|(version, _)| Some(version * 2 * WEEK)));
    batch(vec![
        ("entity_id", texts(twice().map(|(_, row)| Some(ids[row].as_str())))),
        ("entity_type", texts(twice().map(|(_, row)| Some(rows[row].1)))),
        ("parent_id", texts(twice().map(|(_, row)| Some(parents[row].as_str())))),
        ("valid_from", from()),
        ("valid_to", times(twice().map(|_| None))),
        ("known_at", from()),
        ("commissioned_at", times(twice().map(|(_, row)| Some(-DAY * row as i64)))),
        ("time_zone", texts(twice().map(|_| Some("Etc/UTC")))),
        ("prb_count", Arc::new(Int32Array::from_iter(twice().map(|_| Some(273)))) as ArrayRef),
        ("holiday_calendar", texts(twice().map(|_| None))),
        ("software", texts(twice().map(|(version, _)| Some(if version == 0 { "1" } else { "2" })))),
    ])
}

fn edges(rename: &dyn Fn(&str) -> String) -> RecordBatch {
    let ends = [rename(CELLS[0]), rename(CELLS[2])];
    batch(vec![
        ("a_id", texts([Some(ends[0].as_str())])),
        ("b_id", texts([Some(ends[1].as_str())])),
        ("kind", texts([Some("neighbour")])),
        ("valid_from", times([Some(0)])),
        ("valid_to", times([None])),
        ("known_at", times([Some(0)])),
    ])
}
