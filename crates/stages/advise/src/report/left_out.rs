//! What stands on no list, and why.

use maud::{Markup, html};

use super::lists::{change_badge, place, provisional};
use super::{Page, list_title};
use crate::{
    advice::{Entry, Worklist},
    incidents::Incident,
    left_out::Code,
    wording,
};

/// Incidents that are not on the list, each with its reason.
pub(super) fn section(page: Page<'_>) -> Markup {
    let lists = &page.advice.lists;
    html! {
        section #left-out aria-labelledby="left-out-title" {
            h2 #left-out-title { "Left out, and why" }
            @if lists.iter().all(|list| list.left_out.is_empty()) {
                p.empty { "Nothing was left out." }
            }
            @for list in lists.iter().filter(|list| !list.left_out.is_empty()) {
                details open[list.left_out.len() <= 12] {
                    summary {
                        (list_title(list)) ": "
                        (wording::count(list.left_out.len(), "incident", "incidents"))
                        " – " (by_reason(list))
                    }
                    div.scroll role="region" tabindex="0" aria-label={ (list_title(list)) ", left out" } {
                        table {
                            caption.sr { (list_title(list)) ", left out" }
                            thead { tr {
                                th scope="col" { "Incident" } th scope="col" { "Change" }
                                th.num scope="col" { "Probability" } th scope="col" { "Why" }
                            } }
                            tbody { @for entry in &list.left_out { (left_out_row(entry, page)) } }
                        }
                    }
                }
            }
        }
    }
}

/// `3 below the budget, 1 suppressed`.
fn by_reason(list: &Worklist) -> String {
    let of = |code: Code| {
        let reasons = list.left_out.iter().filter_map(|entry| entry.item.left_out.as_ref());
        reasons.filter(|reason| reason.code == code).count()
    };
    let told = Code::ALL.into_iter().map(|code| (of(code), code.label()));
    let parts = told.filter(|(n, _)| *n > 0).map(|(n, label)| format!("{n}\u{a0}{label}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn left_out_row(entry: &Entry, page: Page<'_>) -> Markup {
    let incident = &entry.item.incident;
    html! {
        tr {
            th.what scope="row" {
                (entry.evidence.title)
                span.where {
                    (place(incident, &page.signals.network)) (children(incident))
                    (provisional(entry.role))
                }
            }
            td { (change_badge(incident.change)) }
            td.num { (if incident.members.is_empty() { "–".to_owned() }
                      else { wording::probability(incident.probability()) }) }
            td { (entry.item.left_out.as_deref().unwrap_or_default()) }
        }
    }
}

/// How many alerts have no row of their own because this one stands for them.
fn children(incident: &Incident) -> Markup {
    let n = incident.children().count();
    html! { @if n > 0 { ", " (wording::count(n, "alert in it", "alerts in it")) } }
}
