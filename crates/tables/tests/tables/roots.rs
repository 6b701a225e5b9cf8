//! Data roots by their names.

use foresite_tables::{ErrorKind, Root};
use tempfile::TempDir;

use crate::fixture::kpis;

#[test]
fn a_root_may_be_named_through_its_parent() {
    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.write("a.txt", "x").unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let around = format!("{}/../{name}", folder.path().display());
    assert_eq!(Root::open(&around).unwrap().read("a.txt").unwrap().as_ref(), b"x");
}

#[test]
fn what_is_not_a_root_is_said() {
    let error = Root::open("hdfs://user:secret@name/x").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(Root::open("ftp://x/y").unwrap_err().kind(), ErrorKind::Usage);
    let gone = Root::open("/nowhere/at/all").unwrap();
    assert_eq!(gone.require().unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(gone.existing(kpis()).unwrap_err().kind(), ErrorKind::Missing);
}
