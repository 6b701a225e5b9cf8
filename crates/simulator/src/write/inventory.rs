//! Inventory, topology and objects as CSV: the first day holds everything that stands, later files
//! only what changed.

use std::collections::BTreeMap;

use super::changes::{Change, Table, changes};
use super::csv::{Csv, day_name, stamp};
use super::{WriteError, Writer, Written};
use crate::calendar::{DAY, HOUR, Micros, SECOND};
use crate::network::Network;

/// One file a table and day with changes in `[from, to)`.
pub(super) fn write_days(
    network: &Network,
    writer: &Writer<'_>,
    [from, to]: [Micros; 2],
) -> Result<Written, WriteError> {
    let mut days: BTreeMap<(Micros, Table), Vec<&Change>> = BTreeMap::new();
    let all = changes(network);
    for change in all.iter().filter(|change| (from..to).contains(&change.recorded_at)) {
        let day = change.recorded_at - change.recorded_at.rem_euclid(DAY);
        days.entry((day, change.table)).or_default().push(change);
    }
    let mut written = Written::default();
    for ((day, table), rows) in days {
        let name = format!("inventory/{}_{}.csv", table.name(), day_name(day, "%Y%m%d"));
        let arrived = (day + DAY).min(to);
        written += writer.land(&name, render(table, &rows).bytes(), arrived)?;
    }
    Ok(written)
}

/// The changes that were recorded in one hour, if any.
pub(super) fn write_hour(
    network: &Network,
    writer: &Writer<'_>,
    hour: Micros,
) -> Result<Written, WriteError> {
    let all = changes(network);
    let mut written = Written::default();
    for table in Table::ALL {
        let span = hour..hour + HOUR;
        let rows: Vec<&Change> = all
            .iter()
            .filter(|change| change.table == table && span.contains(&change.recorded_at))
            .collect();
        if !rows.is_empty() {
            let name = format!("inventory/{}_{}.csv", table.name(), day_name(hour, "%Y%m%d.%H%M"));
            let bytes = render(table, &rows);
            written += writer.land(&name, bytes.bytes(), hour + HOUR + 30 * SECOND)?;
        }
    }
    Ok(written)
}

fn render(table: Table, rows: &[&Change]) -> Csv {
    let mut csv = Csv::new(table.header());
    for change in rows {
        let recorded_at = stamp(change.recorded_at);
        let fields = change.fields.iter().map(String::as_str);
        csv.row(&fields.chain([recorded_at.as_str()]).collect::<Vec<_>>());
    }
    csv
}
