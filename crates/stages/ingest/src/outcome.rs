//! What became of a file: the notes from which the commit writes ledger, quarantine and stale.

use foresite_tables::Micros;
use serde::{Deserialize, Serialize};

/// State of a file in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Its rows are in the tables.
    Taken,
    /// Its bytes were taken under another path.
    Duplicate,
    /// It cannot be read.
    Quarantined,
    /// The next plan looks at it again.
    Waiting,
}

impl State {
    /// The word of the ledger.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Duplicate => "duplicate",
            Self::Quarantined => "quarantined",
            Self::Waiting => "waiting",
        }
    }
}

/// A file after it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) path: String,
    pub(crate) file_id: String,
    pub(crate) size: u64,
    pub(crate) landed_at: Micros,
    pub(crate) known_at: Micros,
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    /// The mapping asks for something that the file does not have.
    pub(crate) is_misfit: bool,
    /// Managed elements in it.
    pub(crate) elements: Vec<String>,
    /// From its first to the end of its last period.
    pub(crate) period: Option<(Micros, Micros)>,
    pub(crate) rows_read: u64,
    pub(crate) rows_written: u64,
    pub(crate) rejected: Vec<Rejected>,
    /// Rows whose person stays unnamed, because their epoch was erased.
    pub(crate) names_erased: u64,
    /// Bucket and start of every hour that its counters fall into.
    pub(crate) hours: Vec<(i32, Micros)>,
}

/// Rows that were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    pub(crate) place: String,
    pub(crate) reason: String,
    pub(crate) sample: String,
    pub(crate) rows: u64,
}

impl Outcome {
    /// Rows that were set aside.
    pub(crate) fn rows_quarantined(&self) -> u64 {
        self.rejected.iter().map(|entry| entry.rows).sum()
    }

    /// Whether every row that was read is written or set aside.
    pub(crate) fn is_conserved(&self) -> bool {
        self.rows_read == self.rows_written + self.rows_quarantined()
    }

    /// Sets a row aside that was to be written. A mapping may make several of one, which is set aside once.
    pub(crate) fn set_aside(&mut self, place: String, reason: String, sample: String) {
        let rows = self.rows_written.min(1);
        self.rows_written -= rows;
        self.rejected.push(Rejected { place, reason, sample, rows });
    }

    /// Turns the file into one that a run of this clock leaves to the next.
    pub(crate) fn wait(self, as_of: Micros, reason: String) -> Self {
        Self { state: State::Waiting, reason: Some(reason), known_at: as_of, ..self }
    }

    /// Turns the file into a quarantined one.
    pub(crate) fn quarantine(mut self, reason: String, place: String) -> Self {
        self.state = State::Quarantined;
        self.reason = Some(reason.clone());
        self.rejected = vec![Rejected { place, reason, sample: String::new(), rows: 0 }];
        self
    }
}

/// What a shard hands to the commit besides its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notes {
    pub(crate) outcomes: Vec<Outcome>,
    /// Rows of `pm_counters` that were staged.
    pub(crate) counter_rows: u64,
    /// Rows of `pm_histograms` that were staged.
    pub(crate) histogram_rows: u64,
}
