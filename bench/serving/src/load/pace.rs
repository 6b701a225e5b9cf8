//! When to ask, and how long an answer took.
//!
//! Without a rate every connection asks again at once. With one, requests are due at even times; how
//! long an answer took counts from then, so that a service that falls behind cannot hide it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;

/// How long is asked, and how often.
pub(crate) struct Plan {
    /// Requests that may be open at once.
    pub(crate) connections: usize,
    /// Not counted.
    pub(crate) warm: Duration,
    pub(crate) span: Duration,
    /// Requests a second; as many as are answered without it.
    pub(crate) rate: Option<f64>,
}

/// Asks once and waits for the whole answer.
pub(crate) trait Caller: Send + 'static {
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    /// All of them, those that warmed up included.
    requests: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// Asks until the time is up; any answer that is none ends it.
pub(crate) async fn drive<C: Caller>(callers: Vec<C>, plan: &Plan) -> Result<Told> {
    ensure!(!callers.is_empty() && plan.rate.is_none_or(|rate| rate > 0.0), "nothing to do");
    let begin = Instant::now() + Duration::from_millis(1);
    let clock = Clock {
        begin,
        counted: begin + plan.warm,
        end: begin + plan.warm + plan.span,
        rate: plan.rate,
        next: Arc::default(),
    };
    let mut open = JoinSet::new();
    for caller in callers {
        open.spawn(ask(caller, clock.clone()));
    }
    let (mut requests, mut took) = (0, Vec::new());
    while let Some(ended) = open.join_next().await {
        let (asked, counted) = ended??;
        requests += asked;
        took.extend(counted);
    }
    ensure!(!took.is_empty(), "no answer within the time");
    took.sort_unstable();
    let quantile = |q: f64| {
        let at = ((took.len() as f64 * q).ceil() as usize).clamp(1, took.len()) - 1;
        took[at].as_secs_f64() * 1e3
    };
    Ok(Told {
        requests,
        per_second: took.len() as f64 / plan.span.as_secs_f64(),
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
        max_ms: quantile(1.0),
    })
}

/// The times of a run.
#[derive(Clone)]
struct Clock {
    begin: Instant,
    counted: Instant,
    end: Instant,
    rate: Option<f64>,
    /// Requests that were given out.
    next: Arc<AtomicU64>,
}

impl Clock {
    /// When the next request is due.
    fn due(&self) -> Instant {
        match self.rate {
            None => Instant::now(),
            Some(rate) => {
                let count = self.next.fetch_add(1, Ordering::Relaxed);
                self.begin + Duration::from_secs_f64(count as f64 / rate)
            }
        }
    }
}

/// How often was asked, and how long the answers took that count.
async fn ask<C: Caller>(mut caller: C, clock: Clock) -> Result<(usize, Vec<Duration>)> {
    let (mut asked, mut took) = (0, Vec::new());
    loop {
        let due = clock.due();
        if due >= clock.end {
            return Ok((asked, took));
        }
        // A timer would be a millisecond late; this process has a core of its own.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        caller.call().await?;
        asked += 1;
        let now = Instant::now();
        // Answers after the end were asked for before it: counted by when they were due.
        if due >= clock.counted {
            took.push(now - due);
        }
    }
}
