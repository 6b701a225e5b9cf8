//! Work on files with an end to the waiting: a mount that does not answer would hold up whoever waits
//! for it without a word.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use foresite_stage::{ErrorKind, Result, StageError};

/// How long a file may take, to be read or looked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What `work` makes of `what` on a thread of its own; one that hangs is left behind.
///
/// # Errors
/// `Transient` where nothing comes in time, otherwise those of `work`.
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    patience: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (tell, told) = channel();
    // Nobody listens any more where it comes too late.
    std::thread::Builder::new().name("files".into()).spawn(move || drop(tell.send(work())))?;
    told.recv_timeout(patience).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                let seconds = patience.as_secs();
                let text = format!("{what}: storage did not answer within {seconds} s");
                StageError::new(ErrorKind::Transient, text).hint("look at the mount it lies on")
            }
            RecvTimeoutError::Disconnected => {
                let text = format!("{what}: the work on it broke off; the line before says why");
                StageError::new(ErrorKind::Internal, text)
            }
        })
    })
}
