//! How right the lists were, as people marked them, and what came of what they stated.

use foresite_metrics::Share;
use maud::{Markup, html};

use super::{Page, list_title, moment};
use crate::{
    advice::Worklist,
    inputs::Came,
    precision::{self, Counts, Held, LEAST, Line, Precision},
    wording,
};

/// Drivers that are shown; the others were hardly marked.
const NAMED: usize = 8;

/// The section.
pub(super) fn section(page: Page<'_>) -> Markup {
    let judged = &page.context.judged;
    html! {
        section #marks aria-labelledby="marks-title" {
            h2 #marks-title { "How right the lists were" }
            p.muted {
                "By people's marks of the last 28 days: the share of judged items that were called right, with its 95 % interval. "
                "An item that was only dealt with, or about which people disagree, counts as neither."
            }
            @if judged.cases.is_empty() {
                p.empty { "Nobody judged an item in that time: nothing is known about how right the lists are." }
            } @else {
                @for list in &page.advice.lists { (of_list(list, page)) }
            }
            @for list in &page.advice.lists {
                @for came in page.context.came.iter().filter(|came| came.task == list.list.task) {
                    (of_past(list, came))
                }
            }
            @if judged.unplaced > 0 {
                p.muted {
                    (wording::count(judged.unplaced, "mark names", "marks name"))
                    " no prediction, and counts for no list."
                }
            }
        }
    }
}

fn of_list(list: &Worklist, page: Page<'_>) -> Markup {
    let precision =
        precision::of_task(&page.context.judged.cases, &list.list.task, page.signals.cutoff);
    html! {
        h3 { (list_title(list)) }
        @if precision.lines.is_empty() {
            p.empty { "Nobody judged an item of this list." }
        } @else { (table(list, &precision)) }
        (held(precision.held))
        (checks(&precision))
    }
}

fn table(list: &Worklist, precision: &Precision) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label={ (list_title(list)) ": marks" } {
            table {
                caption.sr { (list_title(list)) ": marks" }
                thead { tr {
                    th scope="col" { "Of" }
                    th.num scope="col" { "7 days" } th.num scope="col" { "28 days" }
                    th.num scope="col" { "Right" } th.num scope="col" { "Wrong" }
                    th.num scope="col" { "Disputed" } th.num scope="col" { "Dealt with" }
                } }
                tbody { @for line in precision.lines.iter().take(NAMED + 1) { (row(line)) } }
            }
        }
    }
}

fn row(line: &Line) -> Markup {
    let name = match &line.driver {
        None => "All items of the list".to_owned(),
        Some(driver) => format!("Driven most by {}", wording::feature(driver)),
    };
    html! {
        tr {
            th scope="row" { (name) }
            td.num { (share(line.week)) }
            td.num { (share(line.month)) }
            td.num { (line.month.right) }
            td.num { (line.month.wrong) }
            td.num { (line.month.disputed) }
            td.num { (line.month.done) }
        }
    }
}

fn share(counts: Counts) -> String {
    counts
        .share()
        .map_or_else(|| format!("{} of {LEAST} marks needed", counts.judged()), with_interval)
}

fn with_interval(share: Share) -> String {
    let (low, high) = (share.interval.low, share.interval.high);
    format!("{} ({} – {})", wording::share(share.value), wording::share(low), wording::share(high))
}

/// What the lists stated, beside what came of it.
fn held(held: Held) -> Markup {
    html! {
        @if held.items > 0 {
            p.muted {
                "Of " (wording::count(held.items, "judged item", "judged items"))
                " the lists stated beforehand that " (format!("{:.1}", held.stated))
                " would be right; " (held.right) (if held.right == 1 { " was." } else { " were." })
            }
        }
    }
}

/// What past lists stated beside what came, as tickets and marks have it.
fn of_past(list: &Worklist, came: &Came) -> Markup {
    let said = |[stated, came]: [Option<f64>; 2]| Some((stated?, came?));
    let (hits, misses) = (said(came.hits), said(came.misses));
    let number = |value: f64| format!("{value:.1}");
    html! {
        @if hits.is_some() || misses.is_some() {
            p.muted {
                strong { (list_title(list)) } ": "
                (wording::count(usize::try_from(came.lists).unwrap_or(0), "list", "lists"))
                " whose time was over by " (moment(came.until)) ", as a mean of each, "
                @if let Some((stated, came)) = hits {
                    "stated " (number(stated)) " right items and had " (number(came))
                }
                @if hits.is_some() && misses.is_some() { "; " }
                @if let Some((stated, came)) = misses {
                    "stated " (number(stated)) " more where nothing was open and missed "
                    (number(came))
                }
                "."
            }
        }
    }
}

/// What checks say about what no list names.
fn checks(precision: &Precision) -> Markup {
    let counts = precision.checks;
    html! {
        @if counts.judged() > 0 {
            p.muted {
                (wording::count(counts.judged(), "check", "checks")) " of low risks: "
                (counts.right) " found something after all. "
                @match precision.real {
                    Some(real) => {
                        "Weighted by what they stand for, " (with_interval(real))
                        " of all that was scored were real cases."
                    }
                    None => { "Too few to say what the list misses." }
                }
            }
        }
    }
}
