//! A store that is a folder on the disk; the stage has a data root instead.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use foresite_simulator::calendar::Micros;
use foresite_simulator::write::{Folder, Store};

/// `landing/` and `truth/` below a folder.
pub(crate) fn below(root: &Path) -> Folder<'static> {
    Folder::on(Disk(root.to_owned()))
}

pub(crate) struct Disk(pub(crate) PathBuf);

impl Store for Disk {
    fn holds(&self, path: &str, bytes: &[u8]) -> io::Result<bool> {
        Ok(fs::read(self.0.join(path)).is_ok_and(|found| found == bytes))
    }

    fn write(&self, path: &str, bytes: &[u8], modified: Micros) -> io::Result<()> {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap())?;
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.set_modified(UNIX_EPOCH + Duration::from_micros(modified.unsigned_abs()))
    }
}
