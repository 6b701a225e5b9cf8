//! The files of a bundle: those of the package, and its network for other programs.

use foresite_datasets::{Package, model_error};
use foresite_registry::{Folder, files};
use foresite_stage::Result;
use foresite_training::torchscript;

/// What is published of a package, with its card and its metrics.
///
/// # Errors
/// `BadData` for a fitted value that is not a finite number, `CannotWrite` where the network has no
/// room on its way through a temporary folder.
pub(crate) fn folder(package: &Package, card: String, metrics: String) -> Result<Folder> {
    let folder = package.to_folder(card, metrics)?;
    let Some((encoder, mlp)) = package.network() else {
        return Ok(folder);
    };
    let network = torchscript(encoder, mlp).map_err(model_error)?;
    Ok(folder.with(files::NETWORK, network))
}

#[cfg(test)]
mod tests;
