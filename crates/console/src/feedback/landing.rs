//! The file that ingest takes.

use foresite_feedback::Statement;
use foresite_tables::{Error, ErrorKind, Result, Root, sha256_hex};
use jiff::Timestamp;

/// Where `docs/samples/ingest/mapping-feedback.json` looks.
const FOLDER: &str = "landing/feedback";

/// Columns of that mapping.
const COLUMNS: [&str; 10] = [
    "feedback_id",
    "fact",
    "at",
    "entity_type",
    "entity_id",
    "prediction_id",
    "task",
    "person",
    "text",
    "incident_id",
];

/// Hexadecimal digits in a file's name.
const DIGITS: usize = 24;

/// Writes the marks as one file that never changes, and returns its path. The same marks are the same
/// file: it lands once, whoever asks again.
pub(super) fn write(root: &Root, statements: &[Statement]) -> Result<String> {
    let bytes = rows(statements)
        .map_err(|error| Error::new(ErrorKind::BadData, format!("marks as CSV: {error}")))?;
    let mut name = sha256_hex(&bytes);
    name.truncate(DIGITS);
    let path = format!("{FOLDER}/console-{name}.csv");
    root.write_new(&path, bytes)?;
    Ok(path)
}

/// The rows, sorted so that their order in the request does not matter.
fn rows(statements: &[Statement]) -> std::result::Result<Vec<u8>, csv::Error> {
    let mut rows: Vec<[String; 10]> = statements.iter().map(row).collect();
    rows.sort();
    rows.dedup();
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(COLUMNS)?;
    for row in &rows {
        file.write_record(row)?;
    }
    file.into_inner().map_err(|error| error.into_error().into())
}

fn row(said: &Statement) -> [String; 10] {
    let at = Timestamp::from_microsecond(said.at).unwrap_or(Timestamp::UNIX_EPOCH);
    [
        said.id(),
        said.mark.word().to_owned(),
        at.to_string(),
        said.entity_type.clone(),
        said.entity_id.clone(),
        said.prediction_id.clone(),
        said.task.clone(),
        said.person.clone(),
        said.text.clone(),
        said.incident_id.clone(),
    ]
}
