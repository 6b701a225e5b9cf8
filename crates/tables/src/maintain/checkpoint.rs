//! Checkpoints: what readers start from instead of replaying every commit.

use std::fmt::Display;
use std::sync::PoisonError;
use std::thread::JoinHandle;

use delta_kernel::snapshot::SnapshotRef;

use crate::newest::Known;
use crate::root::Engine;
use crate::snapshot::Snapshot;
use crate::table::CHECKPOINT_EVERY;
use crate::{Context as _, Error, Result, Table};

impl Table {
    /// Writes a checkpoint of the newest version, and those before it anew that cannot be read;
    /// returns that version.
    ///
    /// # Errors
    /// Storage errors.
    pub fn checkpoint(&self) -> Result<u64> {
        self.wait_for_checkpoint();
        let newest = self.load(None)?;
        let mut torn = self.torn_checkpoints(newest.version())?;
        torn.retain(|version| *version < newest.version());
        for version in torn {
            let passed = self.load(Some(version))?;
            self.write_checkpoint(&passed.kernel, &passed.engine)?;
        }
        Ok(self.write_checkpoint(&newest.kernel, &newest.engine)?.version())
    }

    /// Starts a checkpoint when the newest commit is the tenth since the last one.
    ///
    /// It is written beside the commits that follow, since it costs more than they do, by at most
    /// one thread a handle: the next one that is due waits for it, and so does the end of the last
    /// clone. Every later commit tries again until one succeeds, so a committer that dies here costs
    /// readers a few more commits to replay.
    pub(crate) fn checkpoint_if_due(&self) {
        let mut writing = self.known.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.as_ref().is_some_and(|last| last.thread.is_finished()) {
            self.settle(writing.take());
        }
        let is_due = |snapshot: &Snapshot| snapshot.uncheckpointed() >= CHECKPOINT_EVERY;
        let Some(newest) = self.remembered().filter(|newest| is_due(newest)) else { return };
        let version = newest.version();
        if writing.as_ref().is_some_and(|last| version < last.version + CHECKPOINT_EVERY) {
            return;
        }
        self.settle(writing.take());
        self.start(&mut writing, newest.bare());
    }

    /// Waits for the checkpoint that this handle is writing, if it is.
    pub(crate) fn wait_for_checkpoint(&self) {
        let mut writing = self.known.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle(writing.take());
    }

    fn start(&self, writing: &mut Option<Writing>, newest: Snapshot) {
        let (table, version) = (self.apart(), newest.version());
        let thread = std::thread::Builder::new().name("checkpoint".into());
        let thread = thread.spawn(move || table.write_due(&newest));
        match thread {
            Ok(thread) => {
                *writing = Some(Writing { table: self.def().name.clone(), version, thread });
            }
            Err(error) => warn(&self.def().name, version, &error),
        }
    }

    /// Waits for a checkpoint and goes on from it.
    fn settle(&self, writing: Option<Writing>) {
        if let Some(kernel) = writing.and_then(Writing::finish) {
            self.rebase(kernel);
        }
    }

    /// Writes a checkpoint unless another writer was first.
    fn write_due(&self, newest: &Snapshot) -> Result<SnapshotRef> {
        let seen = newest.kernel_here()?;
        let checkpoint = seen.log_segment().checkpoint_version.unwrap_or_default();
        if newest.version() - checkpoint < CHECKPOINT_EVERY {
            return Ok(seen);
        }
        self.write_checkpoint(&seen, &newest.engine).or_else(|error| {
            let passed = self.fall_back(Some(newest.version()), error)?;
            self.write_checkpoint(&passed.kernel, &passed.engine)
        })
    }

    fn write_checkpoint(&self, kernel: &SnapshotRef, engine: &Engine) -> Result<SnapshotRef> {
        let written = kernel.checkpoint(engine, None).map_err(Error::from);
        Ok(written.context(|| format!("checkpoint table `{}`", self.def().name))?.1)
    }
}

/// A checkpoint that is being written.
pub(crate) struct Writing {
    table: String,
    version: u64,
    thread: JoinHandle<Result<SnapshotRef>>,
}

impl Writing {
    /// Waits for it. The commit stands where it failed; a later one tries again.
    fn finish(self) -> Option<SnapshotRef> {
        match self.thread.join() {
            Ok(Ok(kernel)) => return Some(kernel),
            Ok(Err(error)) => warn(&self.table, self.version, &error),
            Err(_) => warn(&self.table, self.version, &"its thread panicked"),
        }
        None
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        let writing = self.writing.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        drop(writing.and_then(Writing::finish));
    }
}

fn warn(table: &str, version: u64, error: &dyn Display) {
    tracing::warn!(table, version, %error, "cannot write checkpoint");
}
