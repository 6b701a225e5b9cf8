//! Step `audit`: who decided what, and when; and who asked the console.
//!
//! Each source turns what it knows of an interval into entries, which are printed in the order of
//! time, a line each; with `--json` as objects. Nothing is written: that is what [`seal`] is for. What
//! arrives in files (marks, suppressions, local events) stands where ingest took it, because a file
//! may claim any date.

mod book;
mod cells;
mod chain;
mod decisions;
mod exports;
mod facts;
mod logins;
mod people;
mod retired;
pub(crate) mod seal;

use std::collections::BTreeMap;
use std::io::Write as _;

use foresite_stage::{Context, ErrorContext as _, Interval, Report, Result};

use crate::{Args, Config};
use book::{Book, Entry};

/// What is audited.
struct Asked<'a> {
    cx: &'a Context,
    config: &'a Config,
    interval: Interval,
}

/// Adds what one source knows of the interval.
type Source = fn(&Asked<'_>, &mut Book) -> Result<()>;

/// Where decisions are written down; another one is a line here and a function.
const SOURCES: [(&str, Source); 10] = [
    ("registry_events", decisions::models),
    ("retrain_decisions", decisions::trainings),
    ("suppressions", people::suppressions),
    ("local_events", people::calendars),
    ("feedback", people::marks),
    ("exports", exports::published),
    ("logins", logins::counted),
    ("erasures", retired::erasures),
    ("retention", retired::rows),
    ("holds", retired::holds),
];

/// Entries of one call: they are held to be sorted.
const MOST_ENTRIES: usize = 100_000;

pub(crate) fn run(cx: &Context, config: &Config, args: &Args, report: &mut Report) -> Result<()> {
    let asked = Asked { cx, config, interval: cx.interval()? };
    let mut book = Book::new(MOST_ENTRIES);
    for (name, source) in SOURCES {
        cx.check_stop()?;
        source(&asked, &mut book).context(|| format!("audit of {name}"))?;
    }
    let (entries, notes) = book.in_order();
    print(&entries, asked.interval, args.json).context(|| "print")?;
    for note in notes {
        tracing::warn!("{note}");
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    entries.iter().for_each(|entry| *kinds.entry(entry.kind).or_default() += 1);
    report.number("entries", entries.len());
    for (kind, count) in kinds {
        report.number(kind, count);
    }
    Ok(())
}

fn print(entries: &[Entry], interval: Interval, as_json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if entries.is_empty() && !as_json {
        writeln!(out, "nothing was decided in {interval}")?;
    }
    for entry in entries {
        let line = if as_json { serde_json::to_string(entry)? } else { entry.line() };
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
