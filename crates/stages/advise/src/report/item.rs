//! One item: what it is, the evidence, the plots, and where it comes from.

use maud::{Markup, html};

use super::{Page, class_of, lists, moment, plot, sign};
use crate::{
    advice::{Entry, Worklist},
    clock,
    config::Head,
    wording,
};

/// The article of an item.
pub(super) fn article(entry: &Entry, list: &Worklist, page: Page<'_>) -> Markup {
    let incident = &entry.item.incident;
    let id = &incident.incident_id;
    html! {
        article.item.(class_of(entry.item.head)) id=(id) aria-labelledby={ (id) "-title" } tabindex="-1" {
            header {
                span.rank-mark { (sign(entry.item.head)) span { (entry.item.rank.unwrap_or_default()) } }
                div {
                    h3 id={ (id) "-title" } { (entry.evidence.title) }
                    p.where {
                        (lists::place(incident, &page.signals.network)) " "
                        (lists::change_badge(incident.change)) (lists::provisional(entry.role))
                    }
                }
            }
            div.body {
                div.evidence {
                    ul { @for sentence in &entry.evidence.sentences { li { (sentence) } } }
                }
                div.plots { @for panel in &entry.panels { (plot::figure(panel)) } }
            }
            (facts(entry, list, page))
            (origin(entry))
        }
    }
}

fn facts(entry: &Entry, list: &Worklist, page: Page<'_>) -> Markup {
    let incident = &entry.item.incident;
    let zone = page.signals.network.time_zone(&incident.entity_id);
    html! {
        dl.facts.strip {
            div { dt { "Probability" } dd { (wording::probability(incident.probability())) } }
            div { dt { "First seen" } dd { (moment(incident.first_seen_at)) } }
            @if entry.item.head == Head::Anomaly && !incident.is_check() {
                div { dt { "Alert open for" } dd { (clock::span(page.signals.cutoff - incident.onset())) } }
            }
            div { dt { "Usual traffic at risk" } dd { (lists::optional(entry.item.exposure.traffic_gb, "GB/h")) } }
            div { dt { "Usual users at risk" } dd { (lists::users(entry.item.exposure.users)) } }
            div { dt { "Cells" } dd { (entry.item.exposure.cells) } }
            @if let Some(resource) = &entry.evidence.limiting_resource {
                div { dt { "Limiting resource" } dd { (wording::sentence(resource)) } }
            }
            @if let [Some(low), _, high] = entry.evidence.event && low > page.signals.cutoff {
                div {
                    dt { "Between" }
                    dd { (clock::day(low, &zone)) " and "
                         (high.map_or_else(|| "later than the horizon".to_owned(), |at| clock::day(at, &zone))) }
                }
            }
            @if entry.evidence.act_before.is_some() {
                div { dt { (deadline_name(list)) } dd { (lists::deadline(entry, page)) } }
            }
            div { dt { "Urgency" } dd { (wording::number(entry.item.urgency)) " average cells" } }
        }
    }
}

fn deadline_name(list: &Worklist) -> &'static str {
    match list.list.head {
        Head::Forecast => "Latest order date",
        _ => "Act before",
    }
}

fn origin(entry: &Entry) -> Markup {
    let incident = &entry.item.incident;
    let model = incident
        .lead()
        .and_then(|lead| lead.rows.first())
        .map(|row| row.model_id.as_str())
        .unwrap_or_default();
    html! {
        details.origin {
            summary { "Where this comes from" }
            dl.facts {
                div { dt { "Incident" } dd { code { (incident.incident_id) } } }
                div { dt { "Entity" } dd { code { (incident.entity_id) } } }
                div { dt { "Model" } dd { code { (model) } " (" (entry.role.word()) ")" } }
                div { dt { "Predictions" } dd {
                    @for id in incident.prediction_ids.iter().take(12) { code { (id) } " " }
                    @if incident.prediction_ids.len() > 12 { "and " (incident.prediction_ids.len() - 12) " more" }
                } }
                div { dt { "Lineage" } dd { code { (entry.lineage_id) } } }
            }
        }
    }
}
