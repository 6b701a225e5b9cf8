//! The files below a folder, as far as they can be seen: one name, link or folder that cannot be
//! used must not hide the others.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use foresite_tables::FileEntry;

/// What lies below a folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Plain files; links are followed.
    pub(crate) files: Vec<FileEntry>,
    /// What could not be looked at, and why.
    pub(crate) unusable: Vec<(String, String)>,
}

/// Walks the folder.
///
/// # Errors
/// When the folder itself cannot be listed.
pub(crate) fn walk(folder: &Path) -> io::Result<Found> {
    let mut walk = Walk { found: Found::default(), above: HashSet::new() };
    walk.above.insert(identity(&fs::metadata(folder)?));
    walk.folder(folder, "")?;
    Ok(walk.found)
}

/// What tells folders apart, whatever links lead to them.
fn identity(of: &Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}

struct Walk {
    found: Found,
    /// The folders between the top and here: whoever meets one again goes round in a circle.
    above: HashSet<(u64, u64)>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, path: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let shown = format!("{path}{}", name.to_string_lossy());
            let is_usable = name.to_str().is_some_and(|name| !name.contains(char::is_control));
            let outcome = match is_usable {
                true => self.entry(&entry.path(), &shown),
                false => Err(io::Error::other("the name is no plain UTF-8 text")),
            };
            if let Err(error) = outcome {
                self.found.unusable.push((shown, error.to_string()));
            }
        }
        Ok(())
    }

    fn entry(&mut self, place: &Path, path: &str) -> io::Result<()> {
        let metadata = match fs::metadata(place) {
            // Gone since, or a link to nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if metadata.is_file() {
            let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            let entry = FileEntry { path: path.to_owned(), size: metadata.len(), modified };
            self.found.files.push(entry);
        } else if metadata.is_dir() {
            let here = identity(&metadata);
            if !self.above.insert(here) {
                return Err(io::Error::other("the link leads back to a folder above it"));
            }
            let outcome = self.folder(place, &format!("{path}/"));
            self.above.remove(&here);
            outcome?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn odd_names_and_circles_hide_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("pm")).unwrap();
        for name in ["pm/a b.xml", "pm/ü%20#.xml", "pm/two\nlines.xml"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::write(folder.path().join(OsStr::from_bytes(b"lat\xe9.xml")), "x").unwrap();
        symlink("..", at("pm/loop")).unwrap();
        symlink("nowhere", at("pm/dangling")).unwrap();
        symlink("a b.xml", at("pm/link.xml")).unwrap();
        let mut found = walk(folder.path()).unwrap();
        found.files.sort_by(|a, b| a.path.cmp(&b.path));
        found.unusable.sort();
        let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["pm/a b.xml", "pm/link.xml", "pm/ü%20#.xml"]);
        let unusable: Vec<_> = found.unusable.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(unusable, ["lat\u{fffd}.xml", "pm/loop", "pm/two\nlines.xml"]);
        assert!(walk(&at("missing")).is_err());
    }
}
