//! Files of log-ins, `logins/<day>/<hour>-<process>.jsonl`: each is written by one process, anew as
//! its hour goes on, and never after it. Behind the process stands `.1` after its clock was set back
//! far, `.2` after the second time.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use foresite_tables::Root;
use jiff::Timestamp;
use rustix::fs::Mode;
use rustix::process::umask;

use super::{HourId, Logins};

/// How often the book is looked at: somebody new is on record that much later.
const LOOK: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the last file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Digits that tell the files of two processes apart.
const DIGITS: usize = 12;
/// Of the mode of a folder.
const GROUP_WRITES: u32 = 0o020;

/// The thread that writes; storage may keep it waiting, and nobody else.
#[derive(Debug)]
pub(crate) struct Recorder {
    stop: Sender<()>,
    ended: Receiver<()>,
    written_at: Arc<AtomicI64>,
}

impl Recorder {
    /// Starts it.
    ///
    /// # Errors
    /// Those of the system, where it has no thread to give.
    pub(crate) fn start(logins: Arc<Logins>, root: Root) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel::<()>();
        let mut process = uuid::Uuid::new_v4().simple().to_string();
        process.truncate(DIGITS);
        // Nothing waits yet.
        let written_at = Arc::new(AtomicI64::new(now()));
        let noted = Arc::clone(&written_at);
        let writer = Writer { logins, root, process, is_failing: false, written_at: noted };
        std::thread::Builder::new().name("logins".into()).spawn(move || {
            writer.run(&stopped);
            drop(end);
        })?;
        Ok(Self { stop, ended, written_at })
    }

    /// When no log-in that was due waited for storage last, in microseconds since 1970; it stands
    /// still while storage takes nothing, or hangs.
    pub(crate) fn written_at(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.written_at)
    }

    /// Writes what is not written yet, if storage takes it in time.
    pub(crate) fn end(self) {
        drop(self.stop);
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the last log-ins are lost: storage did not take them in time");
        }
    }
}

struct Writer {
    logins: Arc<Logins>,
    root: Root,
    process: String,
    is_failing: bool,
    written_at: Arc<AtomicI64>,
}

impl Writer {
    fn run(mut self, stop: &Receiver<()>) {
        share_with_group(&self.root);
        while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            self.write(false);
        }
        self.write(true);
    }

    /// Writes what is due; what storage does not take is due again.
    fn write(&mut self, all: bool) {
        for page in self.logins.due(Timestamp::now().as_second(), all) {
            let path = path(page.hour, &self.process);
            // Below a root that is gone, a mount perhaps, nothing is begun.
            let written = self.root.require().and_then(|()| self.root.write(&path, page.text()));
            match written {
                Ok(()) => {
                    self.logins.written(page.hour, page.size);
                    self.is_failing = false;
                }
                Err(error) => {
                    if !self.is_failing {
                        let hint = error.advice().unwrap_or_default();
                        let error = error.to_string().replace(['\n', '\r'], " ");
                        tracing::warn!(error, hint, "log-ins wait: they cannot be written");
                    }
                    self.is_failing = true;
                    return;
                }
            }
        }
        self.written_at.store(now(), Relaxed);
    }
}

/// Who deletes old files is often another user than who writes them. On a local disk, where the
/// group of `logins` may write to it, it may also in what is made below, and in all else that this
/// process makes: a folder would lose the bit that hands its group down by a change of mode.
/// Elsewhere the umask of the process holds, and on HDFS the access list of the folder.
fn share_with_group(root: &Root) {
    let folder = root.url().join("logins").ok().filter(|folder| folder.scheme() == "file");
    let Some(Ok(folder)) = folder.map(|folder| folder.to_file_path()) else { return };
    let may_write = |found: std::fs::Metadata| found.permissions().mode() & GROUP_WRITES != 0;
    if std::fs::metadata(folder).is_ok_and(may_write) {
        let before = umask(Mode::RWXO);
        umask(before.difference(Mode::RWXG));
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn path(hour: HourId, process: &str) -> String {
    let begins = Timestamp::from_second(hour.start).unwrap_or(Timestamp::UNIX_EPOCH);
    let round = if hour.round > 0 { format!(".{}", hour.round) } else { String::new() };
    format!("logins/{}-{process}{round}.jsonl", begins.strftime("%Y-%m-%d/%H"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_a_process_has_a_file_of_its_own() {
        let hour = HourId { round: 0, start: 1_773_064_800 };
        assert_eq!(path(hour, "0a1b"), "logins/2026-03-09/14-0a1b.jsonl");
        let again = HourId { round: 1, ..hour };
        assert_eq!(path(again, "0a1b"), "logins/2026-03-09/14-0a1b.1.jsonl", "it came twice");
    }

    #[test]
    fn what_storage_does_not_take_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("data");
        let root = Root::open(place.to_str().unwrap()).unwrap();
        let logins = Arc::new(Logins::new(true));
        logins.count(Some("Kim".into()), None, [127, 0, 0, 1].into());
        let written_at = Arc::new(AtomicI64::new(7));
        let mut writer = Writer {
            logins,
            root: root.clone(),
            process: "0a1b".to_owned(),
            is_failing: false,
            written_at: Arc::clone(&written_at),
        };
        writer.write(false);
        assert!(writer.is_failing && !place.exists(), "nothing is begun below a root that is gone");
        assert_eq!(written_at.load(Relaxed), 7, "somebody waits");
        std::fs::create_dir(&place).unwrap();
        writer.write(false);
        let files = root.list("logins").unwrap();
        let text = String::from_utf8(root.read(&files[0].path).unwrap().to_vec()).unwrap();
        assert!(!writer.is_failing && text.contains(r#""caller":"Kim","refused":null,"count":1"#));
        assert_eq!(files.len(), 1, "{text}");
        assert!(written_at.load(Relaxed) > 7, "nobody waits any more");
    }
}
