//! Tables that monitor and the registry could have written.

use foresite_schema::catalog::{outcome, watch};
use foresite_tables::{Micros, Root};
use foresite_testkit::Rows;

/// Tuesday, 10 March 2026, 00:00 UTC: the end of the newest day.
pub(super) const END: Micros = 1_773_100_800_000_000;
pub(super) const DAY: Micros = 24 * 3_600_000_000;

fn optional(text: &'static str) -> Option<&'static str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Task, channel, end of the window, cause where it is confirmed.
type Tested = (&'static str, &'static str, Micros, &'static str);

pub(super) fn drift(root: &Root) {
    const ROWS: [Tested; 5] = [
        ("anomaly", "traffic", END, "unknown"),
        ("anomaly", "users", END, "unknown"),
        ("anomaly", "drops", END, "software_upgrade"),
        ("anomaly", "quiet", END, ""),
        // Of a day that is not the newest.
        ("anomaly", "traffic", END - DAY, "outage"),
    ];
    let each = || ROWS.iter();
    Rows::new(ROWS.len())
        .text("task", each().map(|row| Some(row.0)))
        .text("channel", each().map(|row| Some(row.1)))
        .times("window_end", each().map(|row| Some(row.2)))
        .text("cause", each().map(|row| optional(row.3)))
        .flags("confirmed", each().map(|row| !row.3.is_empty()))
        .write(root, watch::drift(), END);
    Rows::new(1)
        .text("task", [Some("capacity")].into_iter())
        .times("window_end", [Some(END)].into_iter())
        .text("not_tested", [Some("the model learnt from 6 days")].into_iter())
        .write_from(root, watch::drift(), END, "monitor");
}

/// Task, model and role, metric and kind, scope, end of the window, value, state.
type Judged = (
    &'static str,
    (&'static str, &'static str),
    (&'static str, &'static str),
    &'static str,
    Micros,
    Option<f64>,
    &'static str,
);

pub(super) fn performance(root: &Root) {
    const FILES: (&str, &str) = ("completeness", "data");
    const NULLS: (&str, &str) = ("null_rate", "data");
    const COVERAGE: (&str, &str) = ("coverage_80", "coverage");
    const OLD: (&str, &str) = ("m1", "champion");
    const NEW: (&str, &str) = ("m2", "champion");
    const NOBODY: (&str, &str) = ("", "");
    const ROWS: [Judged; 12] = [
        ("data", NOBODY, FILES, "files", END, Some(0.875), "broken"),
        ("data", NOBODY, FILES, "files", END - DAY, Some(0.9375), "warn"),
        ("data", NOBODY, NULLS, "cell traffic", END, Some(0.75), "broken"),
        ("data", NOBODY, NULLS, "cell traffic", END - DAY, Some(0.75), "broken"),
        ("data", NOBODY, NULLS, "cell users", END, Some(0.0), "ok"),
        ("data", NOBODY, NULLS, "cell users", END - DAY, Some(1.0), "broken"),
        ("capacity", OLD, COVERAGE, "7d", END, Some(0.5), "warn"),
        ("capacity", OLD, COVERAGE, "7d", END - DAY, Some(0.5), "warn"),
        ("capacity", OLD, COVERAGE, "14d", END, None, "unknown"),
        // Another model's, and another day's.
        ("maintenance", NEW, COVERAGE, "7d", END, Some(0.5), "warn"),
        ("maintenance", OLD, COVERAGE, "7d", END - DAY, Some(0.5), "warn"),
        ("maintenance", OLD, COVERAGE, "30d", END - 2 * DAY, Some(0.5), "warn"),
    ];
    let each = || ROWS.iter();
    Rows::new(ROWS.len())
        .text("task", each().map(|row| Some(row.0)))
        .text("model_id", each().map(|row| Some(row.1.0)))
        .text("role", each().map(|row| Some(row.1.1)))
        .text("metric", each().map(|row| Some(row.2.0)))
        .text("kind", each().map(|row| Some(row.2.1)))
        .text("scope", each().map(|row| Some(row.3)))
        .times("window_end", each().map(|row| Some(row.4)))
        .numbers("value", each().map(|row| row.5))
        .text("state", each().map(|row| Some(row.6)))
        .write(root, watch::performance(), END);
}

/// Task, end of the day, decision, reason, what speaks against it.
type Decided = (&'static str, Micros, &'static str, &'static str, &'static [&'static str]);

pub(super) fn decisions(root: &Root) {
    const ROWS: [Decided; 6] = [
        ("anomaly", END, "wait", "", &[]),
        ("anomaly", END - 40 * DAY, "retrain", "no_model", &[]),
        ("capacity", END, "wait", "coverage_broken", &["bad_data", "quota"]),
        ("capacity", END - 3 * DAY, "retrain", "drift", &[]),
        ("capacity", END - 9 * DAY, "retrain", "drift", &[]),
        ("maintenance", END, "retrain", "reasons_to_come", &[]),
    ];
    let each = || ROWS.iter();
    Rows::new(ROWS.len())
        .text("task", each().map(|row| Some(row.0)))
        .times("window_end", each().map(|row| Some(row.1)))
        .text("decision", each().map(|row| Some(row.2)))
        .text("reason", each().map(|row| optional(row.3)))
        .texts("against", each().map(|row| row.4.iter().map(|&word| word.to_owned()).collect()))
        .write(root, watch::retrain_decisions(), END);
}

pub(super) fn registry(root: &Root) {
    let times = [END - 8 * DAY, END - 5 * DAY, END - DAY].map(Some);
    Rows::new(3)
        .text("task", [Some("capacity"); 3].into_iter())
        .longs("seq", [1, 2, 3].into_iter())
        .text("event", [Some("registered"), Some("registered"), Some("promoted")].into_iter())
        .times("at", times.into_iter())
        .write(root, outcome::registry_events(), END);
}
