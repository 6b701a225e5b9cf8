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
    // A challenger is judged as well, but says nothing on the list.
    let is_listed = |row: &&Evaluation| list.models.iter().any(|(id, _)| *id == row.model_id);
    let of_task = |row: &&Evaluation| row.task == list.list.task;
    let rows: Vec<&Evaluation> =
        page.context.evaluations.iter().filter(of_task).filter(is_listed).collect();
    let lines = lines(&rows);
    let verdict = |id: &String| {
        rows.iter().filter(|row| row.model_id == *id).find_map(|row| row.verdict.as_deref())
    };
    html! {
        h3 { (list_title(list)) }
        @for (id, role) in &list.models {
            p.muted {
                "Model " code { (id) } ", " (role.word())
                @if let Some(verdict) = verdict(id) { ", verdict " strong { (verdict) } } "."
            }
        }
        @if list.models.is_empty() { p.empty { "No model serves this task." } }
        @if lines.is_empty() {
            @if !list.models.is_empty() { p.empty { "No evaluation of this model is on record." } }
        } @else { (metrics(list, &lines)) }
    }
}

/// What stands beside a baseline is shown, the rest is folded: a reader wants to know whether the
/// model earns its place, an engineer everything.
fn metrics(list: &Worklist, lines: &[Line<'_>]) -> Markup {
    let (compared, alone): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| !line.baselines.is_empty());
    html! {
        @if !compared.is_empty() { (table(list, "metrics with baselines", &compared)) }
        @if !alone.is_empty() {
            details {
                summary { (wording::count(alone.len(), "more metric", "more metrics")) }
                (table(list, "further metrics", &alone))
            }
        }
    }
}

fn table(list: &Worklist, what: &str, lines: &[&Line<'_>]) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label={ (list_title(list)) ": " (what) } {
            table {
                caption.sr { (list_title(list)) ": " (what) }
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
    let mut by_metric: BTreeMap<(&str, &str), Line<'a>> = BTreeMap::new();
    for row in rows.iter().copied() {
        let key = (row.slice.as_str(), row.metric.as_str());
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
    let mut lines: Vec<Line<'a>> = by_metric.into_values().collect();
    lines.sort_by_key(|line| (line.slice != "test", line.slice, by_horizon(line.metric)));
    lines
}

/// Orders `brier_6h` before `brier_1d`: the name without its horizon, then the horizon in hours.
fn by_horizon(metric: &str) -> (&str, u32) {
    let horizon = || {
        let (name, last) = metric.rsplit_once('_')?;
        let hours = match last.split_at_checked(last.len().checked_sub(1)?)? {
            (number, "h") => number.parse::<u32>().ok()?,
            (number, "d") => number.parse::<u32>().ok()?.checked_mul(24)?,
            _ => return None,
        };
        Some((name, hours))
    };
    horizon().unwrap_or((metric, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizons_are_in_order() {
        let mut metrics = ["brier_14d", "auc_roc_7d", "brier_6h", "brier_1d", "ece"];
        metrics.sort_by_key(|metric| by_horizon(metric));
        assert_eq!(metrics, ["auc_roc_7d", "brier_6h", "brier_1d", "brier_14d", "ece"]);
    }
}
