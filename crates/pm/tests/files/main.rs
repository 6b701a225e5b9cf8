//! Whole files through the public interface: the forms, hostile input, the two ways of reading
//! values, and the genuine files where they are at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod forms;
mod genuine;
mod hostile;
mod paths;

use foresite_pm::{Block, MeasFile, PmReader, parse_stamp};

/// Reads a file that must be readable, and checks that every value is accounted for.
fn read(bytes: &[u8]) -> MeasFile {
    let file = PmReader::default().read(bytes).expect("a readable file");
    assert!(file.counts.is_conserved(), "{:?}", file.counts);
    let rejected: u64 = file.rejects.iter().map(|reject| reject.values).sum();
    assert_eq!(rejected, file.counts.rejected, "rejects must stand for what was rejected");
    file
}

fn micros(stamp: &str) -> i64 {
    parse_stamp(stamp).expect("a time stamp").at
}

/// The values of an object with nulls as `None`.
fn row(block: &Block, object: usize) -> Vec<Option<f64>> {
    block.row(object).iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect()
}
