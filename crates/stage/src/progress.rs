//! Progress: a bar on a terminal, a line every 30 seconds elsewhere.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(30);

/// Progress of one loop; dropped at its end.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    what: String,
    total: u64,
    done: Cell<u64>,
    last_line: Cell<Instant>,
}

impl Progress {
    pub(crate) fn new(total: u64, what: &str, is_terminal: bool) -> Self {
        let bar = if is_terminal { ProgressBar::new(total) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self {
            bar,
            what: what.to_owned(),
            total,
            done: Cell::new(0),
            last_line: Cell::new(Instant::now()),
        }
    }

    /// Notes that `count` more are done.
    pub fn add(&self, count: u64) {
        self.bar.inc(count);
        self.done.set(self.done.get() + count);
        if self.bar.is_hidden() && self.last_line.get().elapsed() >= EVERY {
            self.last_line.set(Instant::now());
            tracing::info!(
                what = self.what,
                done = self.done.get(),
                total = self.total,
                "progress"
            );
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
