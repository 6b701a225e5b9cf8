//! What the report stands on: completeness of the data, and lineage.

use maud::{Markup, html};

use super::Page;
use crate::{inputs::Completeness, wording};

/// Elements named before the rest is counted.
const NAMED: usize = 20;

/// Files, missing periods and failed rules.
pub(super) fn completeness(page: Page<'_>) -> Markup {
    let completeness = &page.context.completeness;
    html! {
        section #data aria-labelledby="data-title" {
            h2 #data-title { "Completeness of the data" }
            @if completeness.ledger.is_empty() {
                p.empty { "The ledger holds no files for the last day." }
            } @else {
                (ledger(completeness))
                (missing(completeness))
            }
            (rules(completeness))
        }
    }
}

fn ledger(completeness: &Completeness) -> Markup {
    let most = completeness.ledger.values().copied().max().unwrap_or(1).max(1);
    html! {
        table.bars {
            caption { "Files and expected periods of the last day" }
            thead.sr { tr { th scope="col" { "State" } th scope="col" { "Number" } th scope="col" { "Share" } } }
            tbody {
                @for (state, n) in &completeness.ledger {
                    tr {
                        th scope="row" { (wording::sentence(state)) }
                        td.num { (wording::number(*n as f64)) }
                        td.bar {
                            svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                                rect width=(format!("{:.1}", *n as f64 * 100.0 / most as f64)) height="6" {}
                            }
                        }
                    }
                }
            }
        }
    }
}

fn missing(completeness: &Completeness) -> Markup {
    let mut elements: Vec<(&String, &u64)> = completeness.missing_by_element.iter().collect();
    elements.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    html! {
        @if !elements.is_empty() {
            details {
                summary {
                    (wording::count(elements.len(), "element has", "elements have")) " missing periods"
                }
                ul.columns {
                    @for (element, n) in elements.iter().take(NAMED) {
                        li { code { (element) } " " (wording::count(**n as usize, "period", "periods")) }
                    }
                    @if elements.len() > NAMED { li { "and " (elements.len() - NAMED) " more" } }
                }
            }
        }
    }
}

fn rules(completeness: &Completeness) -> Markup {
    html! {
        @if completeness.failed_rules.is_empty() {
            p.empty { "No quality rule failed." }
        } @else {
            div.scroll role="region" tabindex="0" aria-label="Failed quality rules" {
                table {
                    caption { "Quality rules that failed" }
                    thead { tr {
                        th scope="col" { "Rule" } th scope="col" { "Where" }
                        th scope="col" { "Severity" } th.num scope="col" { "Failed" }
                        th scope="col" { "Seen" }
                    } }
                    tbody {
                        @for rule in completeness.failed_rules.iter().take(NAMED) {
                            tr {
                                th scope="row" { (rule.rule.replace('_', " ")) }
                                td { code { (rule.scope) } }
                                td { (rule.severity.replace('_', " ")) }
                                td.num { (wording::number(rule.failed as f64)) }
                                td { (rule.detail) }
                            }
                        }
                    }
                }
            }
            @if completeness.failed_rules.len() > NAMED {
                p.muted { "and " (completeness.failed_rules.len() - NAMED) " more in the table " code { "quality" } "." }
            }
        }
    }
}

/// Identities of the inputs.
pub(super) fn lineage(page: Page<'_>) -> Markup {
    html! {
        section #lineage aria-labelledby="lineage-title" {
            h2 #lineage-title { "Lineage" }
            p.muted {
                "Every id names a document " code { "lineage/<id>.json" }
                " with the code, configuration and inputs of a step."
            }
            table {
                caption.sr { "Lineage of this report" }
                thead { tr { th scope="col" { "What" } th scope="col" { "Lineage id" } } }
                tbody {
                    tr { th scope="row" { "this report" } td { code { (page.lineage_id) } } }
                    @for (what, id) in &page.context.lineage {
                        tr { th scope="row" { (what) } td { code { (id) } } }
                    }
                }
            }
        }
    }
}
