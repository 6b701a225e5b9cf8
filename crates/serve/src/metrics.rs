//! Numbers for Prometheus: counted here, written as text when somebody asks. No label names a cell.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Ends of the latency buckets, seconds.
const SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Ends of the batch size buckets, rows.
const ROWS: [f64; 8] = [1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0, 4096.0];
/// Status codes that are told apart; anything else counts as the last.
const CODES: [u16; 12] = [200, 400, 401, 404, 405, 408, 413, 429, 503, 504, 499, 500];

/// By which protocol a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rest,
    Grpc,
}

impl Protocol {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        }
    }
}

/// How a look at the aliases ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    Unchanged,
    Changed,
    /// A bundle is not to be trusted.
    Refused,
    /// The data root cannot be read.
    Failed,
    /// The models of the last run are in use.
    Cached,
}

impl Reload {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Unchanged, "unchanged"),
        (Self::Changed, "changed"),
        (Self::Refused, "refused"),
        (Self::Failed, "failed"),
        (Self::Cached, "cached"),
    ];
}

/// All counters of a process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; CODES.len()]; 2],
    latency: [Histogram<{ SECONDS.len() }>; 2],
    batches: Histogram<{ ROWS.len() }>,
    rows: AtomicU64,
    reloads: [AtomicU64; 5],
    refused_connections: AtomicU64,
    pub(crate) connections: AtomicUsize,
    pub(crate) in_flight: AtomicUsize,
}

/// What is not counted but looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) task: String,
    pub(crate) is_ready: bool,
    /// Waiting jobs by pool.
    pub(crate) waiting: [(&'static str, usize); 2],
    /// Alias and model id.
    pub(crate) models: Vec<(String, String)>,
}

/// Counts in buckets; the sum in millionths.
#[derive(Debug)]
struct Histogram<const N: usize> {
    counts: [AtomicU64; N],
    more: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { counts, more: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }
}

impl<const N: usize> Histogram<N> {
    fn observe(&self, ends: &[f64; N], value: f64) {
        let bucket = ends.iter().position(|end| value <= *end);
        bucket.map_or(&self.more, |at| &self.counts[at]).fetch_add(1, Relaxed);
        self.sum.fetch_add((value * 1e6).round() as u64, Relaxed);
    }

    fn write(&self, page: &mut String, ends: &[f64; N], name: &str, label: &str) {
        let comma = if label.is_empty() { "" } else { "," };
        let mut total = 0;
        for (count, end) in self.counts.iter().zip(ends) {
            total += count.load(Relaxed);
            line(page, format_args!("{name}_bucket{{{label}{comma}le=\"{end}\"}} {total}"));
        }
        total += self.more.load(Relaxed);
        let sum = self.sum.load(Relaxed) as f64 / 1e6;
        line(page, format_args!("{name}_bucket{{{label}{comma}le=\"+Inf\"}} {total}"));
        line(page, format_args!("{name}_sum{{{label}}} {sum}"));
        line(page, format_args!("{name}_count{{{label}}} {total}"));
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}

impl Metrics {
    /// A request that was answered, well or not.
    pub(crate) fn answered(&self, protocol: Protocol, code: u16, took: Duration) {
        self.turned_away(protocol, code);
        self.latency[protocol as usize].observe(&SECONDS, took.as_secs_f64());
    }

    /// A request that nobody worked on: it has no part in how long answers take.
    pub(crate) fn turned_away(&self, protocol: Protocol, code: u16) {
        let at = CODES.iter().position(|known| *known == code).unwrap_or(CODES.len() - 1);
        self.requests[protocol as usize][at].fetch_add(1, Relaxed);
    }

    /// Rows that a worker took at once.
    pub(crate) fn batch(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
        self.batches.observe(&ROWS, rows as f64);
    }

    pub(crate) fn reloaded(&self, reload: Reload) {
        self.reloads[reload as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn refused_connection(&self) {
        self.refused_connections.fetch_add(1, Relaxed);
    }

    /// The page that Prometheus reads.
    pub(crate) fn page(&self, state: &State) -> String {
        let mut page = String::new();
        let head = |page: &mut String, name: &str, kind: &str, about: &str| {
            line(page, format_args!("# HELP {name} {about}\n# TYPE {name} {kind}"));
        };
        let name = "foresite_serve_requests_total";
        head(&mut page, name, "counter", "Requests for predictions, by protocol and status.");
        for protocol in [Protocol::Rest, Protocol::Grpc] {
            for (count, code) in self.requests[protocol as usize].iter().zip(CODES) {
                let (count, word) = (count.load(Relaxed), protocol.word());
                line(
                    &mut page,
                    format_args!("{name}{{protocol=\"{word}\",code=\"{code}\"}} {count}"),
                );
            }
        }
        let name = "foresite_serve_request_seconds";
        head(&mut page, name, "histogram", "Time from the request's head to its answer.");
        for protocol in [Protocol::Rest, Protocol::Grpc] {
            let label = format!("protocol=\"{}\"", protocol.word());
            self.latency[protocol as usize].write(&mut page, &SECONDS, name, &label);
        }
        let name = "foresite_serve_batch_rows";
        head(&mut page, name, "histogram", "Rows that a worker took at once.");
        self.batches.write(&mut page, &ROWS, name, "");
        let name = "foresite_serve_reloads_total";
        head(&mut page, name, "counter", "Looks at the aliases, by outcome.");
        for (reload, outcome) in Reload::ALL {
            let count = self.reloads[reload as usize].load(Relaxed);
            line(&mut page, format_args!("{name}{{outcome=\"{outcome}\"}} {count}"));
        }
        self.gauges(&mut page, state);
        page
    }

    fn gauges(&self, page: &mut String, state: &State) {
        let task = &state.task;
        let plain = [
            ("rows_total", "counter", "Rows scored.", self.rows.load(Relaxed)),
            (
                "refused_connections_total",
                "counter",
                "Connections beyond the limit.",
                self.refused_connections.load(Relaxed),
            ),
            ("connections", "gauge", "Open connections.", self.connections.load(Relaxed) as u64),
            ("in_flight", "gauge", "Open requests.", self.in_flight.load(Relaxed) as u64),
            ("ready", "gauge", "Whether requests are taken.", u64::from(state.is_ready)),
        ];
        for (name, kind, about, value) in plain {
            line(
                page,
                format_args!(
                    "# HELP foresite_serve_{name} {about}\n# TYPE foresite_serve_{name} {kind}\n\
                     foresite_serve_{name} {value}"
                ),
            );
        }
        let name = "foresite_serve_waiting";
        line(page, format_args!("# HELP {name} Jobs that wait, by pool.\n# TYPE {name} gauge"));
        for (pool, waiting) in state.waiting {
            line(page, format_args!("{name}{{pool=\"{pool}\"}} {waiting}"));
        }
        let name = "foresite_serve_model_info";
        line(page, format_args!("# HELP {name} The models in use.\n# TYPE {name} gauge"));
        for (alias, model) in &state.models {
            line(
                page,
                format_args!("{name}{{task=\"{task}\",alias=\"{alias}\",model=\"{model}\"}} 1"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_odd_codes_are_counted() {
        let metrics = Metrics::default();
        for (code, millis) in [(200, 1), (200, 30), (503, 20_000), (418, 0)] {
            metrics.answered(Protocol::Rest, code, Duration::from_millis(millis));
        }
        metrics.batch(5);
        let models = vec![("champion".to_owned(), "abc".to_owned())];
        let page = metrics.page(&State { task: "toy".into(), models, ..State::default() });
        for expected in [
            "foresite_serve_requests_total{protocol=\"rest\",code=\"200\"} 2",
            "foresite_serve_requests_total{protocol=\"rest\",code=\"500\"} 1",
            "foresite_serve_request_seconds_bucket{protocol=\"rest\",le=\"0.001\"} 2",
            "foresite_serve_request_seconds_bucket{protocol=\"rest\",le=\"10\"} 3",
            "foresite_serve_request_seconds_bucket{protocol=\"rest\",le=\"+Inf\"} 4",
            "foresite_serve_request_seconds_sum{protocol=\"rest\"} 20.031",
            "foresite_serve_batch_rows_bucket{le=\"16\"} 1",
            "foresite_serve_rows_total 5",
            "foresite_serve_model_info{task=\"toy\",alias=\"champion\",model=\"abc\"} 1",
        ] {
            assert!(page.lines().any(|line| line == expected), "{expected} in\n{page}");
        }
    }
}
