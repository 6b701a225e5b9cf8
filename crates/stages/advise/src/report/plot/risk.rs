//! Probability of the event by horizon.

use maud::{Markup, html};

use crate::{clock, panels::RiskPanel, wording};
use foresite_report::frame::px;

const WIDTH: f64 = 520.0;
const ROW: f64 = 22.0;
const LABEL: f64 = 64.0;
const VALUE: f64 = 56.0;

/// One bar per horizon; the horizon that ranks is marked.
pub(super) fn figure(panel: &RiskPanel) -> Markup {
    let height = ROW * panel.steps.len() as f64 + 4.0;
    let most = panel.steps.iter().map(|(_, p)| *p).fold(0.0, f64::max);
    // Small risks are drawn against 10 %, so that 3 % does not fill the plot.
    let full = most.max(0.1);
    let room = WIDTH - LABEL - VALUE;
    html! {
        figure {
            figcaption {
                strong { "Probability of failure within" }
                span.muted { " · " (panel.entity) }
            }
            svg.plot viewBox=(format!("0 0 {WIDTH} {}", px(height))) role="img" aria-label=(description(panel)) {
                @for (at, (horizon, p)) in panel.steps.iter().enumerate() {
                    @let y = ROW * at as f64 + 4.0;
                    @let length = (p / full * room).max(1.0);
                    text.bar-label x=(px(LABEL - 8.0)) y=(px(y + 12.0)) text-anchor="end" { (clock::span(*horizon)) }
                    rect.bar-room x=(px(LABEL)) y=(px(y)) width=(px(room)) height="15" rx="2" {}
                    rect.(if *horizon == panel.act_within { "bar-fill is-ranking" } else { "bar-fill" })
                        x=(px(LABEL)) y=(px(y)) width=(px(length)) height="15" rx="2" {}
                    text.bar-value x=(px(LABEL + room + 8.0)) y=(px(y + 12.0)) { (wording::probability(*p)) }
                }
            }
            span.keys { span.key { i class="bar-fill is-ranking" aria-hidden="true" {}
                "the horizon that ranks the list (" (clock::span(panel.act_within)) ")" } }
        }
    }
}

fn description(panel: &RiskPanel) -> String {
    let steps: Vec<String> = panel
        .steps
        .iter()
        .map(|(horizon, p)| {
            format!("{} within {}", wording::probability(*p), clock::span(*horizon))
        })
        .collect();
    format!("Probability of failure of {}: {}", panel.entity, wording::list(&steps))
}
