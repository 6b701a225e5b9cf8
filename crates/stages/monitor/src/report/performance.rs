//! Metrics of models and data.

use std::collections::BTreeMap;

use foresite_report::wording;
use maud::{Markup, html};

use super::figure;
use crate::Day;
use crate::performance::{Kind, Metric, State};

/// Metrics of models, task by task.
pub(super) fn models(day: &Day) -> Markup {
    let mut by_model: BTreeMap<(&str, &str, &str), Vec<&Metric>> = BTreeMap::new();
    for metric in day.metrics.iter().filter(|metric| metric.task != "data") {
        by_model.entry((&metric.task, metric.role, &metric.model_id)).or_default().push(metric);
    }
    html! {
        section #models aria-labelledby="models-title" {
            h2 #models-title { "How the models do" }
            @if by_model.is_empty() { p.empty { "No model serves yet." } }
            @for ((task, role, id), metrics) in &by_model {
                h3 { (wording::sentence(task)) }
                @if !id.is_empty() { p.muted { "Model " code { (id) } ", " (role) "." } }
                (table(task, metrics))
            }
        }
    }
}

/// Metrics of the data; null rates with bars.
pub(super) fn data(day: &Day) -> Markup {
    let (nulls, rest): (Vec<&Metric>, Vec<&Metric>) = day
        .metrics
        .iter()
        .filter(|metric| metric.task == "data")
        .partition(|metric| metric.metric == "null_rate");
    html! {
        section #data aria-labelledby="data-title" {
            h2 #data-title { "Data" }
            (table("data", &rest))
            @if !nulls.is_empty() {
                h3 { "Hours without a value" }
                div.scroll role="region" tabindex="0" aria-label="Hours without a value" {
                    table.bars {
                        thead { tr {
                            th scope="col" { "Channel" } th scope="col" { "Share" }
                            th.num scope="col" { "%" } th.num scope="col" { "Usual up to" } th scope="col" { "State" }
                        } }
                        tbody { @for metric in nulls { (null_row(metric)) } }
                    }
                }
            }
        }
    }
}

fn null_row(metric: &Metric) -> Markup {
    let most = metric.interval.map_or(1.0, |interval| interval.1);
    let percent = |share: f64| wording::number(100.0 * share);
    html! {
        tr {
            th scope="row" { (metric.scope) }
            td { @if let Some(value) = metric.value { (figure::meter(value, most)) } }
            td.num { (metric.value.map_or_else(|| "–".into(), percent)) }
            td.num { (percent(most)) }
            td { (state(metric)) }
        }
    }
}

fn table(name: &str, metrics: &[&Metric]) -> Markup {
    let (known, unknown): (Vec<&&Metric>, Vec<&&Metric>) =
        metrics.iter().partition(|metric| metric.state != State::Unknown);
    html! {
        @if !known.is_empty() { (rows(name, &known)) }
        @if !unknown.is_empty() {
            details open[known.is_empty() && unknown.len() < 6] {
                summary { (wording::count(unknown.len(), "metric", "metrics")) " not known yet" }
                (rows(name, &unknown))
            }
        }
    }
}

fn rows(name: &str, metrics: &[&&Metric]) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label={ "Metrics of " (name) } {
            table {
                thead { tr {
                    th scope="col" { "Metric" } th scope="col" { "Of" } th scope="col" { "How" }
                    th.num scope="col" { "Value" } th.num scope="col" { "Range" }
                    th.num scope="col" { "Samples" } th scope="col" { "State" }
                } }
                tbody {
                    @for metric in metrics {
                        tr {
                            th scope="row" { (wording::sentence(&metric.metric.replace('_', " "))) }
                            td { (metric.scope) }
                            td { (how(metric.kind)) }
                            td.num { (metric.value.map_or_else(|| "–".into(), figure_of)) }
                            td.num { (range(metric)) }
                            td.num { (wording::number(metric.samples as f64)) }
                            td { (state(metric)) }
                        }
                    }
                }
            }
        }
    }
}

fn how(kind: Kind) -> &'static str {
    match kind {
        Kind::Realised => "realised",
        Kind::Estimated => "estimated",
        Kind::Coverage => "interval coverage",
        Kind::Volume => "volume",
        Kind::Data => "data",
    }
}

fn range(metric: &Metric) -> String {
    metric.interval.map_or_else(
        || "–".into(),
        |(low, high)| format!("{} – {}", figure_of(low), figure_of(high)),
    )
}

/// A metric keeps three decimals: differences between models live there.
fn figure_of(value: f64) -> String {
    if value.abs() >= 10.0 || value.fract() == 0.0 {
        wording::number(value)
    } else {
        format!("{value:.3}").replace('-', "−")
    }
}

fn state(metric: &Metric) -> Markup {
    html! {
        span.badge.(metric.state.word()) { (metric.state.word()) }
        @if let Some(reason) = &metric.reason { " " span.muted { (reason) } }
    }
}
