//! Reads the models that shall be in use: verified, and rehearsed.

use std::collections::BTreeMap;
use std::sync::Arc;

use foresite_registry::{Alias, TrustedKeys};
use foresite_scoring::trusted;
use foresite_stage::Result;
use foresite_tables::Root;

use crate::model::rehearse::rehearse;
use crate::model::{Loaded, Models};

/// The wanted models, those from before as they are, and why a challenger is left out, where one is
/// refused.
///
/// # Errors
/// Why the one that shall serve is refused, or cannot be read.
pub(super) fn loaded(
    root: &Root,
    keys: &TrustedKeys,
    task: &str,
    wanted: &BTreeMap<Alias, String>,
    before: &Models,
) -> Result<(Models, Result<()>)> {
    let load = |alias: Alias, id: &String| -> Result<Arc<Loaded>> {
        let have = before.all().find(|loaded| loaded.id == *id);
        let package = match have {
            Some(loaded) => Arc::clone(&loaded.package),
            None => {
                let package = trusted(root, keys, task, id)?;
                rehearse(id, &package)?;
                Arc::new(package)
            }
        };
        Ok(Arc::new(Loaded { alias, id: id.clone(), package }))
    };
    let mut models = Models::default();
    let mut refused = Ok(());
    for (alias, id) in wanted {
        match (alias, load(*alias, id)) {
            (Alias::Challenger, Ok(loaded)) => models.challenger = Some(loaded),
            (Alias::Challenger, Err(error)) => refused = Err(error),
            (_, loaded) => models.serving = Some(loaded?),
        }
    }
    Ok((models, refused))
}
