//! A store that wants its files side by side gets the same ones, and no more after one has failed.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use foresite_simulator::Network;
use foresite_simulator::calendar::Micros;
use foresite_simulator::write::{Folder, Store, WriteError, write_history, write_hour};

use crate::disk::{Disk, below};
use crate::files::digests;
use crate::small;

const AT_ONCE: usize = 16;

/// Far beyond what two files need to meet.
const HANGS: Duration = Duration::from_secs(60);

/// A disk that counts the writes under way.
struct Busy<'a> {
    disk: Disk,
    seen: &'a Seen,
    refused: Option<usize>,
}

#[derive(Default)]
struct Seen {
    under_way: Mutex<usize>,
    met: Condvar,
    most: AtomicUsize,
    begun: AtomicUsize,
}

impl Store for Busy<'_> {
    fn holds(&self, path: &str, bytes: &[u8]) -> io::Result<bool> {
        self.disk.holds(path, bytes)
    }

    fn write(&self, path: &str, bytes: &[u8], modified: Micros) -> io::Result<()> {
        let number = self.seen.begun.fetch_add(1, Ordering::SeqCst);
        let mut under_way = self.seen.under_way.lock().unwrap();
        *under_way += 1;
        self.seen.most.fetch_max(*under_way, Ordering::SeqCst);
        self.seen.met.notify_all();
        // The first file waits for a second one.
        let is_alone = |_: &mut usize| self.seen.most.load(Ordering::SeqCst) < 2;
        let mut under_way = self.seen.met.wait_timeout_while(under_way, HANGS, is_alone).unwrap().0;
        *under_way -= 1;
        drop(under_way);
        match self.refused {
            Some(refused) if number >= refused => Err(io::Error::other("full")),
            _ => self.disk.write(path, bytes, modified),
        }
    }

    fn writes_at_once(&self) -> usize {
        AT_ONCE
    }
}

fn busy<'a>(root: &Path, seen: &'a Seen, refused: Option<usize>) -> Folder<'a> {
    Folder::on(Busy { disk: Disk(root.to_owned()), seen, refused })
}

#[test]
fn files_side_by_side_equal_files_one_after_the_other() {
    let network = Network::generate(&small()).unwrap();
    let end = network.config.end.0;
    let [plain, side] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut expected = write_history(&network, &below(plain.path())).unwrap();
    expected += write_hour(&network, &below(plain.path()), end).unwrap();
    let seen = Seen::default();
    let folder = busy(side.path(), &seen, None);
    let mut written = write_history(&network, &folder).unwrap();
    written += write_hour(&network, &folder, end).unwrap();
    assert_eq!(written, expected);
    assert_eq!(digests(side.path()), digests(plain.path()));
    let most = seen.most.load(Ordering::SeqCst);
    // The thread that computes writes large files itself.
    assert!((2..=AT_ONCE + 1).contains(&most), "{most} at once");

    let again = write_history(&network, &folder).unwrap();
    assert_eq!(again.unchanged, again.files, "a rerun touches nothing");
}

#[test]
fn a_refused_file_is_named_and_ends_it() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    let refused = 40;
    let failed = write_history(&network, &busy(root.path(), &seen, Some(refused))).unwrap_err();
    let WriteError::Io { path, source } = failed else { panic!("{failed}") };
    assert!(!root.path().join(&path).exists(), "{path}");
    assert_eq!(source.to_string(), "full");
    let begun = seen.begun.load(Ordering::SeqCst);
    assert!(begun <= refused + AT_ONCE + 1, "{begun} begun");
    assert_eq!(digests(root.path()).len(), refused);
}

#[test]
fn a_stop_ends_it_between_two_files() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    let asked = AtomicUsize::new(0);
    let folder =
        busy(root.path(), &seen, None).stopping_when(|| asked.fetch_add(1, Ordering::SeqCst) >= 40);
    let stopped = write_history(&network, &folder).unwrap_err();
    assert!(matches!(stopped, WriteError::Stopped), "{stopped}");
    assert_eq!(digests(root.path()).len(), 40);
}
