//! Entries of an audit, and the line that each becomes.

use std::fmt::Write as _;

use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Micros;
use serde::{Serialize, Serializer};

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    #[serde(serialize_with = "as_stamp")]
    pub(super) at: Micros,
    /// What was done, in one word.
    pub(super) kind: &'static str,
    /// To what.
    pub(super) subject: String,
    /// By whom; `None` for the pipeline, and where nobody is named.
    pub(super) person: Option<String>,
    /// Why, in that person's words.
    pub(super) reason: Option<String>,
    /// What belongs to it.
    pub(super) detail: Option<String>,
}

impl Entry {
    /// The entry as one line, whatever people wrote: a line break in a reason must not look like an
    /// entry of its own.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}  {:<18} {}", stamp(self.at), self.kind, self.subject);
        // Writing to a String cannot fail.
        if let Some(person) = &self.person {
            let _ = write!(line, " by {person}");
        }
        if let Some(reason) = &self.reason {
            let _ = write!(line, ": {reason}");
        }
        if let Some(detail) = &self.detail {
            let _ = write!(line, " ({detail})");
        }
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Entries so far, of which there may be only so many, and what an auditor has to know beside them.
pub(super) struct Book {
    most: usize,
    entries: Vec<Entry>,
    notes: Vec<String>,
}

impl Book {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: Vec::new(), notes: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// `Usage` where there are too many.
    pub(super) fn add(&mut self, entry: Entry) -> Result<()> {
        self.require_room(1)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Whether so many more may be added.
    ///
    /// # Errors
    /// `Usage` where there are too many.
    pub(super) fn require_room(&self, more: usize) -> Result<()> {
        if self.entries.len() + more <= self.most {
            return Ok(());
        }
        let message = format!("more than {} entries in the interval", self.most);
        Err(StageError::new(ErrorKind::Usage, message).hint("audit a shorter one"))
    }

    /// Adds what is not in the entries and should be known.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The entries in the order of time, of one moment in the order in which they were added; and
    /// the notes.
    pub(super) fn in_order(mut self) -> (Vec<Entry>, Vec<String>) {
        self.entries.sort_by_key(|entry| entry.at);
        (self.entries, self.notes)
    }
}

/// RFC 3339 in UTC.
pub(super) fn stamp(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| format!("{at}µs"), |at| at.to_string())
}

fn as_stamp<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&stamp(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: Micros, subject: &str) -> Entry {
        let (person, reason) = (Some("Kim".into()), Some("better\n2026".into()));
        Entry { at, kind: "promoted", subject: subject.into(), person, reason, detail: None }
    }

    #[test]
    fn an_entry_is_one_line() {
        let line = "1970-01-01T00:00:00Z  promoted           toy/m1 by Kim: better 2026";
        assert_eq!(entry(0, "toy/m1").line(), line);
        let bare = Entry { person: None, reason: None, ..entry(0, "toy/m1") };
        let detailed = Entry { detail: Some("as champion".into()), ..bare };
        let line = "1970-01-01T00:00:00Z  promoted           toy/m1 (as champion)";
        assert_eq!(detailed.line(), line);
    }

    #[test]
    fn a_book_is_in_order_and_ends_somewhere() {
        let mut book = Book::new(3);
        for (at, subject) in [(9, "c"), (5, "a"), (5, "b")] {
            book.add(entry(at, subject)).unwrap();
        }
        let error = book.add(entry(1, "d")).unwrap_err();
        assert_eq!(
            (error.kind(), error.chain()),
            (ErrorKind::Usage, "more than 3 entries in the interval".into())
        );
        let subjects: Vec<_> = book.in_order().0.into_iter().map(|entry| entry.subject).collect();
        assert_eq!(subjects, ["a", "b", "c"]);
    }
}
