//! Findings with their causes, and every test behind them.

use foresite_report::{clock, wording};
use maud::{Markup, html};

use super::figure;
use crate::Day;
use crate::cause::Cause;
use crate::drift::Finding;

/// Plots of tests that come nearest to a finding.
const NEAREST: usize = 4;

/// The section.
pub(super) fn section(day: &Day) -> Markup {
    let mut flagged: Vec<&Finding> = day.findings.iter().filter(|f| f.flagged).collect();
    flagged.sort_by(|a, b| b.confirmed.cmp(&a.confirmed).then(effect(b).total_cmp(&effect(a))));
    html! {
        section #drift aria-labelledby="drift-title" {
            h2 #drift-title { "Drift" }
            p.lede {
                "Every channel is compared with the weeks that the serving model learnt from, hour of the week by "
                "hour of the week. A finding needs a small q-value and an effect that matters; it is confirmed when "
                "it and the window before are sure together."
            }
            @if flagged.is_empty() {
                p.empty { "No channel drifted. These tests come nearest:" }
                (nearest(day))
            } @else {
                @for finding in &flagged { (article(finding)) }
            }
            (all(day))
            (excluded(day))
            (left_out(day))
        }
    }
}

fn effect(finding: &Finding) -> f64 {
    finding.tested.map_or(0.0, |tested| tested.effect)
}

fn nearest(day: &Day) -> Markup {
    let mut tested: Vec<&Finding> = day.findings.iter().filter(|f| f.tested.is_some()).collect();
    let p_value = |finding: &Finding| finding.tested.map_or(1.0, |tested| tested.p_value);
    tested.sort_by(|a, b| p_value(a).total_cmp(&p_value(b)));
    html! {
        div.plots {
            @for finding in tested.into_iter().take(NEAREST) {
                @if let Some(tested) = &finding.tested { (figure::history(finding, tested)) }
            }
        }
    }
}

fn article(finding: &Finding) -> Markup {
    let (word, unit) = wording::channel(&finding.channel);
    let cause = finding.cause.unwrap_or(Cause::Unknown);
    html! {
        article.item {
            header {
                div {
                    h3 { (wording::sentence(&word)) ", " (figure::place(finding)) }
                    p.where { (figure::what(finding.statistic)) " · read by the task " (finding.task) }
                }
            }
            div.body {
                div.evidence {
                    p {
                        span.badge.(if finding.confirmed { "warn" } else { "ongoing" }) {
                            (if finding.confirmed { "confirmed" } else { "first window" })
                        }
                        " " span.badge { "cause: " (wording_of(cause)) }
                    }
                    ul {
                        @for sentence in &finding.evidence { li { (wording::sentence(sentence)) } }
                        @if let Some(shift) = finding.shift {
                            li { "Median change of the entities: " (wording::quantity(shift, unit)) }
                        }
                        @if let Some(tested) = &finding.tested {
                            li {
                                "Effect " (wording::number(tested.effect)) " interquartile ranges, q-value "
                                (finding.q_value.map_or_else(|| "–".into(), small)) ", "
                                (tested.entities) " entities, " (tested.blocks) " blocks of the reference"
                            }
                        }
                    }
                    @if let Some(exclusions) = &finding.exclusions { p.muted { (wording::sentence(exclusions)) "." } }
                }
                @if let Some(tested) = &finding.tested { (figure::history(finding, tested)) }
            }
        }
    }
}

fn wording_of(cause: Cause) -> String {
    cause.word().replace('_', " ")
}

/// A probability as small as it is.
fn small(value: f64) -> String {
    if value < 0.001 { format!("{value:.0e}") } else { format!("{value:.3}") }
}

fn all(day: &Day) -> Markup {
    html! {
        details {
            summary { (wording::count(day.findings.iter().filter(|f| f.tested.is_some()).count(), "test", "tests")) " of this window" }
            div.scroll role="region" tabindex="0" aria-label="All tests" {
                table {
                    thead { tr {
                        th scope="col" { "Channel" } th scope="col" { "Entities" } th scope="col" { "Moved" }
                        th.num scope="col" { "Value" } th.num scope="col" { "1 in 100" } th.num scope="col" { "Effect" }
                        th.num scope="col" { "q-value" } th scope="col" { "Task" }
                    } }
                    tbody {
                        @for finding in &day.findings {
                            @if let Some(tested) = &finding.tested {
                                tr {
                                    th scope="row" { (wording::sentence(&wording::channel(&finding.channel).0)) }
                                    td { (figure::place(finding)) }
                                    td { (figure::what(finding.statistic)) }
                                    td.num { (wording::number(tested.value)) }
                                    td.num { (wording::number(tested.threshold)) }
                                    td.num { (wording::number(tested.effect)) }
                                    td.num { (finding.q_value.map_or_else(|| "–".into(), small)) }
                                    td { (finding.task) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What of the references does not count, or counts for less, once for each channel.
fn excluded(day: &Day) -> Markup {
    let mut notes: Vec<(String, &str)> = day
        .findings
        .iter()
        .filter(|finding| finding.tested.is_some())
        .filter_map(|finding| Some((finding, finding.exclusions.as_deref()?)))
        .map(|(finding, note)| {
            let (word, _) = wording::channel(&finding.channel);
            let place = figure::place(finding);
            (format!("{}, {place}, task {}", wording::sentence(&word), finding.task), note)
        })
        .collect();
    notes.sort();
    notes.dedup();
    html! {
        @if !notes.is_empty() {
            details {
                summary { "What the references lack" }
                ul { @for (what, note) in &notes { li { (what) ": " (note) } } }
            }
        }
    }
}

/// What could not be tested, once for each reason.
fn left_out(day: &Day) -> Markup {
    let mut reasons: Vec<(String, String)> = day
        .findings
        .iter()
        .filter_map(|finding| Some((finding, finding.not_tested.as_ref()?)))
        .map(|(finding, why)| {
            let reference = format!(
                "{} to {}",
                clock::stamp(finding.reference.0),
                clock::stamp(finding.reference.1)
            );
            (format!("{} of the task {} ({reference})", finding.channel, finding.task), why.clone())
        })
        .collect();
    reasons.sort();
    reasons.dedup();
    html! {
        @if !reasons.is_empty() {
            details {
                summary { (wording::count(reasons.len(), "channel", "channels")) " not tested" }
                ul { @for (what, why) in &reasons { li { (what) ": " (why) } } }
            }
        }
    }
}
