//! Files that a start needs, each with an end to the waiting: a mount that does not answer would hold
//! up the process without a word.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use foresite_stage::{ErrorKind, Result, StageError};

/// How long a start waits for one of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `read` makes of `what`; a thread that hangs in it is left behind.
///
/// # Errors
/// `Transient` where nothing comes in time, otherwise those of `read`.
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    read: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (tell, told) = channel();
    // Nobody listens any more where it comes too late.
    std::thread::Builder::new().name("start".into()).spawn(move || drop(tell.send(read())))?;
    told.recv_timeout(PATIENCE).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                let seconds = PATIENCE.as_secs();
                let text = format!("{what}: storage did not answer within {seconds} s");
                StageError::new(ErrorKind::Transient, text).hint("look at the mount it lies on")
            }
            RecvTimeoutError::Disconnected => {
                let text = format!("{what}: reading it broke off; the line before says why");
                StageError::new(ErrorKind::Internal, text)
            }
        })
    })
}
