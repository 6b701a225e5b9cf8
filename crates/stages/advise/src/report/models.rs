//! How the models did: metrics with the baselines beside them.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Page, list_title};
use crate::{advice::Worklist, inputs::Evaluation, wording};

/// One line of the table: the model's own row and the baselines' rows of one slice and metric.
struct Line<'a> {
    slice: &'a str,
    metric: &'a str,
    model: Option<&'a Evaluation>,
    baselines: Vec<&'a Evaluation>,
}

impl Line<'_> {
    fn samples(&self) -> Option<i64> {
        self.model.or(self.baselines.first().copied())?.samples
    }
}

/// The section of all models.
pub(super) fn section(page: Page<'_>) -> Markup {
    html! {
        section #models aria-labelledby="models-title" {
            h2 #models-title { "How the models did" }
            @for list in &page.advice.lists { (model(list, page)) }
        }
    }
}

fn model(list: &Worklist, page: Page<'_>) -> Markup {
    let rows: Vec<&Evaluation> =
        page.context.evaluations.iter().filter(|row| row.task == list.list.task).collect();
    let lines = lines(&rows);
    let verdict = rows.iter().find_map(|row| row.verdict.as_deref());
    html! {
        h3 { (list_title(list)) }
        @for (id, role) in &list.models {
            p.muted {
                "Model " code { (id) } ", " (role.word())
                @if let Some(verdict) = verdict { ", verdict " strong { (verdict) } } "."
            }
        }
        @if list.models.is_empty() { p.empty { "No model serves this task." } }
        @if lines.is_empty() {
            @if !list.models.is_empty() { p.empty { "No evaluation of this model is on record." } }
        } @else { (metrics(list, &lines)) }
    }
}

fn metrics(list: &Worklist, lines: &[Line<'_>]) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label={ (list_title(list)) " metrics" } {
            table {
                caption.sr { (list_title(list)) ": metrics with baselines" }
                thead { tr {
                    th scope="col" { "Slice" } th scope="col" { "Metric" }
                    th.num scope="col" { "Model" } th.num scope="col" { "95 % interval" }
                    th scope="col" { "Baselines" } th.num scope="col" { "Samples" }
                } }
                tbody { @for line in lines { (row(line)) } }
            }
        }
    }
}

fn row(line: &Line<'_>) -> Markup {
    let interval = line.model.and_then(interval);
    html! {
        tr {
            td { (line.slice) }
            th scope="row" { (wording::metric(line.metric)) }
            td.num { (line.model.map_or_else(|| "–".into(), value)) }
            td.num { (interval.unwrap_or_else(|| "–".into())) }
            td { (baselines(line)) }
            td.num { (line.samples().map_or_else(|| "–".into(), samples)) }
        }
    }
}

/// The baselines' own numbers; of a difference to a baseline also its interval, since it decides.
fn baselines(line: &Line<'_>) -> Markup {
    html! {
        @for (at, row) in line.baselines.iter().enumerate() {
            @if at > 0 { " · " }
            (row.baseline.as_deref().unwrap_or_default().replace('_', " ")) " "
            span.tabular {
                (value(row))
                @if let (None, Some(interval)) = (line.model, interval(row)) { " (" (interval) ")" }
            }
        }
    }
}

fn value(row: &Evaluation) -> String {
    row.value.map_or_else(|| "–".into(), figure)
}

fn interval(row: &Evaluation) -> Option<String> {
    Some(format!("{} – {}", figure(row.low?), figure(row.high?)))
}

fn samples(n: i64) -> String {
    wording::number(n as f64)
}

/// A metric keeps three decimals: differences between models live there.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 {
        wording::number(value)
    } else {
        format!("{value:.3}").replace('-', "−")
    }
}

/// Pairs the model's own rows with the baselines' rows of the same slice and metric, the test slice
/// first: the gate slice chose the model.
fn lines<'a>(rows: &[&'a Evaluation]) -> Vec<Line<'a>> {
    let mut by_metric: BTreeMap<(bool, &str, &str), Line<'a>> = BTreeMap::new();
    for row in rows.iter().copied() {
        let key = (row.slice != "test", row.slice.as_str(), row.metric.as_str());
        let line = by_metric.entry(key).or_insert_with(|| Line {
            slice: &row.slice,
            metric: &row.metric,
            model: None,
            baselines: Vec::new(),
        });
        if row.baseline.is_none() {
            line.model = Some(row);
        } else {
            line.baselines.push(row);
        }
    }
    by_metric.into_values().collect()
}
