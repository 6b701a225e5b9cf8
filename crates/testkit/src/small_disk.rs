//! A disk that is soon full.

use std::path::Path;
use std::process::Command;

/// A file system of one MiB; unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, after printing why, where mounting is not allowed.
    ///
    /// # Panics
    /// Where there is no temporary folder.
    pub fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mount = ["-t", "tmpfs", "-o", "size=1m", "foresite-test"];
        let done = Command::new("mount").args(mount).arg(folder.path()).output();
        match done {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                println!("SKIPPED: mounting a small file system needs root");
                None
            }
        }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).output());
    }
}
