//! What was read for a cutoff, kept for a while, so that many requests share one read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foresite_features::task::Micros;
use foresite_scoring::Sources;

use crate::refusal::{Kind, Refusal};

/// For so long a failure of storage answers for the requests behind it.
const FAILURE: Duration = Duration::from_secs(2);

/// Which read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) model_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) as_of: Option<Micros>,
}

type Slot = Arc<Mutex<Option<(Instant, Arc<Sources>)>>>;

/// The reads of the last cutoffs, the newest last.
#[derive(Debug)]
pub(crate) struct Sheets {
    kept: usize,
    reuse: Duration,
    slots: Mutex<Vec<(Key, Slot)>>,
    failure: Mutex<Option<(Instant, Refusal)>>,
}

impl Sheets {
    pub(crate) fn new(kept: usize, reuse: Duration) -> Self {
        Self { kept, reuse, slots: Mutex::default(), failure: Mutex::default() }
    }

    /// What is known of a cutoff; read by one caller while the others wait for it.
    pub(crate) fn get(
        &self,
        key: Key,
        read: impl FnOnce() -> Result<Sources, Refusal>,
    ) -> Result<Arc<Sources>, Refusal> {
        let slot = self.slot(key);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sources)) = held.as_ref().filter(|(at, _)| at.elapsed() < self.reuse) {
            return Ok(Arc::clone(sources));
        }
        // Sheets of the past are let go before new ones are read.
        *held = None;
        if let Some(refusal) = self.recent_failure() {
            return Err(refusal);
        }
        match read() {
            Ok(sources) => {
                let sources = Arc::new(sources);
                *held = Some((Instant::now(), Arc::clone(&sources)));
                Ok(sources)
            }
            Err(refusal) => {
                self.note(&refusal);
                Err(refusal)
            }
        }
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let found = slots.iter().position(|(have, _)| *have == key);
        let entry = match found {
            Some(at) => slots.remove(at),
            None => (key, Slot::default()),
        };
        let slot = Arc::clone(&entry.1);
        slots.push(entry);
        if slots.len() > self.kept {
            slots.remove(0);
        }
        slot
    }

    /// Why a read failed a moment ago.
    pub(crate) fn recent_failure(&self) -> Option<Refusal> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, refusal) = failure.as_ref().filter(|(at, _)| at.elapsed() < FAILURE)?;
        Some(refusal.clone())
    }

    /// Remembers a failure of storage.
    pub(crate) fn note(&self, refusal: &Refusal) {
        if refusal.kind == Kind::Unavailable {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some((Instant::now(), refusal.clone()));
        }
    }
}
