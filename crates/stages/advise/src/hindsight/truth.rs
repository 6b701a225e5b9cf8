//! The simulator's truth as events.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_stage::{Context, ErrorKind, Result, StageError};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::TruthEvent;
use crate::clock::{DAY, Micros};
use crate::config::Head;
use crate::read::Rows;

/// Days below the limit after which passing it again is another event.
const LIMIT_GAP: Micros = 14 * DAY;

/// The events that a list of this kind should name.
pub(super) fn events(cx: &Context, head: Head) -> Result<Vec<TruthEvent>> {
    match head {
        Head::Anomaly => {
            // A sleeping cell raises no alarm: finding it before somebody complains is the point.
            // Outages mostly do, so that leaving one out as known is right.
            let mut events = spans(cx, "anomalies", "cell_id", Some("complaint_at"))?;
            events.extend(spans(cx, "failures", "site_id", Some("start_at"))?);
            Ok(events)
        }
        Head::TimeToEvent => spans(cx, "failures", "site_id", None),
        Head::Forecast => over_limit(cx),
    }
}

/// Rows as events; `known` names the column that says from when on people know it.
fn spans(cx: &Context, table: &str, entity: &str, known: Option<&str>) -> Result<Vec<TruthEvent>> {
    let mut events = Vec::new();
    for batch in read(cx, table)? {
        let rows = Rows::of(&batch);
        let id = rows.text(entity)?;
        let (start, end) = (rows.times("start_at")?, rows.times("end_at")?);
        let known = known.map(|name| rows.times(name)).transpose()?;
        for row in 0..rows.len() {
            let from = start.required(row);
            events.push(TruthEvent {
                entity_id: id.owned(row),
                start: from,
                end: end.at(row).unwrap_or(Micros::MAX),
                known_from: known.as_ref().and_then(|at| at.at(row)).unwrap_or(Micros::MAX),
            });
        }
    }
    Ok(events)
}

/// Times during which a sector's busy hour, without noise, lies above its limit.
fn over_limit(cx: &Context) -> Result<Vec<TruthEvent>> {
    let limit = limit(cx)?;
    let mut by_sector: BTreeMap<String, Vec<(Micros, Micros)>> = BTreeMap::new();
    for batch in read(cx, "busy_hours")? {
        let rows = Rows::of(&batch);
        let (id, day) = (rows.text("sector_id")?, rows.times("day")?);
        let value = rows.doubles("busy_hour_prb_util_dl")?;
        for row in (0..rows.len()).filter(|row| value.at(*row).is_some_and(|value| value > limit)) {
            let start = day.required(row);
            let spans = by_sector.entry(id.owned(row)).or_default();
            match spans.last_mut() {
                Some(last) if start - last.1 <= LIMIT_GAP => last.1 = start + DAY,
                _ => spans.push((start, start + DAY)),
            }
        }
    }
    Ok(by_sector
        .into_iter()
        .flat_map(|(entity_id, spans)| {
            spans.into_iter().map(move |(start, end)| TruthEvent {
                entity_id: entity_id.clone(),
                start,
                end,
                known_from: Micros::MAX,
            })
        })
        .collect())
}

fn limit(cx: &Context) -> Result<f64> {
    for batch in read(cx, "exceedance")? {
        if let Some(limit) = Rows::of(&batch).doubles("limit_percent")?.at(0) {
            return Ok(limit);
        }
    }
    // Without a single exceedance no limit was passed.
    Ok(f64::INFINITY)
}

fn read(cx: &Context, table: &str) -> Result<Vec<RecordBatch>> {
    let path = format!("truth/{table}.parquet");
    let bytes = cx.root().read(&path).map_err(|error| {
        StageError::from(error).hint("only a simulated network has a truth to compare with")
    })?;
    let unreadable = |error: &dyn std::fmt::Display| {
        StageError::new(ErrorKind::BadData, format!("read {path}: {error}"))
    };
    ParquetRecordBatchReaderBuilder::try_new(bytes)
        .map_err(|error| unreadable(&error))?
        .build()
        .map_err(|error| unreadable(&error))?
        .map(|batch| batch.map_err(|error| unreadable(&error)))
        .filter(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0))
        .collect()
}
