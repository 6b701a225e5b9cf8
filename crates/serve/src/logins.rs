//! Who asked the console, and who was turned away: counted by hour, caller and outcome, so that a
//! flood of requests makes no flood of lines or files.
//!
//! The log has a line where somebody is seen for the first time in an hour, and the counts once the
//! hour is over. A [`Recorder`] keeps both as files below `logins/` of the data root.

mod recorder;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

pub(crate) use recorder::Recorder;

/// Seconds of an hour.
const HOUR: i64 = 3600;
/// Callers that are told apart in an hour; the others are counted together.
const MOST_CALLERS: usize = 500;
/// Who comes after these.
const OTHERS: &str = "others: too many to tell apart";
/// Addresses that are kept of a caller, the first ones.
const MOST_ADDRESSES: usize = 8;
/// Hours that wait for a storage that takes none; older ones are lost.
const MOST_HOURS: usize = 48;
/// Seconds that the present hour may begin later than that of the clock; a clock that is further
/// behind it has been ahead, and was set right.
const MOST_AHEAD: i64 = HOUR;

/// What is counted by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    /// `None` where nobody can say.
    caller: Option<String>,
    /// Why it was turned away; `None` where it was let in.
    refused: Option<String>,
}

/// What is known of one of them in an hour; times in seconds since 1970.
#[derive(Debug, Clone)]
struct Seen {
    first: i64,
    last: i64,
    count: u64,
    addresses: Vec<IpAddr>,
}

/// Who was seen in an hour.
type Callers = BTreeMap<Who, Seen>;

/// Which hour of a process, in the order in which they began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct HourId {
    /// How often the clock was set back by more than [`MOST_AHEAD`] before: an hour that comes
    /// twice has two files.
    round: u32,
    /// Seconds since 1970.
    start: i64,
}

/// An hour of a process.
#[derive(Debug, Default)]
struct Hour {
    /// Shared with the pages of it: who counts while one is written changes a copy.
    seen: Arc<Callers>,
    /// What its file holds.
    written: Size,
}

/// How much an hour holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    callers: usize,
    requests: u64,
}

impl Hour {
    fn size(&self) -> Size {
        let requests = self.seen.values().map(|seen| seen.count).sum();
        Size { callers: self.seen.len(), requests }
    }

    /// Counts a request; whether it is the first of its kind.
    fn count(&mut self, mut who: Who, address: IpAddr, now: i64) -> bool {
        let callers = Arc::make_mut(&mut self.seen);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(&who) {
            who.caller = Some(OTHERS.to_owned());
        }
        let fresh = Seen { first: now, last: now, count: 0, addresses: Vec::new() };
        let seen = callers.entry(who).or_insert(fresh);
        seen.count += 1;
        (seen.first, seen.last) = (seen.first.min(now), seen.last.max(now));
        if seen.addresses.len() < MOST_ADDRESSES && !seen.addresses.contains(&address) {
            seen.addresses.push(address);
        }
        seen.count == 1
    }
}

/// The hours that are open or not written.
#[derive(Debug, Default)]
struct Held {
    hours: BTreeMap<HourId, Hour>,
    /// The present one. A clock that is set back a little opens none before it: its file is whole.
    newest: HourId,
}

impl Held {
    /// Begins the hour of `now` where it is a later one, or where the present one lies further ahead
    /// than it may; returns who was seen in the one before it.
    fn turn_to(&mut self, now: i64) -> Option<Arc<Callers>> {
        let start = now.div_euclid(HOUR) * HOUR;
        let ahead = self.newest.start - start;
        if (0..=MOST_AHEAD).contains(&ahead) {
            return None;
        }
        let ended = self.hours.get(&self.newest).map(|hour| Arc::clone(&hour.seen));
        self.newest = HourId { round: self.newest.round + u32::from(ahead > 0), start };
        ended
    }

    /// Gives up the hours that are too many; returns how many requests they counted.
    fn give_up(&mut self, most: usize) -> u64 {
        let mut lost = 0;
        while self.hours.len() > most {
            lost += self.hours.pop_first().map_or(0, |(_, hour)| hour.size().requests);
        }
        lost
    }
}

/// The book of a process.
#[derive(Debug)]
pub(crate) struct Logins {
    is_recorded: bool,
    held: Mutex<Held>,
}

/// What the file of an hour shall hold.
#[derive(Debug)]
struct Page {
    hour: HourId,
    size: Size,
    seen: Arc<Callers>,
}

impl Logins {
    /// An empty book. `is_recorded`: hours that are over wait for a [`Recorder`].
    pub(crate) fn new(is_recorded: bool) -> Self {
        Self { is_recorded, held: Mutex::default() }
    }

    /// Counts a request that was let in, or turned away for the reason in `refused`.
    pub(crate) fn count(&self, caller: Option<String>, refused: Option<&str>, address: IpAddr) {
        let who = Who { caller, refused: refused.map(str::to_owned) };
        self.count_at(who, address, Timestamp::now().as_second());
    }

    fn count_at(&self, who: Who, address: IpAddr, now: i64) {
        let mut held = self.held();
        let ended = held.turn_to(now);
        let newest = held.newest;
        // Of the hour before where another request came first, or a clock was set back. It counts as of
        // this hour: an audit looks for a time in the folder of its day alone.
        let now = now.max(newest.start);
        let is_first = held.hours.entry(newest).or_default().count(who.clone(), address, now);
        let lost = held.give_up(if self.is_recorded { MOST_HOURS } else { 1 });
        drop(held);
        say_counts(ended.as_deref());
        if is_first {
            say_first(&who, address);
        }
        if self.is_recorded && lost > 0 {
            tracing::warn!(requests = lost, "log-ins are lost: too many hours wait for storage");
        }
    }

    /// Files to write now: of hours that are over, of the present one where somebody new was seen,
    /// and with `all` of whatever changed.
    fn due(&self, now: i64, all: bool) -> Vec<Page> {
        let mut held = self.held();
        let ended = held.turn_to(now);
        let newest = held.newest;
        held.hours.retain(|id, hour| *id == newest || hour.size() != hour.written);
        let mut pages = Vec::new();
        for (id, hour) in &held.hours {
            let size = hour.size();
            let is_new = size.callers > hour.written.callers;
            if *id < newest || is_new || (all && size != hour.written) {
                pages.push(Page { hour: *id, size, seen: Arc::clone(&hour.seen) });
            }
        }
        drop(held);
        say_counts(ended.as_deref());
        pages
    }

    /// Remembers what the file of an hour holds.
    fn written(&self, hour: HourId, size: Size) {
        if let Some(hour) = self.held().hours.get_mut(&hour) {
            hour.written = size;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_first(who: &Who, address: IpAddr) {
    let (caller, address) = (who.caller.as_deref(), address.to_string());
    match who.refused.as_deref() {
        None => tracing::info!(caller, address, "log-in"),
        Some(reason) => tracing::warn!(caller, address, reason, "log-in refused"),
    }
}

fn say_counts(ended: Option<&Callers>) {
    for (who, seen) in ended.into_iter().flatten() {
        let (caller, reason) = (who.caller.as_deref(), who.refused.as_deref());
        tracing::info!(caller, reason, count = seen.count, "log-ins of the last hour");
    }
}

/// A line of a file: `crates/stages/maintain` reads it, `docs/console/logins.jsonl` is an example.
#[derive(Serialize)]
struct Line<'a> {
    hour: &'a str,
    caller: Option<&'a str>,
    refused: Option<&'a str>,
    count: u64,
    first: String,
    last: String,
    addresses: &'a [IpAddr],
}

impl Page {
    /// The lines of the file; nobody is kept from counting meanwhile.
    fn text(&self) -> String {
        let start = stamp(self.hour.start);
        let mut text = String::new();
        for (who, seen) in &*self.seen {
            let line = Line {
                hour: &start,
                caller: who.caller.as_deref(),
                refused: who.refused.as_deref(),
                count: seen.count,
                first: stamp(seen.first),
                last: stamp(seen.last),
                addresses: &seen.addresses,
            };
            // Texts, numbers and lists of texts alone: nothing here can fail to serialise.
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
            text.push('\n');
        }
        text
    }
}

/// RFC 3339 in UTC.
fn stamp(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests;
