//! The rename that publishes, and what became of it when its answer was lost.
//!
//! `rename2` without overwriting is the one primitive that commits rest on: of any number of
//! writers one wins. When the answer to it is lost, the files tell what happened: the source has a
//! name that only this writer knows, so where the source is gone, the rename was done.

use bytes::Bytes;

use super::client::{Connection, Patience, Step};
use super::failure::{Effect, Failure, Result};
use super::read::Opened;
use crate::ErrorKind;
use std::sync::Arc;

/// How a rename ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// What was moved stands at the target, or stood there until somebody replaced it.
    Ours,
    /// Something else stood there before; what was to be moved still lies where it lay.
    Theirs,
}

/// A rename to be done.
pub(super) struct Rename<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) replace: bool,
    /// What the file holds, where the target's bytes can be compared: a commit has an id of its
    /// own, so that equal bytes are the same commit.
    pub(super) content: Option<Bytes>,
}

impl Rename<'_> {
    /// Moves, and finds out what happened where the answer does not say it.
    pub(super) async fn run(&self, connection: &Arc<Connection>) -> Result<Published> {
        let step = Step { operation: "publish", path: self.to };
        let mut patience = Patience::new();
        let mut is_doubtful = false;
        loop {
            let moved = connection
                .attempt(&step, |client| async move {
                    client.rename(self.from, self.to, self.replace).await
                })
                .await;
            let failure = match moved {
                Ok(()) => return Ok(Published::Ours),
                Err(failure) if failure.is_taken() && !is_doubtful => return Ok(Published::Theirs),
                Err(failure) => failure,
            };
            is_doubtful |= failure.effect == Effect::Unknown;
            // After an answer was lost, that the source is gone or the target taken may be our work.
            let may_be_own = is_doubtful && (failure.is_missing() || failure.is_taken());
            if failure.effect == Effect::Refused && !may_be_own {
                return Err(failure);
            }
            if is_doubtful && let Some(outcome) = self.outcome(connection, &failure).await? {
                return Ok(outcome);
            }
            patience.wait_or(failure).await?;
        }
    }

    /// What the files say; `None` when nothing has happened yet and the rename may be repeated. It
    /// may then happen twice, but only once with effect: a source moves away only once.
    async fn outcome(
        &self,
        connection: &Arc<Connection>,
        failure: &Failure,
    ) -> Result<Option<Published>> {
        let source = connection.status(self.from).await?;
        let target = connection.status(self.to).await?;
        tracing::warn!(
            path = self.to,
            %failure,
            source_is_there = source.is_some(),
            target_is_there = target.is_some(),
            "the answer to a rename was lost"
        );
        match (source.is_some(), target.is_some()) {
            (true, true) if !self.replace => Ok(Some(Published::Theirs)),
            (true, _) => Ok(None),
            (false, true) if self.replace => Ok(Some(Published::Ours)),
            (false, true) => self.whose(connection).await.map(Some),
            (false, false) => {
                let message = format!("neither it nor {} is there any more ({failure})", self.from);
                Err(Failure::new(ErrorKind::Transient, Effect::Refused, message).during(
                    connection.service(),
                    "publish",
                    self.to,
                ))
            }
        }
    }

    /// Whether the target is what was moved. The source is gone, so it is, unless somebody deleted
    /// the source; bytes that can be compared decide that too.
    async fn whose(&self, connection: &Arc<Connection>) -> Result<Published> {
        let Some(ours) = &self.content else {
            return Ok(Published::Ours);
        };
        let target = Opened::open(Arc::clone(connection), self.to.to_owned()).await?;
        let length = target.status().length as u64;
        let is_ours = length == ours.len() as u64 && target.range(0..length).await? == ours;
        Ok(if is_ours { Published::Ours } else { Published::Theirs })
    }
}
