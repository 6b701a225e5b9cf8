//! Publishing the report: a folder per cutoff, and a page that leads to the newest.
//!
//! Both are replaced atomically, so that a reader sees a whole report at any time.

use foresite_stage::{Context, ErrorContext as _, Result};
use foresite_tables::Root;

use crate::clock::{self, Micros};

/// The page that leads to the newest report.
pub const LATEST: &str = "reports/latest.html";

/// Path of the report of a cutoff, below the data root.
pub fn report_path(cutoff: Micros) -> String {
    format!("reports/{}/report.html", clock::folder_stamp(cutoff))
}

/// Writes the report and, unless a newer one is there, the page that leads to it.
///
/// # Errors
/// Storage errors.
pub fn publish(cx: &Context, cutoff: Micros, page: String) -> Result<()> {
    let path = report_path(cutoff);
    cx.root().write(&path, page.into_bytes()).context(|| format!("publish {path}"))?;
    if is_newest(cx.root(), cutoff)? {
        let pointer = pointer(&clock::folder_stamp(cutoff));
        cx.root().write(LATEST, pointer.into_bytes()).context(|| format!("publish {LATEST}"))?;
    }
    Ok(())
}

/// Whether no report of a later cutoff was published.
///
/// # Errors
/// Storage errors.
pub fn is_newest(root: &Root, cutoff: Micros) -> Result<bool> {
    let have = match root.read(LATEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    // The folders' names sort by time.
    Ok(target(&have).is_none_or(|folder| folder <= clock::folder_stamp(cutoff).as_str()))
}

fn pointer(folder: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <title>Foresite: newest worklist</title>\n\
         <meta http-equiv=\"refresh\" content=\"0; url={folder}/report.html\">\n\
         <p>The newest worklist: <a href=\"{folder}/report.html\">{folder}</a></p>\n</html>\n"
    )
}

/// The folder that a pointer leads to.
fn target(pointer: &str) -> Option<&str> {
    let (_, rest) = pointer.split_once("url=")?;
    rest.split_once("/report.html").map(|(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn a_pointer_tells_its_target() {
        assert_eq!(target(&pointer("20260309T1400Z")), Some("20260309T1400Z"));
        assert_eq!(target("something else"), None);
    }

    #[test]
    fn an_older_report_does_not_become_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        assert!(is_newest(&root, 0).unwrap());
        root.write(LATEST, pointer(&clock::folder_stamp(5 * HOUR)).into_bytes()).unwrap();
        assert!(!is_newest(&root, 4 * HOUR).unwrap());
        assert!(is_newest(&root, 5 * HOUR).unwrap());
    }
}
