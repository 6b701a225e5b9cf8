//! Files that no DataNode gives: a few are corrupt, many in a row are a cluster that is down.
//!
//! The client of HDFS cannot tell the two apart, and waits a minute for each.

use crate::{Error, ErrorKind, Result};

/// After so many in a row it is the cluster.
const MOST: usize = 3;

/// The files that could not be read since the last one that could, over all tables of a
/// verification.
#[derive(Debug, Default)]
pub struct Unreadable {
    in_a_row: Vec<String>,
}

impl Unreadable {
    /// A file was read.
    pub(super) fn end(&mut self) {
        self.in_a_row.clear();
    }

    /// What is wrong with a file that was looked at, if anything.
    ///
    /// # Errors
    /// As [`Unreadable::fault_of`].
    pub(super) fn fault_in(&mut self, looked: Result<Option<String>>) -> Result<Option<String>> {
        match looked {
            Ok(fault) => {
                self.end();
                Ok(fault)
            }
            Err(error) => self.fault_of(error).map(Some),
        }
    }

    /// What an error says about a file.
    ///
    /// # Errors
    /// The error where it says nothing about the file but about the store.
    pub(super) fn fault_of(&mut self, error: Error) -> Result<String> {
        let text = error.to_string();
        if error.kind() != ErrorKind::Unreadable {
            return if error.kind().is_retryable() { Err(error) } else { Ok(text) };
        }
        self.in_a_row.push(text.clone());
        let advice = error.advice().unwrap_or_default();
        if self.in_a_row.len() < MOST {
            return Ok(format!("{text}; {advice}"));
        }
        let message = format!("{MOST} files in a row: {}", self.in_a_row.join("; "));
        Err(Error::new(ErrorKind::Unreadable, message).hint(advice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ErrorKind, name: &str) -> Error {
        Error::new(kind, format!("{name}: no DataNode")).hint("see fsck")
    }

    #[test]
    fn a_third_file_in_a_row_is_the_cluster_and_names_all_three() {
        let mut unreadable = Unreadable::default();
        let mut fault = |name: &str| unreadable.fault_of(failed(ErrorKind::Unreadable, name));
        assert_eq!(fault("a").unwrap(), "a: no DataNode; see fsck");
        assert_eq!(fault("b").unwrap(), "b: no DataNode; see fsck");
        let error = fault("c").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        let names = "3 files in a row: a: no DataNode; b: no DataNode; c: no DataNode";
        assert_eq!((error.to_string().as_str(), error.advice()), (names, Some("see fsck")));
    }

    #[test]
    fn a_file_that_can_be_read_ends_the_row_and_one_that_is_not_there_does_not() {
        let mut unreadable = Unreadable::default();
        for _ in 0..2 {
            for name in ["a", "b"] {
                unreadable.fault_of(failed(ErrorKind::Unreadable, name)).unwrap();
            }
            assert_eq!(unreadable.fault_in(Ok(None)).unwrap(), None);
        }
        for name in ["a", "b"] {
            unreadable.fault_of(failed(ErrorKind::Unreadable, name)).unwrap();
        }
        unreadable.fault_of(failed(ErrorKind::Missing, "gone")).unwrap();
        assert!(unreadable.fault_of(failed(ErrorKind::Unreadable, "c")).is_err());
    }

    #[test]
    fn a_store_that_does_not_answer_is_no_fault_of_a_file() {
        let mut unreadable = Unreadable::default();
        assert!(unreadable.fault_of(failed(ErrorKind::Transient, "a")).is_err());
        assert!(unreadable.fault_of(failed(ErrorKind::BadData, "a")).is_ok());
    }
}
