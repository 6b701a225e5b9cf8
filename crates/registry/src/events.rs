//! Decisions about models, and the aliases that follow from them.
//!
//! Events are only appended; what an alias means at a time is a fold over the events up to it. So a
//! rollback is one event, and "what was champion on that day" has an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_schema::catalog::outcome;
use foresite_tables::Micros;

use crate::{RegistryError, Result};

/// A name that points to at most one model of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alias {
    /// Its predictions are the ones that people see.
    Champion,
    /// Scored beside the champion.
    Challenger,
    /// Stands in where no champion exists; every item says so.
    Provisional,
}

impl Alias {
    /// The word stored in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
            Self::Provisional => "provisional",
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Alias {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Champion, Self::Challenger, Self::Provisional]
            .into_iter()
            .find(|alias| alias.word() == word)
            .ok_or_else(|| format!("`{word}`: expected champion, challenger or provisional"))
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The model exists.
    Registered,
    /// The alias points to the model from now on.
    Promoted,
    /// The alias points to a model again that it had pointed to.
    RolledBack,
    /// The model may serve under no alias.
    Revoked,
}

impl EventKind {
    const ALL: [Self; 4] = [Self::Registered, Self::Promoted, Self::RolledBack, Self::Revoked];

    /// The word stored in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Revoked => "revoked",
        }
    }
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Task of the model.
    pub task: String,
    /// Number within the task, from 1.
    pub seq: i64,
    /// What was decided.
    pub kind: EventKind,
    /// The model.
    pub model_id: String,
    /// The alias concerned.
    pub alias: Option<Alias>,
    /// Why.
    pub reason: Option<String>,
    /// Who decided; `None` for the pipeline.
    pub person: Option<String>,
    /// When.
    pub at: Micros,
}

impl Event {
    /// Reads rows of `registry_events`, in the order of their numbers.
    ///
    /// # Errors
    /// [`RegistryError::Events`] for a missing column or an unknown word.
    pub fn read(batch: &RecordBatch) -> Result<Vec<Self>> {
        let wrong = |what: String| RegistryError::Events(what);
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| wrong(format!("no column `{name}`")))
        };
        let text = |name: &str| -> Result<&StringArray> {
            column(name)?.as_string_opt().ok_or_else(|| wrong(format!("`{name}` is no text")))
        };
        let (tasks, events, models) = (text("task")?, text("event")?, text("model_id")?);
        let (aliases, reasons, people) = (text("alias")?, text("reason")?, text("person")?);
        let numbers = column("seq")?.as_primitive::<Int64Type>();
        let times = column("at")?.as_primitive::<TimestampMicrosecondType>();
        let owned =
            |array: &StringArray, row| array.is_valid(row).then(|| array.value(row).to_owned());
        let mut read: Vec<Self> = (0..batch.num_rows())
            .map(|row| {
                let word = events.value(row);
                let kind = EventKind::ALL.into_iter().find(|kind| kind.word() == word);
                let alias = owned(aliases, row).map(|word| word.parse()).transpose();
                Ok(Self {
                    task: tasks.value(row).to_owned(),
                    seq: numbers.value(row),
                    kind: kind.ok_or_else(|| wrong(format!("unknown event `{word}`")))?,
                    model_id: models.value(row).to_owned(),
                    alias: alias.map_err(wrong)?,
                    reason: owned(reasons, row),
                    person: owned(people, row),
                    at: times.value(row),
                })
            })
            .collect::<Result<_>>()?;
        read.sort_by_key(|event| event.seq);
        Ok(read)
    }

    /// One row of `registry_events`.
    ///
    /// # Errors
    /// [`RegistryError::Events`] should Arrow refuse it.
    pub fn row(&self, ingested_at: Micros, lineage_id: &str) -> Result<RecordBatch> {
        let text = |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
        let time = |at: Micros| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from_value(at, 1).with_timezone("UTC"))
        };
        let columns = vec![
            text(Some(&self.task)),
            Arc::new(Int64Array::from(vec![self.seq])),
            text(Some(self.kind.word())),
            text(Some(&self.model_id)),
            text(self.alias.map(Alias::word)),
            text(self.reason.as_deref()),
            text(self.person.as_deref()),
            time(self.at),
            time(self.at),
            time(ingested_at),
            text(Some(lineage_id)),
        ];
        RecordBatch::try_new(outcome::registry_events().schema(), columns)
            .map_err(|error| RegistryError::Events(error.to_string()))
    }
}

/// Where the aliases of a task point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aliases {
    models: BTreeMap<Alias, String>,
    revoked: BTreeSet<String>,
}

impl Aliases {
    /// Folds the events of one task, in order.
    pub fn of(events: &[Event]) -> Self {
        let mut aliases = Self::default();
        for event in events {
            aliases.apply(event);
        }
        aliases
    }

    fn apply(&mut self, event: &Event) {
        match (event.kind, event.alias) {
            (EventKind::Promoted | EventKind::RolledBack, Some(alias)) => {
                self.models.insert(alias, event.model_id.clone());
                if alias == Alias::Champion {
                    // Whoever stood in, or challenged and won, is neither any more.
                    self.models.remove(&Alias::Provisional);
                    self.models
                        .retain(|alias, id| *alias == Alias::Champion || *id != event.model_id);
                }
            }
            (EventKind::Revoked, _) => {
                self.models.retain(|_, id| *id != event.model_id);
                self.revoked.insert(event.model_id.clone());
            }
            _ => {}
        }
    }

    /// The model behind an alias.
    pub fn get(&self, alias: Alias) -> Option<&str> {
        self.models.get(&alias).map(String::as_str)
    }

    /// Whether a model may serve under no alias any more.
    pub fn is_revoked(&self, model_id: &str) -> bool {
        self.revoked.contains(model_id)
    }

    /// The model whose predictions people see: the champion, or who stands in.
    pub fn serving(&self) -> Option<(Alias, &str)> {
        [Alias::Champion, Alias::Provisional]
            .into_iter()
            .find_map(|alias| Some((alias, self.get(alias)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, kind: EventKind, model: &str, alias: Option<Alias>) -> Event {
        Event {
            task: "anomaly".into(),
            seq,
            kind,
            model_id: model.into(),
            alias,
            reason: Some("because".into()),
            person: None,
            at: seq * 10,
        }
    }

    fn story() -> Vec<Event> {
        use EventKind::{Promoted, Registered, Revoked, RolledBack};
        vec![
            event(1, Registered, "a", None),
            event(2, Promoted, "a", Some(Alias::Provisional)),
            event(3, Promoted, "b", Some(Alias::Champion)),
            event(4, Promoted, "c", Some(Alias::Challenger)),
            event(5, Promoted, "c", Some(Alias::Champion)),
            event(6, RolledBack, "b", Some(Alias::Champion)),
            event(7, Revoked, "b", None),
        ]
    }

    #[test]
    fn aliases_follow_the_events() {
        let serving = |count: usize| {
            let aliases = Aliases::of(&story()[..count]);
            aliases.serving().map(|(alias, id)| (alias, id.to_owned()))
        };
        assert_eq!(serving(1), None);
        assert_eq!(serving(2), Some((Alias::Provisional, "a".into())));
        assert_eq!(serving(4), Some((Alias::Champion, "b".into())));
        assert_eq!(Aliases::of(&story()[..5]).get(Alias::Challenger), None);
        assert_eq!(serving(5), Some((Alias::Champion, "c".into())));
        assert_eq!(serving(6), Some((Alias::Champion, "b".into())));
        assert_eq!(serving(7), None);
        let revoked = |count: usize| Aliases::of(&story()[..count]).is_revoked("b");
        assert!(revoked(7) && !revoked(6));
    }

    #[test]
    fn rows_come_back_as_events() {
        let rows: Vec<RecordBatch> =
            story().iter().rev().map(|event| event.row(5, "ab").unwrap()).collect();
        let batch = arrow::compute::concat_batches(&rows[0].schema(), &rows).unwrap();
        assert_eq!(Event::read(&batch).unwrap(), story());
    }
}
