//! What other systems were told: the manifests below `exports/`, each written last.

use foresite_stage::{Context, Result};
use serde::Deserialize;

use super::Asked;
use super::book::{Book, Entry};

/// The file that names the others of an export.
pub(super) const MANIFEST: &str = "/manifest.json";

/// The part of a manifest that is told.
#[derive(Deserialize)]
struct Manifest {
    files: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    entries: u64,
}

/// Exports by the time at which they were published, by the store's clock.
pub(super) fn published(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    for file in asked.cx.root().list("exports/")? {
        let Some(folder) = file.path.strip_suffix(MANIFEST) else { continue };
        if !(asked.interval.start..asked.interval.end).contains(&file.modified) {
            continue;
        }
        asked.cx.check_stop()?;
        book.add(Entry {
            at: file.modified,
            kind: "exported",
            subject: folder.to_owned(),
            person: None,
            reason: None,
            detail: Some(contents(asked.cx, &file.path)?),
        })?;
    }
    Ok(())
}

/// Entries by document. What is not as export wrote it is told too: somebody changed it.
fn contents(cx: &Context, path: &str) -> Result<String> {
    let bytes = cx.root().read(path)?;
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
        return Ok("its manifest cannot be read".to_owned());
    };
    let documents = manifest.files.iter().map(|of| format!("{}: {} entries", of.name, of.entries));
    Ok(documents.collect::<Vec<_>>().join(", "))
}
