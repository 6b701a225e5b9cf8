//! Log-ins to the console, and those that it refused: the files below `logins/`, counted by caller
//! and day.

use std::collections::{BTreeMap, BTreeSet};

use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::{FileEntry, Micros, Root};
use serde::Deserialize;

use super::Asked;
use super::book::{Book, Entry, stamp};
use crate::DAY;
use crate::logins::FOLDER;

/// Addresses that an entry names.
const NAMED: usize = 4;
/// Bytes of a file; the console's have half a megabyte at most.
const MOST_BYTES: u64 = 8 << 20;

/// A line of a file: a caller of one hour.
#[derive(Deserialize)]
struct Line {
    caller: Option<String>,
    refused: Option<String>,
    count: u64,
    first: String,
    addresses: Vec<String>,
}

/// A day (UTC), a caller, and why it was refused, where it was.
type Key = (Micros, Option<String>, Option<String>);

/// What one of them did.
struct Requests {
    first: Micros,
    count: u64,
    addresses: BTreeSet<String>,
}

/// Log-ins by caller and day, of the hours whose first request of theirs lies in the interval.
pub(super) fn counted(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let mut found: BTreeMap<Key, Requests> = BTreeMap::new();
    let mut unread = 0;
    let days = day_of(asked.interval.start)..=day_of(asked.interval.end - 1);
    for file in asked.cx.root().list(FOLDER)? {
        let day = file.path.strip_prefix(FOLDER).and_then(|path| path.split_once('/'));
        if !day.is_some_and(|(day, _)| days.contains(&day.to_owned())) {
            continue;
        }
        asked.cx.check_stop()?;
        let Some(text) = read(asked.cx.root(), &file)? else { continue };
        for line in text.lines() {
            match parsed(line) {
                Some((at, line)) => add(&mut found, asked, at, line),
                None => unread += 1,
            }
        }
        book.require_room(found.len())?;
    }
    if unread > 0 {
        book.note(format!("{unread} lines below logins/ are not as the console writes them"));
    }
    found.into_iter().try_for_each(|(key, requests)| book.add(entry(key, requests)))
}

/// The text of a file; `None` where retention has deleted it since it was listed.
fn read(root: &Root, file: &FileEntry) -> Result<Option<String>> {
    let FileEntry { path, size, .. } = file;
    if *size > MOST_BYTES {
        let message = format!("{path}: {size} bytes, more than the limit of {MOST_BYTES}");
        return Err(StageError::new(ErrorKind::BadData, message)
            .hint("the console writes no such file: look at it, and move it out of logins/"));
    }
    match root.read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The day of a moment, as the folder of its files is called.
fn day_of(at: Micros) -> String {
    stamp(at).chars().take("2026-03-09".len()).collect()
}

fn parsed(line: &str) -> Option<(Micros, Line)> {
    let line: Line = serde_json::from_str(line).ok()?;
    let at: jiff::Timestamp = line.first.parse().ok()?;
    Some((at.as_microsecond(), line))
}

fn add(found: &mut BTreeMap<Key, Requests>, asked: &Asked<'_>, at: Micros, line: Line) {
    if !(asked.interval.start..asked.interval.end).contains(&at) {
        return;
    }
    let key = (at.div_euclid(DAY), line.caller, line.refused);
    let fresh = Requests { first: at, count: 0, addresses: BTreeSet::new() };
    let requests = found.entry(key).or_insert(fresh);
    requests.first = requests.first.min(at);
    requests.count = requests.count.saturating_add(line.count);
    requests.addresses.extend(line.addresses);
}

fn entry((_, caller, refused): Key, requests: Requests) -> Entry {
    let Requests { first, count, addresses } = requests;
    let mut from: Vec<String> = addresses.iter().take(NAMED).cloned().collect();
    if addresses.len() > NAMED {
        from.push(format!("{} more", addresses.len() - NAMED));
    }
    Entry {
        at: first,
        kind: if refused.is_some() { "login_refused" } else { "logged_in" },
        subject: "console".to_owned(),
        person: caller,
        reason: refused,
        detail: Some(format!("{count} requests of the day from {}", from.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_none_and_one_that_is_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let path = "logins/2026-03-09/14-a.jsonl";
        let listed = |size| FileEntry { path: path.to_owned(), size, modified: 0 };
        assert_eq!(read(&root, &listed(1)).unwrap(), None, "deleted since it was listed");
        root.write(path, "a line").unwrap();
        assert_eq!(read(&root, &listed(MOST_BYTES)).unwrap().as_deref(), Some("a line"));
        let error = read(&root, &listed(MOST_BYTES + 1)).unwrap_err();
        let expected = format!("{path}: 8388609 bytes, more than the limit of 8388608");
        assert_eq!((error.kind(), error.chain()), (ErrorKind::BadData, expected));
    }
}
