//! What people write down about failures and planned work: not everything, not always at once,
//! not always right.

use crate::calendar::{self, Micros};
use crate::faults::{Cause, Failure, Unit};
use crate::network::Network;
use crate::random::{Key, Stream};
use crate::sleeping::Sleeping;
use crate::work::Work;

/// One fact of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketFact {
    /// Identifier of the ticket.
    pub id: String,
    /// opened, cause, closed or planned.
    pub fact: &'static str,
    /// When it happened.
    pub at: Micros,
    /// Type of the entity.
    pub entity_type: &'static str,
    /// The entity, as far as it is known.
    pub entity_id: String,
    /// Outage or planned work, as far as it is known.
    pub span: [Option<Micros>; 2],
    /// Cause as coded.
    pub cause: &'static str,
    /// Free text.
    pub text: &'static str,
    /// When it was entered.
    pub recorded_at: Micros,
}

/// All facts, by time of entry.
pub fn draw_tickets(network: &Network) -> Vec<TicketFact> {
    let failures = network.faults.failures.iter();
    let mut facts: Vec<TicketFact> =
        failures.flat_map(|failure| about_failure(network, failure)).collect();
    let asleep = network.sleeping.iter().flatten();
    facts.extend(asleep.flat_map(|time| about_complaint(network, time)));
    facts.extend(network.work.iter().map(|work| about_work(network, work)));
    facts.sort_by(|a, b| (a.recorded_at, &a.id, a.fact).cmp(&(b.recorded_at, &b.id, b.fact)));
    facts
}

fn number(prefix: &str, key: Key) -> String {
    format!("{prefix}{:010}", key.number() % 10_000_000_000)
}

fn about_failure(network: &Network, failure: &Failure) -> Vec<TicketFact> {
    let site = &network.layout.sites[failure.site];
    let key = site.key.named("ticket").at_time(failure.start).at(failure.unit.index() as u64);
    let mut draw = key.stream();
    let habits = &network.config.tickets;
    let fate = draw.uniform();
    // The sites behind a broken link mostly hang on the ticket of that link.
    let merged = failure.root.is_some() && draw.chance(0.6);
    if fate < habits.missing || merged {
        return Vec::new();
    }
    let late = fate < habits.missing + habits.late;
    let delay = if late { calendar::days(draw.between(1.0, 6.0)) } else { 0 };
    let opened = failure.start + minutes(draw.log_normal(18.0, 0.8));
    let found = failure.end + minutes(draw.log_normal(60.0, 0.8));
    let closed = found + minutes(draw.log_normal(240.0, 0.9));
    let base = TicketFact {
        id: number("T", key),
        fact: "opened",
        at: opened,
        entity_type: "site",
        entity_id: site.id.clone(),
        span: [Some(failure.start), None],
        cause: "",
        text: "loss of service",
        recorded_at: opened + delay,
    };
    let analysed = TicketFact {
        fact: "cause",
        at: found,
        entity_type: failure.unit.entity_type(),
        entity_id: format!("{}/{}", site.id, failure.unit.name()),
        span: [Some(failure.start), Some(failure.end)],
        cause: coded(failure.cause, habits.miscoded, &mut draw),
        text: repair_text(failure.unit),
        recorded_at: found + delay,
        ..base.clone()
    };
    let done = analysed.clone().closed(closed, closed + delay);
    vec![base, analysed, done]
}

impl TicketFact {
    fn closed(self, at: Micros, recorded_at: Micros) -> Self {
        Self { fact: "closed", at, text: "service restored", recorded_at, ..self }
    }
}

/// The code that was chosen from the list.
fn coded(cause: Cause, miscoded: f64, draw: &mut Stream) -> &'static str {
    const CODES: [&str; 8] =
        ["power", "rectifier", "cooling", "baseband", "radio", "transport", "upstream", "unknown"];
    if draw.chance(miscoded) {
        let wrong = CODES.iter().filter(|code| **code != cause.code());
        return wrong.copied().nth(draw.below(CODES.len() - 1)).unwrap_or("unknown");
    }
    cause.code()
}

fn repair_text(unit: Unit) -> &'static str {
    match unit {
        Unit::Battery => "mains restored, battery checked",
        Unit::Rectifier => "rectifier module replaced",
        Unit::Fan => "fan tray replaced",
        Unit::Baseband => "baseband restarted",
        Unit::Radio(_) => "radio replaced",
        Unit::Backhaul => "link repaired",
    }
}

/// Customers notice what no alarm shows; the cell is restarted.
fn about_complaint(network: &Network, time: &Sleeping) -> Vec<TicketFact> {
    let Some(opened) = time.complaint_at else {
        return Vec::new();
    };
    let cell = &network.layout.cells[time.cell];
    let key = cell.key.named("complaint").at_time(time.start);
    let mut draw = key.stream();
    let closed = time.end + minutes(draw.log_normal(120.0, 0.8));
    let base = TicketFact {
        id: number("T", key),
        fact: "opened",
        at: opened,
        entity_type: "cell",
        entity_id: cell.id.clone(),
        span: [Some(opened), None],
        cause: "",
        text: "customers complain about coverage",
        recorded_at: opened,
    };
    let done = TicketFact {
        fact: "closed",
        at: closed,
        span: [Some(opened), Some(time.end)],
        cause: "sleeping_cell",
        text: "cell restarted",
        recorded_at: closed,
        ..base.clone()
    };
    vec![base, done]
}

fn about_work(network: &Network, work: &Work) -> TicketFact {
    let layout = &network.layout;
    let (entity_type, entity_id) = match work.sector {
        Some(sector) => ("sector", layout.sectors[sector].id.clone()),
        None => ("site", layout.sites[work.site].id.clone()),
    };
    let key = layout.sites[work.site].key.named("work").at_time(work.start);
    TicketFact {
        id: number("P", key),
        fact: "planned",
        at: work.recorded_at,
        entity_type,
        entity_id,
        span: [Some(work.start), Some(work.end)],
        cause: "planned_work",
        text: work.kind.text(),
        recorded_at: work.recorded_at,
    }
}

fn minutes(count: f64) -> Micros {
    calendar::hours(count.min(2880.0) / 60.0)
}
