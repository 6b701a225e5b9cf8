//! Recent hours of a channel against the expected band and the neighbours.

use maud::{Markup, html};

use super::{keys, values};
use crate::{clock::HOUR, inputs::Sample, panels::HoursPanel, wording};
use foresite_report::frame::{Frame, bounds, px};

/// The plot with its caption.
pub(super) fn figure(panel: &HoursPanel) -> Markup {
    let Some(frame) = frame(panel) else {
        return html! {};
    };
    let usual: Vec<Sample> =
        panel.band.iter().map(|point| Sample { at: point.at, value: Some(point.median) }).collect();
    html! {
        figure {
            figcaption {
                strong { (wording::sentence(&panel.channel)) @if !panel.unit.is_empty() { ", " (panel.unit) } }
                span.muted { " · " (panel.entity) " · time of the site" }
            }
            svg.plot viewBox="0 0 520 200" role="img" aria-label=(description(panel)) {
                @if let Some(from) = panel.alert_from.filter(|from| *from < panel.range.1) {
                    @let x = frame.x(from.max(panel.range.0));
                    line.event x1=(px(x)) x2=(px(x)) y1=(px(frame.top())) y2=(px(frame.bottom())) {}
                    rect.alert-span x=(px(x)) y=(px(frame.top()))
                        width=(px(frame.right() - x)) height=(px(frame.bottom() - frame.top())) {}
                }
                (frame.value_axis())
                (frame.day_axis(&panel.zone))
                path.band d=(frame.band(&panel.band, HOUR)) {}
                path.usual d=(frame.line(&usual)) {}
                path.neighbours d=(frame.line(&panel.neighbours)) {}
                path.observed d=(frame.line(&panel.observed)) {}
                @if let Some(last) = panel.observed.iter().rev().find(|sample| sample.value.is_some()) {
                    circle.last cx=(px(frame.x(last.at))) cy=(px(frame.y(last.value.unwrap_or_default()))) r="3" {}
                }
            }
            (legend(panel))
        }
    }
}

fn frame(panel: &HoursPanel) -> Option<Frame> {
    let band = panel.band.iter().flat_map(|point| [point.low, point.high]);
    let all = values(&panel.observed).chain(values(&panel.neighbours)).chain(band);
    let (low, high) = bounds(all)?;
    let room = (high - low) * 0.04;
    // A quantity that comes near zero is read against zero.
    let low = if low >= 0.0 && low < 0.4 * high { 0.0 } else { low - room };
    Some(Frame::with_axes(panel.range, (low, high + room)))
}

fn legend(panel: &HoursPanel) -> Markup {
    let mut shown = vec![("observed", "observed")];
    if !panel.band.is_empty() {
        shown.push(("usual", "usual at this hour of the week"));
        shown.push(("band", "expected band"));
    }
    if !panel.neighbours.is_empty() {
        shown.push(("neighbours", "if it fared like its neighbours"));
    }
    if panel.alert_from.is_some() {
        shown.push(("alert-span", "alert open"));
    }
    keys(&shown)
}

/// What a reader who cannot see the plot needs.
fn description(panel: &HoursPanel) -> String {
    let days = (panel.range.1 - panel.range.0) / (24 * HOUR);
    let last = panel
        .observed
        .iter()
        .rev()
        .find_map(|sample| sample.value)
        .map_or_else(String::new, |value| {
            format!(", last {}", wording::quantity(value, panel.unit))
        });
    let usual = panel.band.last().map_or_else(String::new, |point| {
        format!(
            ", usually {} to {}",
            wording::number(point.low),
            wording::quantity(point.high, panel.unit)
        )
    });
    format!("Plot of {} on {} over {days} days{last}{usual}", panel.channel, panel.entity)
}
