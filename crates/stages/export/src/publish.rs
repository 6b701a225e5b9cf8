//! Publishing an export: a folder per interval, configuration and computation that never changes, and
//! a page beside those of a configuration that leads to the newest.
//!
//! The manifest is written last: a folder without one is an export that did not come to its end.

use foresite_stage::{
    Context, ErrorContext as _, ErrorKind, Interval, Lineage, Result, StageError,
};
use foresite_tables::{Micros, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::document::{Document, Header, schema_id};
use crate::moment::folder_stamp;

/// The file that names the others.
const MANIFEST: &str = "manifest";

/// Hexadecimal digits of the digest that names a configuration.
const CONFIG_DIGITS: usize = 12;

/// What leads to the newest export of an interval by a configuration.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Current {
    schema: String,
    /// The folder beside it.
    folder: String,
    /// The latest clock that gave it, in microseconds since the epoch.
    as_of_micros: Micros,
}

/// The folder of an interval's exports by one configuration, below the data root: consumers of
/// different configurations read different things, and none takes the lead from another.
fn folder(interval: Interval, lineage: &Lineage) -> String {
    let mut digest = sha256_hex(lineage.document["configuration"].to_string().as_bytes());
    digest.truncate(CONFIG_DIGITS);
    let [start, end] = [interval.start, interval.end].map(folder_stamp);
    format!("exports/{start}-{end}/{digest}")
}

/// The folder of an export, below the data root.
pub(crate) fn export_folder(interval: Interval, lineage: &Lineage) -> String {
    format!("{}/{}", folder(interval, lineage), lineage.id)
}

/// Writes the documents unless they are there; whether anything was written.
pub(crate) fn publish(
    cx: &Context,
    header: &Header<'_>,
    lineage: &Lineage,
    documents: &[Document],
) -> Result<bool> {
    let folder = export_folder(header.interval, lineage);
    cx.record(lineage)?;
    for document in documents {
        once(cx, &format!("{folder}/{}.json", document.name), &document.text)?;
    }
    let files = documents.iter().map(|document| {
        json!({
            "name": format!("{}.json", document.name),
            "schema": schema_id(document.name),
            "entries": document.entries,
            "bytes": document.text.len(),
            "sha256": sha256_hex(document.text.as_bytes()),
        })
    });
    let manifest = json!({"foresite": header.json(MANIFEST), "files": files.collect::<Vec<_>>()});
    let is_new = once(cx, &format!("{folder}/{MANIFEST}.json"), &format!("{manifest}\n"))?;
    lead_to(cx, header.interval, lineage)?;
    Ok(is_new)
}

/// Writes a file that is never changed; whether it was not there.
fn once(cx: &Context, path: &str, text: &str) -> Result<bool> {
    let written = cx.root().write_new(path, text.to_owned().into_bytes());
    if written.context(|| format!("publish {path}"))? {
        return Ok(true);
    }
    let (_, have) = cx.root().digest(path)?;
    if have == sha256_hex(text.as_bytes()) {
        return Ok(false);
    }
    let message = format!("{path}: holds something else than the same computation gives");
    Err(StageError::new(ErrorKind::BadData, message)
        .hint("somebody changed it; move it away and run the stage again"))
}

/// Leads to this export, unless one of a later clock is led to. The same export at a later clock moves
/// the clock on: what an earlier one knew takes nothing back.
fn lead_to(cx: &Context, interval: Interval, lineage: &Lineage) -> Result<()> {
    let path = format!("{}/current.json", folder(interval, lineage));
    let have: Option<Current> = match cx.root().read(&path) {
        // What is torn is written anew.
        Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => None,
        Err(error) => return Err(error.into()),
    };
    let as_of_micros = cx.as_of();
    let is_led = |have: &Current| {
        let is_this = have.folder == lineage.id && have.as_of_micros == as_of_micros;
        is_this || have.as_of_micros > as_of_micros
    };
    if have.as_ref().is_some_and(is_led) {
        return Ok(());
    }
    let current =
        Current { schema: schema_id("current"), folder: lineage.id.clone(), as_of_micros };
    let text = format!("{}\n", serde_json::to_string(&current)?);
    cx.root().write(&path, text.into_bytes()).context(|| format!("publish {path}"))
}
