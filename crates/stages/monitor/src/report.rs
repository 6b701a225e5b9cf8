//! The page for people: what drifted and why, how the models do, what became of the data. One file
//! with nothing from elsewhere.

mod drift;
mod figure;
mod performance;

use foresite_report::clock::{self, Micros};
use foresite_report::page::{Page, Pointer};
use foresite_report::wording;
use foresite_stage::{Context, Result};
use maud::{Markup, html};

use crate::Day;
use crate::drift::Finding;
use crate::performance::State;

/// The page that leads to the newest one.
const LATEST: Pointer =
    Pointer { path: "reports/latest-monitor.html", what: "monitor page", file: "monitor.html" };

/// What the shared style lacks.
const OWN_STYLE: &str = "\
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 16px; }
#data h3 { margin: 26px 0 8px; }
.plots figure { background: var(--paper); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 14px; margin: 0; }
circle.window { fill: var(--alert); stroke: var(--paper); stroke-width: 1; }
.zero { stroke: var(--muted); stroke-width: 1; }
.badge.warn, .badge.broken { border-color: var(--alert); color: var(--alert); }
.badge.unknown { border-style: dashed; color: var(--muted); }
.key i.window { width: 8px; height: 8px; border: 0; border-radius: 50%; background: var(--alert); }
.key i.limit { border-top-color: var(--alert); }
.meter { width: 160px; height: 10px; display: block; }
.meter .room { fill: var(--soft); }
.meter .fill { fill: var(--usual); }
.meter .over { fill: var(--alert); }
";

/// Writes the page of a day and, unless a newer one is there, the one that leads to it.
pub(crate) fn publish(cx: &Context, day: &Day, lineage_id: &str) -> Result<String> {
    let folder = clock::folder_stamp(day.interval.end);
    let path = LATEST.page(&folder);
    let page = render(day, cx.as_of(), lineage_id);
    cx.publish_page(&path, page)?;
    let is_newest = match cx.root().read(LATEST.path) {
        Ok(content) => LATEST.is_newest(&folder, &content),
        Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => true,
        Err(error) => return Err(error.into()),
    };
    if is_newest {
        cx.publish_page(LATEST.path, LATEST.to(&folder))?;
    }
    Ok(path)
}

fn render(day: &Day, as_of: Micros, lineage_id: &str) -> String {
    let sections = html! {
        (tiles(day))
        (drift::section(day))
        (performance::models(day))
        (performance::data(day))
    };
    Page {
        title: &format!("Foresite monitor, {}", clock::stamp(day.interval.end)),
        style: OWN_STYLE,
        skip: ("#drift", "Skip to the findings"),
        masthead: &masthead(day, as_of),
        main: &sections,
        lineage_id,
    }
    .render()
}

fn masthead(day: &Day, as_of: Micros) -> Markup {
    let window = day.findings.first().map_or(day.interval.start, |finding| finding.window_start);
    html! {
        header.masthead {
            div { p.product { "Foresite" } h1 { "Monitor" } }
            dl.facts {
                div { dt { "Window" } dd { (clock::stamp(window)) " to " (clock::stamp(day.interval.end)) } }
                div { dt { "As of" } dd { (clock::stamp(as_of)) } }
            }
            nav aria-label="Sections" {
                a href="#drift" { "Drift" }
                a href="#models" { "Models" }
                a href="#data" { "Data" }
            }
        }
    }
}

fn tiles(day: &Day) -> Markup {
    let count = |is: &dyn Fn(&Finding) -> bool| day.findings.iter().filter(|f| is(f)).count();
    let state = |state: State, data: bool| {
        let of = day.metrics.iter().filter(|metric| (metric.task == "data") == data);
        of.filter(|metric| metric.state == state).count()
    };
    let worrying = |data| state(State::Warn, data) + state(State::Broken, data);
    let complete = day.metrics.iter().find(|metric| metric.metric == "completeness");
    let complete = complete.and_then(|metric| metric.value);
    html! {
        section.overview aria-label="Overview" {
            div.tiles {
                (tile("#drift", "Drift", count(&|f| f.confirmed).to_string(), "confirmed", [
                    format!("{} flagged in this window", count(&|f| f.flagged)),
                    format!("{} tests, {} not possible", count(&|f| f.tested.is_some()), count(&|f| f.not_tested.is_some())),
                ]))
                (tile("#models", "Models", worrying(false).to_string(), "to look at", [
                    format!("{} metrics as they should be", state(State::Ok, false)),
                    format!("{} not known yet", state(State::Unknown, false)),
                ]))
                (tile("#data", "Data", complete.map_or_else(|| "–".into(), percent), "of expected files", [
                    wording::count(worrying(true), "metric to look at", "metrics to look at"),
                    format!("{} as they should be", state(State::Ok, true)),
                ]))
            }
        }
    }
}

fn tile(link: &str, title: &str, number: String, unit: &str, notes: [String; 2]) -> Markup {
    html! {
        a.tile href=(link) {
            span.tile-title { (title) }
            " " span.tile-number { (number) }
            " " span.tile-unit { (unit) }
            @for note in notes { " " span.tile-note { (note) } }
        }
    }
}

/// Rounded down, so that 99.96 % does not read as complete.
fn percent(share: f64) -> String {
    format!("{}\u{2009}%", (share * 1000.0).floor() / 10.0)
}
