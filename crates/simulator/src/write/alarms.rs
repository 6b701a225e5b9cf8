//! The alarm log as CSV: monthly for the history, hourly when live.

use super::csv::{Csv, day_name, stamp};
use super::months::land_months;
use super::{WriteError, Writer, Written};
use crate::alarms::{Alarm, draw_alarms};
use crate::calendar::{HOUR, Micros, SECOND};
use crate::network::Network;

const HEADER: &str = "alarm_id,fact,at,entity_type,entity_id,alarm_type,probable_cause,\
                      specific_problem,severity,text,logged_at";

/// One file a month of `[from, to)`.
pub(super) fn write_months(
    network: &Network,
    writer: &Writer<'_>,
    span: [Micros; 2],
) -> Result<Written, WriteError> {
    let alarms = draw_alarms(network);
    land_months(writer, "alarms/alarms", span, |month| render(&alarms, month))
}

/// The facts that were logged in one hour.
pub(super) fn write_hour(
    network: &Network,
    writer: &Writer<'_>,
    hour: Micros,
) -> Result<Written, WriteError> {
    let name = format!("alarms/alarms_{}.csv", day_name(hour, "%Y%m%d.%H%M"));
    let rows = render(&draw_alarms(network), [hour, hour + HOUR]);
    writer.land(&name, rows.bytes(), hour + HOUR + 30 * SECOND)
}

fn render(alarms: &[Alarm], [from, to]: [Micros; 2]) -> Csv {
    let facts = |alarm| [(0, alarm), (1, alarm)];
    let mut rows: Vec<(Micros, usize, &Alarm)> = alarms
        .iter()
        .flat_map(facts)
        .map(|(fact, alarm): (usize, &Alarm)| (alarm.logged_at[fact], fact, alarm))
        .filter(|(logged_at, _, _)| (from..to).contains(logged_at))
        .collect();
    rows.sort_by(|a, b| (a.0, a.1, &a.2.id).cmp(&(b.0, b.1, &b.2.id)));
    let mut csv = Csv::new(HEADER);
    for (logged_at, fact, alarm) in rows {
        let kind = alarm.kind;
        let (word, at) = [("raised", alarm.raised_at), ("cleared", alarm.cleared_at)][fact];
        csv.row(&[
            &alarm.id,
            word,
            &stamp(at),
            alarm.entity_type,
            &alarm.entity_id,
            kind.alarm_type,
            kind.probable_cause,
            kind.specific_problem,
            kind.severity,
            "",
            &stamp(logged_at),
        ]);
    }
    csv
}
