//! The tables: what to do, what was left out and why, what closed, what was not scored.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{Page, list_title, moment, plot, sign, statements};
use crate::{
    advice::{Entry, Worklist},
    clock,
    config::Head,
    incidents::{Change, Incident},
    inputs::{Role, Signals},
    network::Network,
    wording,
};

/// Entities named per reason before the rest is counted.
const NAMED: usize = 60;

/// Sites named with the equipment that they share before the rest is counted.
const NAMED_SITES: usize = 4;

/// The ranked tables.
pub(super) fn worklists(page: Page<'_>) -> Markup {
    html! {
        section #worklists aria-labelledby="worklists-title" {
            h2 #worklists-title { "What to look at" }
            @for list in &page.advice.lists { (table(list, page)) }
        }
    }
}

fn table(list: &Worklist, page: Page<'_>) -> Markup {
    html! {
        div.list id={ "list-" (list.list.task) } {
            h3 { (sign(list.list.head)) (list_title(list)) }
            p.lede { (lede(list)) }
            (statements::of_list(list, page))
            @if list.listed.is_empty() {
                p.empty { (nothing(list)) }
            } @else {
                div.scroll role="region" tabindex="0" aria-label={ (list_title(list)) " worklist" } {
                    table.worklist {
                        caption.sr { (list_title(list)) ", most urgent first" }
                        thead { (heading(list.list.head)) }
                        tbody { @for entry in &list.listed { (row(entry, page)) } }
                    }
                }
            }
        }
    }
}

/// What the list holds and what its order is: a small risk for many users may stand above a great
/// one for few.
fn lede(list: &Worklist) -> String {
    let within = clock::span(list.list.act_within());
    match list.list.head {
        Head::Anomaly => "Cells that behave unlike themselves and unlike their neighbours now, \
                          without a known reason; ranked by confidence × load that is missing."
            .into(),
        Head::TimeToEvent => format!(
            "Equipment likely to fail in a way that affects service; ranked by risk within \
             {within} × load that would fall with it."
        ),
        Head::Forecast => format!(
            "Sectors whose busy hour will pass its limit; ranked by risk within {within}, the \
             time from order to service, × load of the sector."
        ),
    }
}

fn nothing(list: &Worklist) -> String {
    if list.scored == 0 {
        "No predictions at this cutoff: nothing is known, good or bad.".into()
    } else {
        let scored = wording::count(list.scored, "entity was", "entities were");
        format!("Nothing to do: {scored} scored, none of them is news.")
    }
}

fn heading(head: Head) -> Markup {
    html! {
        tr {
            th.num scope="col" { "#" }
            th scope="col" { "Item" }
            th scope="col" { "Change" }
            th.num scope="col" { (if head == Head::Anomaly { "Confidence" } else { "Risk" }) }
            th.num.wide scope="col" { "Traffic at risk" }
            th.num.wide scope="col" { "Users at risk" }
            th.wide scope="col" {
                (match head {
                    Head::Anomaly => "Since",
                    Head::TimeToEvent => "Act before",
                    Head::Forecast => "Order before",
                })
            }
            th.wide scope="col" { "Recent course" }
        }
    }
}

fn row(entry: &Entry, page: Page<'_>) -> Markup {
    let incident = &entry.item.incident;
    let exposure = entry.item.exposure;
    let network = &page.signals.network;
    html! {
        tr {
            td.num.rank { (entry.item.rank.unwrap_or_default()) }
            th.what scope="row" {
                a href={ "#" (incident.incident_id) } { (entry.evidence.title) }
                span.where { (place(incident, network)) (provisional(entry.role)) }
            }
            td { (change_badge(incident.change)) }
            td.num { (wording::probability(incident.probability())) }
            td.num.wide { (optional(exposure.traffic_gb, "GB/h")) }
            td.num.wide { (users(exposure.users)) }
            td.wide { (deadline(entry, page)) }
            td.wide { (plot::spark(entry)) }
        }
    }
}

/// Where an incident is: the one affected member, or what several share. Shared equipment alone says
/// little to people: the sites that it hits stand before it, as in `Depot and Depot South, behind
/// North · feed-03`.
pub(super) fn place(incident: &Incident, network: &Network) -> String {
    if let (Some(only), 1) = (incident.lead(), incident.affected().count()) {
        return network.label(&only.entity_id);
    }
    let label = network.label(&incident.entity_id);
    let sites: BTreeSet<&str> =
        incident.affected().map(|member| network.site_of(&member.entity_id)).collect();
    if sites.len() < 2 {
        return label;
    }
    let mut names: Vec<String> =
        sites.iter().take(NAMED_SITES).map(|site| network.label(site)).collect();
    if sites.len() > names.len() {
        names.push(wording::count(sites.len() - names.len(), "more site", "more sites"));
    }
    let shared =
        if network.type_of(&incident.entity_id) == Some("region") { "in" } else { "behind" };
    format!("{}, {shared} {label}", wording::list(&names))
}

/// People come in whole numbers.
pub(super) fn users(value: Option<f64>) -> String {
    optional(value.map(f64::round), "")
}

pub(super) fn optional(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "–".into(), |value| wording::quantity(value, unit))
}

/// The moment to act before, or since when an anomaly lasts. A day is one of the site's own.
pub(super) fn deadline(entry: &Entry, page: Page<'_>) -> Markup {
    let Signals { cutoff, network, .. } = page.signals;
    let zone = network.time_zone(&entry.item.incident.entity_id);
    let at = match entry.item.head {
        Head::Anomaly if entry.item.incident.is_check() => None,
        Head::Anomaly => Some(entry.item.incident.onset()),
        Head::TimeToEvent | Head::Forecast => entry.evidence.act_before,
    };
    let is_over = entry.item.head != Head::Anomaly && at.is_some_and(|at| at <= *cutoff);
    html! {
        @match at {
            Some(_) if is_over => { strong.urgent { "now" } }
            Some(at) if at - *cutoff > 3 * clock::DAY => {
                time datetime=(clock::machine_stamp(at)) { (clock::day(at, &zone)) }
            }
            // Nobody plans to the minute.
            Some(at) => (moment(at.div_euclid(clock::HOUR) * clock::HOUR)),
            None => "–",
        }
    }
}

/// A change as a word and a sign; colour only repeats it.
pub(super) fn change_badge(change: Change) -> Markup {
    let sign = match change {
        Change::New => "●",
        Change::Worse => "▲",
        Change::Better => "▼",
        Change::Ongoing => "→",
        Change::Closed => "✓",
        Change::Check => "?",
    };
    html! {
        span.badge.(change.word()) { span aria-hidden="true" { (sign) } " " (change.word()) }
    }
}

/// The mark of a model that was promoted without enough evidence.
pub(super) fn provisional(role: Role) -> Markup {
    html! {
        @if role != Role::Champion { " " span.badge.provisional { (role.word()) } }
    }
}

/// Incidents that closed with this run.
pub(super) fn closed(page: Page<'_>) -> Markup {
    let closed: Vec<_> = page.advice.lists.iter().flat_map(|list| &list.closed).collect();
    html! {
        @if !closed.is_empty() {
            section aria-labelledby="closed-title" {
                h2 #closed-title { "Closed since the last run" }
                ul.plain {
                    @for incident in closed {
                        li {
                            (change_badge(incident.change)) " "
                            strong { (page.signals.network.label(&incident.entity_id)) }
                            span.muted { " · " (incident.task) ", seen from " (moment(incident.first_seen_at)) }
                        }
                    }
                }
            }
        }
    }
}

/// Entities without a score, by task and reason.
pub(super) fn not_scored(page: Page<'_>) -> Markup {
    let mut by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for entity in &page.advice.not_scored {
        by_reason.entry((&entity.task, &entity.reason)).or_default().push(&entity.entity_id);
    }
    html! {
        section #not-scored aria-labelledby="not-scored-title" {
            h2 #not-scored-title { "Not scored, and why" }
            @if by_reason.is_empty() {
                p.empty { "Every entity was scored." }
            }
            @for ((task, reason), entities) in by_reason {
                details open[entities.len() <= 12] {
                    summary {
                        (wording::sentence(task)) ": " (wording::reason(reason)) " – "
                        (wording::count(entities.len(), "entity", "entities"))
                    }
                    p.entities {
                        @for id in entities.iter().take(NAMED) { code { (id) } " " }
                        @if entities.len() > NAMED { "and " (entities.len() - NAMED) " more" }
                    }
                }
            }
        }
    }
}
