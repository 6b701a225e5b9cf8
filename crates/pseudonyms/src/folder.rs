//! The folder of keys: one file an epoch, on a local disk and away from the data root.
//!
//! A key is made once and never replaced. The file of a destroyed one stays, empty: an epoch
//! without its key must not get another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use foresite_tables::{Context as _, Error, ErrorKind, Result};

use crate::key::KEY_BYTES;
use crate::{Epoch, Key};

/// What the folder holds of an epoch.
#[derive(Debug)]
pub enum Found {
    /// Its key.
    Key(Key),
    /// The file of a key that was destroyed.
    Destroyed,
    /// Nothing.
    Nothing,
}

/// The folder of keys.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of that path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file of an epoch.
    pub fn file(&self, epoch: Epoch) -> PathBuf {
        self.path.join(format!("{epoch}.key"))
    }

    /// What there is of an epoch.
    ///
    /// # Errors
    /// `BadData` for a file that is no key; storage errors.
    pub fn find(&self, epoch: Epoch) -> Result<Found> {
        let path = self.file(epoch);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            read => read.context(|| format!("read key {}", path.display()))?,
        };
        // One whose destruction was cut short is all zeros.
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Found::Destroyed);
        }
        let length = bytes.len();
        <[u8; KEY_BYTES]>::try_from(bytes).map(|bytes| Found::Key(Key::new(bytes))).map_err(|_| {
            let path = path.display();
            let message = format!("key {path}: expected {KEY_BYTES} bytes, got {length}");
            Error::new(ErrorKind::BadData, message).hint("restore the file from its back-up")
        })
    }

    /// Makes the key of an epoch that has none, readable by its owner alone. Of several that do so
    /// at once one wins; the others find it.
    ///
    /// # Errors
    /// `CannotWrite` or other storage errors.
    pub fn make(&self, epoch: Epoch) -> Result<()> {
        self.try_make(epoch).context(|| format!("make key {}", self.file(epoch).display()))
    }

    fn try_make(&self, epoch: Epoch) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let (mut bytes, mut own) = ([0; KEY_BYTES], [0; 8]);
        let mut random = File::open("/dev/urandom")?;
        random.read_exact(&mut bytes)?;
        random.read_exact(&mut own)?;
        // Written beside and linked, so that nobody reads half a key. By a name of its own: in
        // containers all processes have the same number, and one must not write into another's key.
        let beside = self.path.join(format!("{epoch}.{:016x}.new", u64::from_ne_bytes(own)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(&bytes).and_then(|()| file.sync_all())?;
        let linked = match fs::hard_link(&beside, self.file(epoch)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        };
        fs::remove_file(&beside)?;
        linked.and_then(|()| sync(&self.path))
    }

    /// Destroys the key of an epoch: its bytes are overwritten, then the file is emptied, each on
    /// disk before the next. Again on a destroyed one does no harm.
    ///
    /// # Errors
    /// `Missing` where there is no such file; other storage errors.
    pub fn destroy(&self, epoch: Epoch) -> Result<()> {
        let path = self.file(epoch);
        let overwritten = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&[0; KEY_BYTES])?;
            file.sync_all()?;
            file.set_len(0)?;
            file.sync_all()
        };
        overwritten().context(|| format!("destroy key {}", path.display()))
    }
}

/// The entry of a new file is on disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn id(folder: &Folder, epoch: Epoch) -> String {
        match folder.find(epoch).unwrap() {
            Found::Key(key) => key.id(),
            other => panic!("{epoch}: {other:?}"),
        }
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners() {
        let place = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(place.path().join("keys"));
        let [first, second] = ["2026-01-01", "2026-04-01"].map(|text| text.parse().unwrap());
        assert!(matches!(folder.find(first).unwrap(), Found::Nothing));
        folder.make(first).unwrap();
        let made = id(&folder, first);
        folder.make(first).unwrap();
        assert_eq!(id(&folder, first), made, "never replaced");
        folder.make(second).unwrap();
        assert_ne!(id(&folder, second), made);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.file(first)), 0o600);
        assert_eq!(fs::read_dir(place.path().join("keys")).unwrap().count(), 2, "nothing else");
    }

    #[test]
    fn of_many_that_make_a_key_at_once_one_wins() {
        let place = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(place.path().join("keys"));
        let epoch: Epoch = "2026-01-01".parse().unwrap();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let make = || {
                folder.make(epoch).unwrap();
                id(&folder, epoch)
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|seen| *seen == ids[0]), "{ids:?}");
        assert_eq!(id(&folder, epoch), ids[0], "and stays");
    }

    #[test]
    fn a_destroyed_key_stays_so() {
        let place = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(place.path());
        let epoch = "2026-01-01".parse().unwrap();
        assert_eq!(folder.destroy(epoch).unwrap_err().kind(), ErrorKind::Missing);
        folder.make(epoch).unwrap();
        folder.destroy(epoch).unwrap();
        folder.make(epoch).unwrap();
        assert!(matches!(folder.find(epoch).unwrap(), Found::Destroyed));
        fs::write(folder.file(epoch), [0; KEY_BYTES]).unwrap();
        assert!(matches!(folder.find(epoch).unwrap(), Found::Destroyed), "cut short");
        folder.destroy(epoch).unwrap();
        assert_eq!(fs::metadata(folder.file(epoch)).unwrap().len(), 0);
        fs::write(folder.file(epoch), "short").unwrap();
        assert_eq!(folder.find(epoch).unwrap_err().kind(), ErrorKind::BadData);
    }
}
