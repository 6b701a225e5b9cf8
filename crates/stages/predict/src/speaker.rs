//! Which model speaks, on what occasion, and where its words belong.

use foresite_features::task::Task;
use foresite_registry::Alias;
use foresite_scoring::statement::{REPLAY, SHADOW, SOURCE};
use foresite_stage::{ErrorKind, Interval, Published, Result, StageError};
use foresite_tables::{Slot, Value};

use crate::{MODEL, ROLE};

/// The column of the model.
const MODEL_ID: &str = "model_id";

/// On what occasion a model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// About an hour as it comes.
    Hour,
    /// Once more, to be compared with what it said.
    Rebuild,
    /// Asked about the past, beside whoever served.
    Replay,
}

/// Who speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) task: &'a str,
    pub(crate) alias: Alias,
    pub(crate) model_id: &'a str,
    pub(crate) occasion: Occasion,
}

impl<'a> Speaker<'a> {
    /// A model that speaks under its alias.
    pub(crate) fn new(task: &'a str, alias: Alias, model_id: &'a str) -> Self {
        Self { task, alias, model_id, occasion: Occasion::Hour }
    }

    /// The model of a published computation, under the alias that it spoke under.
    pub(crate) fn again(task: &'a str, published: &'a Published) -> Result<Self> {
        let unfit = |error: String| StageError::new(ErrorKind::BadData, error);
        let input = |kind: &str| {
            let found = published.input(kind);
            found.ok_or_else(|| unfit(format!("its lineage document names no {kind}")))
        };
        let alias: Alias = input(ROLE)?.parse().map_err(unfit)?;
        Ok(Self { occasion: Occasion::Rebuild, ..Self::new(task, alias, input(MODEL)?) })
    }

    /// A model that is asked about the past.
    pub(crate) fn asked(task: &'a str, model_id: &'a str) -> Self {
        let alias = Alias::Challenger;
        Self { occasion: Occasion::Replay, ..Self::new(task, alias, model_id) }
    }

    /// Whether nobody is shown what it says.
    pub(crate) fn is_replay(&self) -> bool {
        self.occasion == Occasion::Replay
    }

    /// As whom it speaks, in the identity of what it says: the same model may speak about the same
    /// hour first as the challenger and then as the champion.
    pub(crate) fn role(&self) -> &'static str {
        if self.is_replay() { REPLAY } else { self.alias.word() }
    }

    /// Whose slots its rows belong to.
    pub(crate) fn source(&self) -> &'static str {
        match (self.occasion, self.alias) {
            (Occasion::Replay, _) => REPLAY,
            (_, Alias::Challenger) => SHADOW,
            _ => SOURCE,
        }
    }

    /// The number of the result that counts what it said once more about the past.
    pub(crate) fn replays(&self) -> &'static str {
        match self.alias {
            Alias::Challenger => "challenger_replays",
            _ => "replays",
        }
    }

    /// The slot of cutoffs in (start, end] shifted by the lateness: it holds exactly those.
    pub(crate) fn slot(&self, task: &Task, interval: Interval) -> Slot {
        let after = task.cutoffs.offset.micros() + 1;
        let mut slot =
            Slot::derived(self.source(), 0, interval.start + after, interval.end + after);
        if self.is_replay() {
            // Any number of models may be asked about one hour.
            slot.equals.insert(MODEL_ID.into(), Value::Text(self.model_id.to_owned()));
        }
        slot
    }
}
