//! Verification: is everything that the log promises really there, and whole?

use std::fmt;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use crate::data_file::OpenFile;
use crate::sha256::hex;
use crate::snapshot::{DataFile, Snapshot};
use crate::{Error, Result, Table};

mod log;
mod unreadable;

pub use unreadable::Unreadable;

/// Bytes hashed at a time.
const PART_BYTES: u64 = 8 << 20;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, relative to the data root.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// What a verification looked at, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Live files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
    /// Live files whose writer noted no hash.
    pub unhashed: u64,
    /// Faults, in the order of discovery.
    pub faults: Vec<Fault>,
}

impl Table {
    /// Checks the log, and of every live file size, hash, footer, row count and the types of its
    /// columns. Memory is bounded by a part of a file and its footer.
    ///
    /// # Errors
    /// Only where the store cannot be asked; what is wrong with the table is a fault.
    pub fn verify(&self) -> Result<Verified> {
        self.verify_while(&mut Unreadable::default(), || Ok(()))
    }

    /// As [`Table::verify`], asking `go_on` before every file; `unreadable` goes from table to table.
    ///
    /// # Errors
    /// The error of `go_on`; otherwise as [`Table::verify`].
    pub fn verify_while<E: From<Error>>(
        &self,
        unreadable: &mut Unreadable,
        mut go_on: impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Verified, E> {
        self.wait_for_checkpoint();
        let mut found = Verified { faults: self.verify_log(unreadable)?, ..Verified::default() };
        let snapshot = match self.load_with_files() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let (path, what) = (self.log_folder(), unreadable.fault_of(error)?);
                found.faults.push(Fault { path, what });
                return Ok(found);
            }
        };
        found.faults.extend(self.disagreements(&snapshot)?);
        for file in self.files(&snapshot)? {
            go_on()?;
            match self.verify_file(file, &snapshot) {
                Ok(rows) => {
                    found.rows += rows;
                    unreadable.end();
                }
                Err(error) => {
                    let text = unreadable.fault_of(error)?;
                    found.faults.push(self.fault(&file.path, &text));
                }
            }
            found.files += 1;
            found.bytes += file.size;
            found.unhashed += u64::from(file.sha256.is_none());
        }
        Ok(found)
    }

    fn load_with_files(&self) -> Result<Snapshot> {
        let snapshot = self.load(None)?;
        self.files(&snapshot)?;
        Ok(snapshot)
    }

    fn fault(&self, path: &str, text: &str) -> Fault {
        let path = format!("tables/{}/{path}", self.def().name);
        // The path says which file it is.
        let what = text.rsplit_once(".parquet: ").map_or(text, |(_, what)| what);
        Fault { path, what: what.to_owned() }
    }

    /// Rows of a file that is what the log says.
    fn verify_file(&self, file: &DataFile, snapshot: &Snapshot) -> Result<u64> {
        let open = OpenFile::open(self, file)?;
        if let Some(expected) = &file.sha256 {
            let got = self.hash(file)?;
            if got != *expected {
                return Err(bad(format!("expected sha256 {expected}, got {got}")));
            }
        }
        for field in snapshot.schema.fields() {
            match open.stored().field_with_name(field.name()) {
                Ok(stored) if stored.data_type() == field.data_type() => {}
                Ok(stored) if crate::write::can_cast(stored.data_type(), field.data_type()) => {}
                Ok(stored) => {
                    let (expected, got) = (field.data_type(), stored.data_type());
                    let name = field.name();
                    return Err(bad(format!("column `{name}`: expected {expected}, got {got}")));
                }
                Err(_) if field.is_nullable() || file.partition.contains_key(field.name()) => {}
                Err(_) => {
                    return Err(bad(format!("column `{}`: expected one, got none", field.name())));
                }
            }
        }
        Ok((0..open.groups()).filter_map(|group| open.group_stats(group).rows).sum())
    }

    fn hash(&self, file: &DataFile) -> Result<String> {
        let location = self.location(&file.path)?;
        let store = self.root().store();
        let mut hasher = Sha256::new();
        let mut start = 0;
        while start < file.size {
            let end = file.size.min(start + PART_BYTES);
            let part: Bytes = self.root().block(store.get_range(&location, start..end))?;
            hasher.update(&part);
            start = end;
        }
        Ok(hex(&hasher.finalize()))
    }
}

fn bad(what: String) -> Error {
    Error::new(crate::ErrorKind::BadData, what)
}
