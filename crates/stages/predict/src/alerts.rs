//! The table `alert_state`: what crosses from one run to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_features::task::Micros;
use foresite_models::anomaly::AlarmState;
use foresite_schema::catalog::outcome;
use foresite_scoring::Alert;
use foresite_scoring::statement::{Header, REPLAY, buckets, dates, doubles};
use foresite_stage::{Context, Result};
use foresite_tables::{Read, sha256_hex};

/// The newest state of every entity before `cutoff` that is known, not older than `since`. What a model
/// said when it was asked about the past goes on in its replays alone.
pub(crate) fn states_before(
    cx: &Context,
    (task, model_id, is_replay): (&str, &str, bool),
    (since, cutoff): (Micros, Micros),
) -> Result<BTreeMap<String, Alert>> {
    let mut newest: BTreeMap<String, Alert> = BTreeMap::new();
    let Some(table) = cx.root().find(outcome::alert_state())? else {
        return Ok(newest);
    };
    let read = Read::all().period(since, cutoff).as_of(cx.as_of());
    let read = read.text("task", task).text("model_id", model_id);
    let rows = table.read(&read)?;
    let sources = rows.column_by_name("source").and_then(|column| column.as_string_opt::<i32>());
    let is_wanted =
        |row: usize| sources.is_some_and(|sources| (sources.value(row) == REPLAY) == is_replay);
    let alerts = parse(&rows).into_iter().enumerate().filter(|(row, _)| is_wanted(*row));
    for (_, alert) in alerts {
        let older = newest.get(&alert.entity_id).is_none_or(|have| have.cutoff < alert.cutoff);
        if older {
            newest.insert(alert.entity_id.clone(), alert);
        }
    }
    Ok(newest)
}

/// Hash of what the states say.
pub(crate) fn digest(states: &BTreeMap<String, Alert>) -> String {
    // The debug form prints floats so that they read back equal.
    sha256_hex(format!("{states:?}").as_bytes())
}

fn parse(rows: &RecordBatch) -> Vec<Alert> {
    let column = |name: &str| rows.column_by_name(name);
    let (Some(ids), Some(cutoffs), Some(opened), Some(open), Some(recent)) = (
        column("entity_id"),
        column("cutoff"),
        column("opened_at"),
        column("is_open"),
        column("recent"),
    ) else {
        return Vec::new();
    };
    let ids = ids.as_string::<i32>();
    let cutoffs = cutoffs.as_primitive::<TimestampMicrosecondType>();
    let opened = opened.as_primitive::<TimestampMicrosecondType>();
    let (open, recent) = (open.as_boolean(), recent.as_list::<i32>());
    let doubles = |name: &str| column(name).map(|array| array.as_primitive::<Float64Type>());
    let (level, strongest) = (doubles("level"), doubles("strongest"));
    let at = |values: Option<&Float64Array>, row: usize| {
        values.filter(|values| values.is_valid(row)).map(|values| values.value(row))
    };
    (0..rows.num_rows())
        .map(|row| {
            let values = recent.is_valid(row).then(|| recent.value(row));
            let recent = values.iter().flat_map(|values| {
                values.as_primitive::<Float64Type>().iter().flatten().collect::<Vec<f64>>()
            });
            Alert {
                entity_id: ids.value(row).to_owned(),
                cutoff: cutoffs.value(row),
                state: AlarmState {
                    is_open: open.is_valid(row) && open.value(row),
                    recent: recent.collect(),
                    level: at(level, row),
                },
                opened_at: opened.is_valid(row).then(|| opened.value(row)),
                strongest: at(strongest, row),
            }
        })
        .collect()
}

/// Rows of `alert_state`.
pub(crate) fn batch(header: &Header<'_>, alerts: &[Alert]) -> Result<RecordBatch> {
    let count = alerts.len();
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    let times = |of: &dyn Fn(&Alert) -> Option<Micros>| -> ArrayRef {
        let array = TimestampMicrosecondArray::from_iter(alerts.iter().map(of));
        Arc::new(array.with_timezone("UTC"))
    };
    let ids = || alerts.iter().map(|alert| alert.entity_id.as_str());
    let columns = vec![
        dates(alerts.iter().map(|alert| alert.cutoff)),
        same(header.source),
        buckets(ids()),
        same(header.task),
        same(header.model_id),
        Arc::new(StringArray::from_iter_values(ids())),
        times(&|alert| Some(alert.cutoff)),
        Arc::new(BooleanArray::from(
            alerts.iter().map(|alert| alert.state.is_open).collect::<Vec<_>>(),
        )),
        times(&|alert| alert.opened_at),
        doubles(alerts.iter().map(|alert| alert.state.recent.as_slice())),
        Arc::new(Float64Array::from_iter(alerts.iter().map(|alert| alert.state.level))),
        Arc::new(Float64Array::from_iter(alerts.iter().map(|alert| alert.strongest))),
        Arc::new(BooleanArray::from(vec![false; count])),
        times(&|_| Some(header.as_of)),
        times(&|_| Some(header.now)),
        same(header.lineage_id),
    ];
    Ok(RecordBatch::try_new(outcome::alert_state().schema(), columns)?)
}
