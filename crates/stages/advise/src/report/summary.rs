//! Top of the page: what it is, how much there is to do, and what the reader must know first.

use maud::{Markup, html};

use super::{Page, list_title, moment, sign};
use crate::{advice::Worklist, incidents::Change, inputs::Role, wording};

/// Title, cutoff and the way through the page.
pub(super) fn masthead(page: Page<'_>) -> Markup {
    html! {
        header.masthead {
            div {
                p.product { "Foresite" }
                h1 { "Worklist" }
            }
            dl.facts {
                div { dt { "Cutoff" } dd { (moment(page.signals.cutoff)) } }
                div { dt { "As of" } dd { (moment(page.signals.as_of)) } }
                @if let Some(regions) = regions(page) { div { dt { "Regions" } dd { (regions) } } }
            }
            nav aria-label="Sections" {
                a href="#worklists" { "Worklists" }
                a href="#map" { "Map" }
                @for list in page.advice.lists.iter().filter(|list| !list.listed.is_empty()) {
                    a href={ "#items-" (list.list.task) } { (list_title(list)) }
                }
                a href="#left-out" { "Left out" }
                a href="#not-scored" { "Not scored" }
                a href="#marks" { "Marks" }
                a href="#models" { "Models" }
                a href="#data" { "Data" }
            }
        }
    }
}

/// One tile per list and one for the data, then the warnings.
pub(super) fn overview(page: Page<'_>) -> Markup {
    html! {
        section.overview aria-label="Overview" {
            div.tiles {
                @for list in &page.advice.lists { (tile(list)) }
                (data_tile(page))
            }
            (provisional_note(page))
        }
    }
}

fn tile(list: &Worklist) -> Markup {
    let candidates = list.listed.len() + list.left_out.len();
    html! {
        a.tile href={ "#list-" (list.list.task) } {
            span.tile-title { (sign(list.list.head)) (list_title(list)) }
            " " span.tile-number { (list.listed.len()) }
            " " span.tile-unit { (if list.listed.len() == 1 { "item" } else { "items" }) }
            " " span.tile-note { (changes(list)) }
            " " span.tile-note {
                (wording::count(candidates, "open incident", "open incidents"))
                " · budget " (list.list.budget)
            }
        }
    }
}

fn changes(list: &Worklist) -> String {
    let of = |change: Change| {
        list.listed.iter().filter(|entry| entry.item.incident.change == change).count()
    };
    let told = [
        (of(Change::New), "new"),
        (of(Change::Worse), "worse"),
        (of(Change::Better), "better"),
        (of(Change::Ongoing), "ongoing"),
        (of(Change::Check), "to check"),
        (list.closed.len(), "closed"),
    ];
    let parts: Vec<String> =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n}\u{a0}{word}")).collect();
    if parts.is_empty() { "nothing open, nothing closed".into() } else { parts.join(" · ") }
}

fn data_tile(page: Page<'_>) -> Markup {
    let completeness = &page.context.completeness;
    let share = completeness.taken_share().map_or_else(|| "–".to_owned(), whole_share);
    let missing: u64 = completeness.missing_by_element.values().sum();
    html! {
        a.tile href="#data" {
            span.tile-title { "Data" }
            " " span.tile-number { (share) }
            " " span.tile-unit { "of expected files" }
            " " span.tile-note { (wording::count(missing as usize, "period", "periods")) " missing" }
            " " span.tile-note {
                (wording::count(page.advice.not_scored.len(), "entity", "entities")) " not scored"
            }
        }
    }
}

/// A share of completeness: rounded down, so that 99.96 % does not read as complete.
fn whole_share(share: f64) -> String {
    format!("{}\u{2009}%", (share * 1000.0).floor() / 10.0)
}

/// Models without enough evidence are named before anybody reads an item.
fn provisional_note(page: Page<'_>) -> Markup {
    let provisional: Vec<String> = page
        .advice
        .lists
        .iter()
        .filter(|list| list.models.iter().any(|(_, role)| *role == Role::Provisional))
        .map(|list| list_title(list).to_lowercase())
        .collect();
    html! {
        @if !provisional.is_empty() {
            p.note role="note" {
                strong { "Provisional models: " }
                (wording::list(&provisional)) ". "
                "Their evaluation had too little evidence to pass or fail. "
                "Read these items as hints, and see " a href="#models" { "how the models did" } "."
            }
        }
    }
}

fn regions(page: Page<'_>) -> Option<String> {
    let names: Vec<String> = page
        .signals
        .network
        .of_type("region")
        .map(|region| region.name.clone().unwrap_or_else(|| region.id.clone()))
        .collect();
    match names.as_slice() {
        [] => None,
        few if few.len() <= 4 => Some(wording::list(few)),
        many => Some(format!("{} regions", many.len())),
    }
}
