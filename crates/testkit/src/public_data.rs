//! Public data sets for tests; they are never part of the repository.

use std::path::PathBuf;

/// A file or folder below `FORESITE_DATA_DIR`, or `None` after printing why the test is skipped.
pub fn public_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("FORESITE_DATA_DIR") else {
        println!("SKIPPED: needs {path}, and FORESITE_DATA_DIR is not set");
        return None;
    };
    let found = PathBuf::from(folder).join(path);
    if found.exists() {
        return Some(found);
    }
    println!("SKIPPED: {} is not there", found.display());
    None
}
