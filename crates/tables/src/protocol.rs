//! Which tables of other writers can be read and written without doing harm.
//!
//! The kernel refuses what it cannot replay. Foresite reads and writes the data files and commits
//! itself, so features that change what these mean are refused here, before anything is touched.

use std::fmt::Display;

use delta_kernel::snapshot::SnapshotRef;

use crate::{Error, ErrorKind, Result};

/// Reader features that leave data files as they are, or are seen file by file.
const READABLE: [&str; 3] = ["deletionVectors", "v2Checkpoint", "vacuumProtocolCheck"];

/// Writer features that ask nothing of a writer that stays within its schema.
const WRITABLE: [&str; 2] = ["appendOnly", "invariants"];

/// The newest versions without a list of features that Foresite knows whole.
const LEGACY: (i32, i32) = (1, 2);

/// The versions from which on a table lists its features.
const BY_FEATURE: (i32, i32) = (3, 7);

/// Fails for a table whose data files need more than reading them as they are.
///
/// # Errors
/// `BadData`, with what the table asks for.
pub(crate) fn check_readable(kernel: &SnapshotRef) -> Result<()> {
    let configuration = kernel.table_configuration();
    let protocol = configuration.protocol();
    let version = protocol.min_reader_version();
    let unknown = unknown(protocol.reader_features().unwrap_or_default(), &READABLE);
    let mapped = configuration.metadata().configuration().get("delta.columnMapping.mode");
    if let Some(mode) = mapped.filter(|mode| *mode != "none") {
        return Err(refused("reader", version, &[format!("columnMapping={mode}")]));
    }
    // Version 2 adds column mapping and nothing else.
    if version <= LEGACY.0 + 1 || (version == BY_FEATURE.0 && unknown.is_empty()) {
        return Ok(());
    }
    Err(refused("reader", version, &unknown))
}

/// Fails for a table whose commits need more than Foresite writes.
///
/// # Errors
/// `BadData`, with what the table asks for.
pub(crate) fn check_writable(kernel: &SnapshotRef) -> Result<()> {
    let configuration = kernel.table_configuration();
    let protocol = configuration.protocol();
    let version = protocol.min_writer_version();
    let unknown = unknown(protocol.writer_features().unwrap_or_default(), &WRITABLE);
    let properties = configuration.metadata().configuration();
    if properties.get("delta.appendOnly").is_some_and(|value| value == "true") {
        return Err(refused("writer", version, &["delta.appendOnly=true".to_owned()]));
    }
    if version <= LEGACY.1 || (version == BY_FEATURE.1 && unknown.is_empty()) {
        return Ok(());
    }
    Err(refused("writer", version, &unknown))
}

fn unknown(features: &[impl Display], known: &[&str]) -> Vec<String> {
    features
        .iter()
        .map(ToString::to_string)
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

fn refused(side: &str, version: i32, features: &[String]) -> Error {
    let features = match features {
        [] => String::new(),
        some => format!(" with {}", some.join(", ")),
    };
    let message = format!("it asks for {side} version {version}{features}, which is not supported");
    Error::new(ErrorKind::BadData, message)
}
