//! Publishing the report: a folder per cutoff, and a page that leads to the newest.
//!
//! Both are replaced atomically, so that a reader sees a whole report at any time.

use foresite_report::page::Pointer;
use foresite_stage::{Context, Result};
use foresite_tables::Root;

use crate::clock::{self, Micros};

/// The page that leads to the newest report.
pub const LATEST: Pointer =
    Pointer { path: "reports/latest.html", what: "worklist", file: "report.html" };

/// Path of the report of a cutoff, below the data root.
pub fn report_path(cutoff: Micros) -> String {
    LATEST.page(&clock::folder_stamp(cutoff))
}

/// Writes the report and, unless a newer one is there, the page that leads to it.
///
/// # Errors
/// Storage errors.
pub fn publish(cx: &Context, cutoff: Micros, page: String) -> Result<()> {
    cx.publish_page(&report_path(cutoff), page)?;
    if is_newest(cx.root(), cutoff)? {
        cx.publish_page(LATEST.path, LATEST.to(&clock::folder_stamp(cutoff)))?;
    }
    Ok(())
}

/// Whether no report of a later cutoff was published.
///
/// # Errors
/// Storage errors.
pub fn is_newest(root: &Root, cutoff: Micros) -> Result<bool> {
    match root.read(LATEST.path) {
        Ok(content) => Ok(LATEST.is_newest(&clock::folder_stamp(cutoff), &content)),
        Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn an_older_report_does_not_become_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        assert!(is_newest(&root, 0).unwrap());
        root.write(LATEST.path, LATEST.to(&clock::folder_stamp(5 * HOUR)).into_bytes()).unwrap();
        assert!(!is_newest(&root, 4 * HOUR).unwrap());
        assert!(is_newest(&root, 5 * HOUR).unwrap());
    }
}
