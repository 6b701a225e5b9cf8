//! SIGTERM and SIGINT: stop at the next batch, gone within ten seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::{ErrorKind, Exit, Result, StageError};

/// After this long a stage that has not stopped by itself is ended.
const GRACE: Duration = Duration::from_secs(9);

/// Knows whether the stage was told to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Starts to listen for signals.
    pub(crate) fn install() -> Result<Self> {
        let flag = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let raised = flag.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || runtime.block_on(raised.listen()))?;
        Ok(flag)
    }

    async fn listen(self) {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            tracing::warn!("cannot listen for signals: the stage will not stop cleanly");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        self.0.store(true, Ordering::Relaxed);
        tracing::warn!("stopping at the next batch");
        tokio::select! {
            () = tokio::time::sleep(GRACE) => {
                tracing::error!(seconds = GRACE.as_secs(), "did not stop in time");
            }
            // Somebody at a terminal who asks twice does not want to wait.
            _ = interrupt.recv() => tracing::warn!("stopped at once"),
        }
        // Other threads are at work: no destructor may run under them.
        signal_hook::low_level::exit(i32::from(Exit::Stopped.code()));
    }

    /// Fails once the stage was told to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(StageError::new(ErrorKind::Stopped, "stopped by a signal before the end")
                .hint("rerun with the same arguments; nothing half-written is visible"));
        }
        Ok(())
    }
}
