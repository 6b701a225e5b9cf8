//! Daily busy hours, the forecast, and the date on which the limit is passed.

use maud::{Markup, html};

use super::{keys, values};
use crate::{
    clock::{self, DAY},
    inputs::Sample,
    panels::BusyHoursPanel,
    wording,
};
use foresite_report::frame::{Frame, bounds, px};

/// Up to so many horizons are drawn one by one.
const FEW_HORIZONS: usize = 6;

/// Days whose greatest busy hour is the present level.
const LEVEL_DAYS: i64 = 28;

/// The plot with its caption.
pub(super) fn figure(panel: &BusyHoursPanel) -> Markup {
    let Some(frame) = frame(panel) else {
        return html! {};
    };
    html! {
        figure {
            figcaption {
                strong { "Daily busy hour, " (panel.channel) @if !panel.unit.is_empty() { ", " (panel.unit) } }
                span.muted { " · " (panel.entity) }
            }
            svg.plot viewBox="0 0 520 200" role="img" aria-label=(description(panel)) {
                (date_interval(panel, &frame))
                (frame.value_axis())
                (frame.month_axis(&panel.zone))
                @for sample in &panel.daily {
                    @if let Some(value) = sample.value {
                        circle.day cx=(px(frame.x(sample.at))) cy=(px(frame.y(value))) r="1.6" {}
                    }
                }
                path.observed d=(frame.line(&weekly_maxima(panel))) {}
                (forecast(panel, &frame))
                (limit(panel, &frame))
                line.cutoff x1=(px(frame.x(panel.cutoff))) x2=(px(frame.x(panel.cutoff)))
                    y1=(px(frame.top())) y2=(px(frame.bottom())) {}
            }
            (legend(panel))
        }
    }
}

fn frame(panel: &BusyHoursPanel) -> Option<Frame> {
    let fan = panel.fan.iter().flat_map(|point| [point.low, point.high]);
    let (low, high) = bounds(values(&panel.daily).chain(fan).chain(panel.limit))?;
    let low = if low >= 0.0 && low < 0.4 * high { 0.0 } else { low };
    Some(Frame::with_axes(panel.range, (low, high + (high - low) * 0.06)))
}

/// The forecast: a band where it has many horizons, otherwise a dot with its interval for each, since
/// a line would claim what nobody forecast in between.
fn forecast(panel: &BusyHoursPanel, frame: &Frame) -> Markup {
    if panel.fan.len() > FEW_HORIZONS {
        let median: Vec<Sample> = panel
            .fan
            .iter()
            .map(|point| Sample { at: point.at, value: Some(point.median) })
            .collect();
        return html! {
            path.band d=(frame.band(&panel.fan, 400 * DAY)) {}
            path.usual d=(frame.line(&median)) {}
        };
    }
    html! {
        @for point in &panel.fan {
            @let x = px(frame.x(point.at));
            line.range x1=(x) x2=(x) y1=(px(frame.y(point.low))) y2=(px(frame.y(point.high))) {}
            circle.forecast cx=(x) cy=(px(frame.y(point.median))) r="3.2" {}
        }
    }
}

fn values_since(panel: &BusyHoursPanel, since: clock::Micros) -> impl Iterator<Item = f64> {
    panel.daily.iter().filter(move |sample| sample.at >= since).filter_map(|sample| sample.value)
}

/// The greatest day of each week before the cutoff, at the middle of the week.
fn weekly_maxima(panel: &BusyHoursPanel) -> Vec<Sample> {
    let week_of = |at: clock::Micros| (at - panel.cutoff).div_euclid(7 * DAY);
    panel
        .daily
        .chunk_by(|a, b| week_of(a.at) == week_of(b.at))
        .filter_map(|week| {
            let middle = panel.cutoff + week_of(week.first()?.at) * 7 * DAY + 7 * DAY / 2;
            Some(Sample { at: middle.max(panel.range.0), value: values(week).reduce(f64::max) })
        })
        .collect()
}

fn date_interval(panel: &BusyHoursPanel, frame: &Frame) -> Markup {
    let [Some(low), median, high] = panel.event else {
        return html! {};
    };
    if median.is_some_and(|median| median <= panel.cutoff) {
        return html! {};
    }
    let inside = |at: clock::Micros| frame.x(at.clamp(panel.range.0, panel.range.1));
    let (left, right) = (inside(low), inside(high.unwrap_or(panel.range.1)));
    html! {
        rect.alert-span x=(px(left)) y=(px(frame.top()))
            width=(px((right - left).max(1.0))) height=(px(frame.bottom() - frame.top())) {}
        @if let Some(at) = median.filter(|at| *at < panel.range.1) {
            line.event x1=(px(inside(at))) x2=(px(inside(at)))
                y1=(px(frame.top())) y2=(px(frame.bottom())) {}
        }
    }
}

fn limit(panel: &BusyHoursPanel, frame: &Frame) -> Markup {
    html! {
        @if let Some(limit) = panel.limit {
            @let y = frame.y(limit);
            line.limit x1=(px(frame.left())) x2=(px(frame.right())) y1=(px(y)) y2=(px(y)) {}
            text.limit-label x=(px(frame.left() + 4.0)) y=(px(y - 4.0)) {
                "limit " (wording::quantity(limit, panel.unit))
            }
        }
    }
}

fn legend(panel: &BusyHoursPanel) -> Markup {
    let mut shown = vec![("day", "a day"), ("observed", "greatest of the week")];
    match panel.fan.len() {
        0 => {}
        few if few <= FEW_HORIZONS => shown.push(("range", "forecast of that day, 80 % interval")),
        _ => shown.extend([("usual", "forecast"), ("band", "80 % interval")]),
    }
    if panel.event[1].is_some_and(|median| median > panel.cutoff) {
        shown.push(("alert-span", "passes the limit (p10 – p90)"));
    }
    keys(&shown)
}

fn description(panel: &BusyHoursPanel) -> String {
    let level = values_since(panel, panel.cutoff - LEVEL_DAYS * DAY)
        .reduce(f64::max)
        .map_or_else(String::new, |level| {
            format!(", now up to {}", wording::quantity(level, panel.unit))
        });
    let limit = panel.limit.map_or_else(String::new, |limit| {
        format!(", limit {}", wording::quantity(limit, panel.unit))
    });
    let event = panel.event[1]
        .map_or_else(String::new, |at| format!(", passed around {}", clock::day(at, &panel.zone)));
    format!(
        "Plot of the daily busy hour of {} on {}{level}{limit}{event}",
        panel.channel, panel.entity
    )
}
