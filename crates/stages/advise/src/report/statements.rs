//! What a list states before anybody can know.

use maud::{Markup, html};

use super::{Page, moment};
use crate::{advice::Worklist, network::Network, statements::Statement, teams::NOBODY, wording};

/// One line of each team.
pub(super) fn of_list(list: &Worklist, page: Page<'_>) -> Markup {
    html! {
        @if list.scored > 0 {
            @for said in list.statements.iter().filter(|said| says(said)) {
                p.muted { (of_team(said, &page.signals.network)) }
            }
        }
    }
}

/// Whether a line would say anything: nobody's is read only where something is, or may be, nobody's.
fn says(said: &Statement) -> bool {
    let is_idle = said.used == 0 && said.left_out == 0 && said.misses.unwrap_or(0.0) < 0.05;
    match said.team.as_deref() {
        None => said.hits.is_some(),
        Some(team) => team != NOBODY || !is_idle,
    }
}

fn of_team(said: &Statement, network: &Network) -> Markup {
    let items = said.listed - said.checks;
    html! {
        @if let Some(team) = &said.team {
            strong { (network.label(team)) } ": " (said.used) " of " (said.budget) " places"
            @if let Some((_, end)) = said.shift { " of the shift until " (moment(end)) }
            " taken. "
        }
        @if let Some(hits) = said.hits {
            "Stated beforehand: " (expected(hits)) " of " (wording::count(items, "item", "items"))
            " right"
            @if let Some(hits) = said.left_out_hits.filter(|_| said.left_out > 0) {
                ", " (expected(hits)) " of " (said.left_out) " left out"
            }
            @if let Some(misses) = said.misses {
                ", " (expected(misses)) " more where nothing is open"
            }
            "."
        }
    }
}

/// An expected number of cases: a tenth is all that anybody can compare.
fn expected(sum: f64) -> String {
    format!("{sum:.1}")
}
