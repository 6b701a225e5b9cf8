//! `foresite-tiny-writer ROOT NAME FIRST COUNT SLOTS ROWS`: a writer for the tests that kill it.
//!
//! Replaces slots of `tiny_sums` in turn, hour after hour, and says on standard output what was
//! acknowledged: `token hour version`. All rows of a replacement carry its token as their sum, so
//! that a reader can tell a whole slot from half of one.

#![allow(clippy::print_stdout)] // its standard output is the acknowledgement

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use foresite_tables::{ErrorKind, Root};
use foresite_tests::writer::{Job, replace};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("too few arguments");
    let root = Root::open(&next()?)?;
    let name = next()?;
    let [first, count, slots, rows] = [next()?, next()?, next()?, next()?].map(|text| text.parse());
    let (first, count, slots, rows): (i64, i64, i64, i64) = (first?, count?, slots?, rows?);
    let table = root.table(foresite_tests::sums())?;
    for round in first..first + count {
        let job = Job { hour: round % slots, token: round, name: &name, rows };
        let outcome = loop {
            match replace(&table, &job) {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                other => break other?,
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} {} {}", job.token, job.hour, outcome.version)?;
        out.flush()?;
    }
    Ok(())
}
