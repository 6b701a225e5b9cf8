//! One answer, kept for a while, and read by one thread at a time.
//!
//! Storage calls block, and one that hangs cannot be called back. So whoever asks meanwhile waits for
//! the reader that is under way instead of starting another, each as long as its own time-out allows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::watch;

/// The body of an answer, or one line about what went wrong.
pub(crate) type Answer = Result<Bytes, Arc<str>>;

type Reader = dyn Fn() -> Answer + Send + Sync;

/// Makes an answer at most once at a time, and again when it is older than its age.
#[derive(Clone)]
pub(crate) struct Cached {
    read: Arc<Reader>,
    state: Arc<Mutex<State>>,
    age: Duration,
    patience: Duration,
}

#[derive(Default)]
struct State {
    kept: Option<(Instant, Bytes)>,
    under_way: Option<watch::Receiver<Option<Answer>>>,
}

impl Cached {
    /// An answer that `read` makes, kept for `age`; who asks waits for `patience`.
    pub(crate) fn new(
        read: impl Fn() -> Answer + Send + Sync + 'static,
        age: Duration,
        patience: Duration,
    ) -> Self {
        Self { read: Arc::new(read), state: Arc::default(), age, patience }
    }

    /// The answer.
    pub(crate) async fn get(&self) -> Answer {
        let mut under_way = match self.kept_or_begun() {
            Ok(kept) => return Ok(kept),
            Err(under_way) => under_way,
        };
        match tokio::time::timeout(self.patience, under_way.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => answer.clone().unwrap_or_else(|| Err(stopped())),
            Ok(Err(_)) => Err(stopped()),
            Err(_) => {
                let seconds = self.patience.as_secs_f32();
                Err(format!("storage did not answer within {seconds} s").into())
            }
        }
    }

    /// What was read last, however old.
    pub(crate) fn last(&self) -> Option<Bytes> {
        self.state().kept.as_ref().map(|(_, kept)| kept.clone())
    }

    fn kept_or_begun(&self) -> Result<Bytes, watch::Receiver<Option<Answer>>> {
        let mut state = self.state();
        if let Some((at, kept)) = &state.kept
            && at.elapsed() < self.age
        {
            return Ok(kept.clone());
        }
        if let Some(under_way) = &state.under_way {
            return Err(under_way.clone());
        }
        let (tell, under_way) = watch::channel(None);
        state.under_way = Some(under_way.clone());
        let own = self.clone();
        tokio::task::spawn_blocking(move || {
            let answer = own.read_once();
            // Nothing is under way any more: who asks after this answer begins anew.
            tell.send_replace(Some(answer));
        });
        Err(under_way)
    }

    fn read_once(&self) -> Answer {
        // Also when the reader panics.
        let _end = End(self);
        let answer = (self.read)();
        if let Ok(body) = &answer {
            self.state().kept = Some((Instant::now(), body.clone()));
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what is under way.
struct End<'a>(&'a Cached);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.state().under_way = None;
    }
}

fn stopped() -> Arc<str> {
    "reading stopped unexpectedly: see the log".into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn body(text: &'static str) -> Answer {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn who_asks_at_once_gets_one_answer_and_it_is_kept() {
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let read = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = wait.lock().unwrap().recv();
            body("one")
        };
        let cached = Cached::new(read, LONG, LONG);
        let (first, second) = (cached.clone(), cached.clone());
        let first = tokio::spawn(async move { first.get().await });
        let second = tokio::spawn(async move { second.get().await });
        go.send(()).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (body("one"), body("one")));
        assert_eq!(cached.get().await, body("one"));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_a_panic_is_one() {
        let reads = AtomicU32::new(0);
        let read = move || match reads.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no".into()),
            1 => panic!("a defect"),
            _ => body("yes"),
        };
        let cached = Cached::new(read, LONG, LONG);
        assert_eq!(cached.get().await, Err("no".into()));
        assert_eq!(cached.get().await, Err(stopped()));
        assert_eq!(cached.last(), None);
        assert_eq!(cached.get().await, body("yes"));
        assert_eq!(cached.last().map(Ok), Some(body("yes")));
    }

    #[tokio::test]
    async fn what_was_read_last_outlives_its_age_and_a_failure() {
        let reads = AtomicU32::new(0);
        let read = move || match reads.fetch_add(1, Ordering::SeqCst) {
            0 => body("old"),
            _ => Err("no".into()),
        };
        let cached = Cached::new(read, Duration::ZERO, LONG);
        assert_eq!(cached.get().await, body("old"));
        assert_eq!(cached.get().await, Err("no".into()));
        assert_eq!(cached.last().map(Ok), Some(body("old")));
    }

    #[tokio::test]
    async fn a_reader_that_hangs_holds_one_thread_and_answers_later() {
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let read = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = wait.lock().unwrap().recv();
            body("late")
        };
        let hanging = Cached::new(read, LONG, Duration::from_millis(10));
        let timed_out: Answer = Err("storage did not answer within 0.01 s".into());
        assert_eq!(hanging.get().await, timed_out);
        assert_eq!(hanging.get().await, timed_out);
        go.send(()).unwrap();
        let patient = Cached { patience: LONG, ..hanging };
        assert_eq!(patient.get().await, body("late"));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }
}
