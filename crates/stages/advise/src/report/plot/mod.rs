//! Plots as SVG, drawn here: axes, gaps and labels are few and ours to decide.

mod busy_hours;
mod hours;
mod risk;

use foresite_report::frame;
use maud::{Markup, html};

use crate::{advice::Entry, inputs::Sample, panels::Panel};

/// The plot of a panel with its caption.
pub(super) fn figure(panel: &Panel) -> Markup {
    match panel {
        Panel::Hours(panel) => hours::figure(panel),
        Panel::BusyHours(panel) => busy_hours::figure(panel),
        Panel::Risk(panel) => risk::figure(panel),
    }
}

/// A small line for the table: the first plot's course without axes.
pub(super) fn spark(entry: &Entry) -> Markup {
    let series = entry.panels.iter().find_map(|panel| match panel {
        Panel::Hours(panel) => Some((panel.observed.as_slice(), panel.range)),
        Panel::BusyHours(panel) => Some((panel.daily.as_slice(), panel.range)),
        Panel::Risk(_) => None,
    });
    let Some((series, range)) = series else {
        return html! { span.muted { "–" } };
    };
    let values = series.iter().filter_map(|sample| sample.value);
    let Some(y) = frame::bounds(values) else {
        return html! { span.muted { "–" } };
    };
    let end = series.last().map_or(range.1, |sample| sample.at);
    let frame = frame::Frame {
        size: (120.0, 26.0),
        inset: frame::Inset { left: 2.0, right: 4.0, top: 3.0, bottom: 3.0 },
        x: (range.0, end.max(range.0 + 1)),
        y,
    };
    let last =
        series.iter().rev().find_map(|sample| Some((frame.x(sample.at), frame.y(sample.value?))));
    html! {
        svg.spark viewBox="0 0 120 26" aria-hidden="true" focusable="false" {
            path.observed d=(frame.line(series)) {}
            @if let Some((x, y)) = last { circle.last cx=(frame::px(x)) cy=(frame::px(y)) r="2.4" {} }
        }
    }
}

/// The keys under a plot: what the lines and areas mean.
fn keys(keys: &[(&str, &str)]) -> Markup {
    html! {
        span.keys {
            @for (class, text) in keys {
                span.key { i class=(class) aria-hidden="true" {} (text) }
            }
        }
    }
}

fn values(series: &[Sample]) -> impl Iterator<Item = f64> {
    series.iter().filter_map(|sample| sample.value)
}
