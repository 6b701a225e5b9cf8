//! The report: one HTML file that holds everything, read on a screen, on paper or by a screen
//! reader, without a network and without scripts.
//!
//! maud escapes every text; the only unescaped parts are the style sheet and the numbers of the
//! plots, both made here. A content security policy inside the file forbids everything else.

mod data;
mod item;
mod left_out;
mod lists;
mod map;
mod marks;
mod models;
mod plot;
mod statements;
mod summary;

use maud::{Markup, html};

use crate::{
    advice::{Advice, Worklist},
    clock,
    config::{Config, Head},
    inputs::{Context, Signals},
    wording,
};

/// Everything that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The advice.
    pub advice: &'a Advice,
    /// What was said about the cutoff.
    pub signals: &'a Signals,
    /// What stands behind it.
    pub context: &'a Context,
    /// Configuration of the run.
    pub config: &'a Config,
    /// Lineage of the run.
    pub lineage_id: &'a str,
}

/// Renders the page.
pub fn render(page: Page<'_>) -> String {
    foresite_report::page::Page {
        title: &format!("Foresite worklist, {}", clock::stamp(page.signals.cutoff)),
        style: "",
        skip: ("#worklists", "Skip to the worklists"),
        masthead: &summary::masthead(page),
        main: &sections(page),
        lineage_id: page.lineage_id,
    }
    .render()
}

fn sections(page: Page<'_>) -> Markup {
    html! {
        (summary::overview(page))
        (lists::worklists(page))
        (map::section(page))
        @for list in &page.advice.lists {
            @if !list.listed.is_empty() {
                section aria-labelledby={ "items-" (list.list.task) } {
                    h2 id={ "items-" (list.list.task) } { (list_title(list)) ": the items" }
                    @for entry in &list.listed { (item::article(entry, list, page)) }
                }
            }
        }
        (left_out::section(page))
        (lists::closed(page))
        (lists::not_scored(page))
        (marks::section(page))
        (models::section(page))
        (data::completeness(page))
        (data::lineage(page))
    }
}

/// Heading of a list: the built-in tasks in people's words, any other by its name.
fn list_title(list: &Worklist) -> String {
    match list.list.task.as_str() {
        "anomaly" => "Anomalies".into(),
        "maintenance" => "Maintenance".into(),
        "capacity" => "Capacity".into(),
        other => wording::sentence(&other.replace('_', " ")),
    }
}

/// The sign of a list: a shape beside the colour, so that neither carries the meaning alone.
fn sign(head: Head) -> Markup {
    html! {
        svg.sign.(class_of(head)) viewBox="-8 -8 16 16" aria-hidden="true" focusable="false" {
            (map::shape(head))
        }
    }
}

fn class_of(head: Head) -> &'static str {
    match head {
        Head::Anomaly => "is-anomaly",
        Head::TimeToEvent => "is-risk",
        Head::Forecast => "is-forecast",
    }
}

/// A moment with its machine-readable form.
fn moment(at: clock::Micros) -> Markup {
    html! { time datetime=(clock::machine_stamp(at)) { (clock::stamp(at)) } }
}
