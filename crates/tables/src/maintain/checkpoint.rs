//! Checkpoints: what readers start from instead of replaying every commit.

use delta_kernel::snapshot::SnapshotRef;

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
        let newest = self.load(None)?;
        let mut torn = self.torn_checkpoints(newest.version())?;
        torn.retain(|version| *version < newest.version());
        for version in torn {
            let passed = self.load(Some(version))?;
            self.write_checkpoint(&passed.kernel, &passed.engine)?;
        }
        Ok(self.write_checkpoint(&newest.kernel, &newest.engine)?.version())
    }

    /// Writes a checkpoint when the newest commit is the tenth since the last one. Every later
    /// commit tries again until one succeeds, so a committer that dies here costs readers one more
    /// commit to replay, not ten.
    pub(crate) fn checkpoint_if_due(&self) {
        let is_due = |snapshot: &Snapshot| snapshot.uncheckpointed() >= CHECKPOINT_EVERY;
        let Some(newest) = self.remembered().filter(|newest| is_due(newest)) else { return };
        let version = newest.version();
        let written = self.write_due(&newest);
        drop(newest);
        match written {
            Ok(kernel) => self.rebase(kernel),
            Err(error) => {
                // The commit stands; the next one tries again.
                let table = self.def().name.as_str();
                tracing::warn!(table, version, %error, "cannot write checkpoint");
            }
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
