//! Tickets as CSV: monthly for the history, hourly when live.

use super::csv::{Csv, day_name, optional_stamp, stamp};
use super::months::land_months;
use super::{WriteError, Writer, Written};
use crate::calendar::{HOUR, Micros, SECOND};
use crate::network::Network;
use crate::tickets::{TicketFact, draw_tickets};

const HEADER: &str =
    "ticket_id,fact,at,entity_type,entity_id,start_at,end_at,cause,text,recorded_at";

/// One file a month of `[from, to)`.
pub(super) fn write_months(
    network: &Network,
    writer: &Writer<'_>,
    span: [Micros; 2],
) -> Result<Written, WriteError> {
    let facts = draw_tickets(network);
    land_months(writer, "tickets/tickets", span, |[from, to]| {
        // Work announced before the history began stands in its first month.
        let from = if from == span[0] { Micros::MIN } else { from };
        render(&facts, [from, to])
    })
}

/// The facts that were entered in one hour.
pub(super) fn write_hour(
    network: &Network,
    writer: &Writer<'_>,
    hour: Micros,
) -> Result<Written, WriteError> {
    let name = format!("tickets/tickets_{}.csv", day_name(hour, "%Y%m%d.%H%M"));
    let rows = render(&draw_tickets(network), [hour, hour + HOUR]);
    writer.land(&name, rows.bytes(), hour + HOUR + 30 * SECOND)
}

fn render(facts: &[TicketFact], [from, to]: [Micros; 2]) -> Csv {
    let mut csv = Csv::new(HEADER);
    for fact in facts.iter().filter(|fact| (from..to).contains(&fact.recorded_at)) {
        csv.row(&[
            &fact.id,
            fact.fact,
            &stamp(fact.at),
            fact.entity_type,
            &fact.entity_id,
            &optional_stamp(fact.span[0]),
            &optional_stamp(fact.span[1]),
            fact.cause,
            fact.text,
            &stamp(fact.recorded_at),
        ]);
    }
    csv
}
