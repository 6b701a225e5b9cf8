//! From aliases to bundles that may be used.

use foresite_datasets::{Package, registry_error};
use foresite_registry::{Aliases, Event, TrustedKeys, verify};
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::{Read, Root};

/// Where the aliases of a task point now; nowhere without events.
///
/// # Errors
/// Storage errors; `BadData` for events that cannot be read.
pub fn aliases(root: &Root, task: &str) -> Result<Aliases> {
    let Some(table) = root.find(outcome::registry_events())? else {
        return Ok(Aliases::default());
    };
    let rows = table.read_all(&Read::all().text("task", task))?;
    let events = Event::read(&rows).map_err(registry_error)?;
    Ok(Aliases::of(&events))
}

/// The bundle of a model, once sums and signature hold.
///
/// # Errors
/// `BadData` where they do not; storage errors.
pub fn trusted(root: &Root, keys: &TrustedKeys, task: &str, model_id: &str) -> Result<Package> {
    let bundle = verify(root, keys, task, model_id).map_err(registry_error)?;
    Package::from_folder(&bundle)
}
