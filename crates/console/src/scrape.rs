//! `/metrics`: what `monitor` found, for Prometheus.
//!
//! Tables are not read for every scrape: what was read is kept as the answers to people are, and for
//! longer, because it changes once a day. A read that fails, or hangs, breaks no scrape: the numbers of
//! the last one stay, and two numbers of the console's own say since when.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use foresite_tables::Root;

use crate::cache::Cached;
use crate::clock;
use crate::findings;
use crate::gauges::{Page, seconds};
use crate::router::{Held, Options};

/// The route `/metrics`, over one data root. To be called inside a Tokio runtime whose timer is on:
/// storage is read by one of its blocking threads.
///
/// Units: seconds and moments as the names say; what `performance` holds in the unit of the metric.
/// `logins_written_at` is kept by who records log-ins: when none that was due waited for storage
/// last, in microseconds since 1970. Without it nobody records them, and nothing is told.
pub fn metrics(root: Root, options: Options, logins_written_at: Option<Arc<AtomicI64>>) -> Router {
    let scrape = Arc::new(Scrape::new(root, options, logins_written_at));
    let answer = move || {
        let scrape = Arc::clone(&scrape);
        async move { scrape.answer().await }
    };
    Router::new().route("/metrics", get(answer))
}

struct Scrape {
    findings: Cached,
    /// When they were read last; 0 = not yet.
    read_at: Arc<AtomicI64>,
    /// Scrapes that got older numbers than they should.
    failures: AtomicU64,
    logins_written_at: Option<Arc<AtomicI64>>,
}

impl Scrape {
    fn new(root: Root, options: Options, logins_written_at: Option<Arc<AtomicI64>>) -> Self {
        let held = Held(Some(root));
        let read_at = Arc::new(AtomicI64::new(0));
        let noted = Arc::clone(&read_at);
        let read = move || {
            let began = clock::now();
            let answer = held.answer(|root| Ok(findings::page(root)?.into_bytes()));
            if answer.is_ok() {
                noted.store(began, Relaxed);
            }
            answer
        };
        let findings = Cached::new(read, options.keep_findings, options.scrape_patience);
        Self { findings, read_at, failures: AtomicU64::new(0), logins_written_at }
    }

    async fn answer(&self) -> Response {
        let found = match self.findings.get().await {
            Ok(found) => found,
            // The log says why, where storage said anything.
            Err(_) => {
                self.failures.fetch_add(1, Relaxed);
                self.findings.last().unwrap_or_default()
            }
        };
        let mut text = String::from_utf8_lossy(&found).into_owned();
        text.push_str(&self.own());
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
    }

    /// How the reading itself goes, and the record of log-ins.
    fn own(&self) -> String {
        let mut page = Page::default();
        page.number(
            "foresite_console_findings_read_timestamp_seconds",
            "gauge",
            "When the tables of monitor were read last; 0 before that.",
            seconds(self.read_at.load(Relaxed)),
        );
        page.number(
            "foresite_console_findings_failures_total",
            "counter",
            "Scrapes that got older numbers, because the tables could not be read in time.",
            self.failures.load(Relaxed) as f64,
        );
        if let Some(written_at) = &self.logins_written_at {
            page.number(
                "foresite_console_logins_written_timestamp_seconds",
                "gauge",
                "When no log-in that was due waited for storage last.",
                seconds(written_at.load(Relaxed)),
            );
        }
        page.into_text()
    }
}
