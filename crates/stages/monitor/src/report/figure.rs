//! Plots of the page.

use foresite_metrics::drift::group::{Statistic, Tested};
use foresite_report::clock::{DAY, Micros};
use foresite_report::frame::{Frame, bounds, px};
use foresite_report::wording;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::drift::Finding;

/// The statistic of a finding over the reference and the window, with its thresholds.
pub(super) fn history(finding: &Finding, tested: &Tested) -> Markup {
    let Some(frame) = frame(finding, tested) else {
        return html! {};
    };
    let (word, unit) = wording::channel(&finding.channel);
    let is_level = finding.statistic == Statistic::Level;
    let limits: &[f64] =
        if is_level { &[-tested.threshold, tested.threshold] } else { &[tested.threshold] };
    html! {
        figure {
            figcaption {
                strong { (wording::sentence(&word)) }
                span.muted { " · " (place(finding)) " · " (what(finding.statistic)) }
            }
            svg.plot viewBox="0 0 520 200" role="img" aria-label=(description(finding, tested, unit)) {
                (frame.value_axis())
                (frame.month_axis(&TimeZone::UTC))
                line.zero x1=(px(frame.left())) x2=(px(frame.right())) y1=(px(frame.y(0.0))) y2=(px(frame.y(0.0))) {}
                @for limit in limits {
                    @let y = px(frame.y(*limit));
                    line.limit x1=(px(frame.left())) x2=(px(frame.right())) y1=(y) y2=(y) {}
                }
                @for (at, value) in &finding.history {
                    @let class = if *at >= finding.window_start { "window" } else { "day" };
                    @let size = if *at >= finding.window_start { "4.5" } else { "2.6" };
                    circle class=(class) cx=(px(frame.x(*at))) cy=(px(frame.y(*value))) r=(size) {}
                }
            }
            span.keys {
                span.key { i.day aria-hidden="true" {} "block of the reference" }
                span.key { i.window aria-hidden="true" {} "this window" }
                span.key { i.limit aria-hidden="true" {} "passed by 1 in 100 without drift" }
            }
        }
    }
}

fn frame(finding: &Finding, tested: &Tested) -> Option<Frame> {
    let limits = match finding.statistic {
        Statistic::Level => [-tested.threshold, tested.threshold],
        Statistic::Part | Statistic::Gone => [0.0, tested.threshold],
    };
    let values = finding.history.iter().map(|(_, value)| *value).chain(limits);
    let (low, high) = bounds(values)?;
    let room = (high - low) * 0.08;
    let times = || finding.history.iter().map(|(at, _)| *at);
    let (start, end): (Micros, Micros) = (times().min()?, times().max()?);
    Some(Frame::with_axes((start - DAY, end + 2 * DAY), (low - room, high + room)))
}

/// What the statistic says, in people's words.
pub(super) fn what(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Level => "all together",
        Statistic::Part => "some against the others",
        Statistic::Gone => "no value any more",
    }
}

/// The group of a finding.
pub(super) fn place(finding: &Finding) -> String {
    let types = format!("{}s", finding.entity_type);
    match finding.group_id.as_str() {
        "*" => format!("all {types}"),
        group => format!("{types} of {group}"),
    }
}

/// What a reader who cannot see the plot needs.
fn description(finding: &Finding, tested: &Tested, unit: &str) -> String {
    let shift = finding.shift.map_or_else(String::new, |shift| {
        format!(", median change {}", wording::quantity(shift, unit))
    });
    format!(
        "{} of {}: {:.2} in this window, {:.2} is passed by one block in a hundred{shift}",
        what(finding.statistic),
        finding.channel,
        tested.value,
        tested.threshold
    )
}

/// A bar from 0 to 1, its part beyond `limit` in another colour.
pub(super) fn meter(value: f64, limit: f64) -> Markup {
    let place = |share: f64| px(160.0 * share.clamp(0.0, 1.0));
    html! {
        svg.meter viewBox="0 0 160 10" aria-hidden="true" focusable="false" {
            rect.room x="0" y="0" width="160" height="10" {}
            rect.fill x="0" y="0" width=(place(value.min(limit))) height="10" {}
            @if value > limit {
                rect.over x=(place(limit)) y="0" width=(px(160.0 * (value.min(1.0) - limit).max(0.0))) height="10" {}
            }
        }
    }
}
