//! Rows of `alarms`, `tickets` and `labels` into events.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};

use super::{Event, EventLog, Fact};
use crate::batch::{BatchError, Texts, Times, column};
use crate::task::Micros;

/// The two sorts of tickets.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    /// Outages: opened, cause, closed.
    pub outages: EventLog,
    /// Planned work, announced or logged afterwards.
    pub planned: EventLog,
}

impl EventLog {
    /// Alarm episodes from rows of `alarms`; every version that the table holds may be given.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn alarms(batches: &[RecordBatch]) -> Result<Self, BatchError> {
        let mut events = BTreeMap::new();
        for batch in batches {
            let rows = FactRows::of(batch, "alarm_id")?;
            let kinds = Texts::of(batch, "specific_problem")?;
            let severities = Texts::of(batch, "severity")?;
            let causes = Texts::of(batch, "probable_cause")?;
            for row in 0..batch.num_rows() {
                let Some(fact) = rows.at(row) else { continue };
                let event = fact.event(&mut events);
                match fact.name {
                    "raised" => {
                        // Name and severity are those of the raise that was known first.
                        if event.first_known_at().is_none_or(|first| fact.known_at < first) {
                            event.kind = kinds.owned(row).unwrap_or_default();
                            event.severity = severities.owned(row).unwrap_or_default();
                        }
                        event.starts.push(fact.known(fact.at));
                        event.causes.extend(causes.owned(row).map(|cause| fact.known(cause)));
                    }
                    "cleared" => event.ends.push(fact.known(fact.at)),
                    _ => {}
                }
            }
        }
        Ok(Self::new(events.into_values().map(|(_, event)| event)))
    }

    /// Labels of a data set from rows of `labels`: the name is the kind, the class (or the number,
    /// written out) the cause. A label without an end stands until the next one.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn labels(batches: &[RecordBatch]) -> Result<Self, BatchError> {
        let mut events = Vec::new();
        for batch in batches {
            let text = |name| Texts::of(batch, name);
            let (entities, names, classes) = (text("entity_id")?, text("label")?, text("class")?);
            let time = |name| Times::of(batch, name);
            let (starts, ends, known) = (time("at")?, time("end_at")?, time("known_at")?);
            let values = column(batch, "value", &DataType::Float64)?;
            let values = values.as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let key = entities.at(row).zip(starts.at(row)).zip(known.at(row));
                let Some(((entity, start), known_at)) = key else { continue };
                let number = values.is_valid(row).then(|| values.value(row).to_string());
                let kind = names.owned(row).unwrap_or_default();
                events.push(Event {
                    id: format!("{entity} {kind} {start}"),
                    entity_id: entity.to_owned(),
                    kind,
                    starts: vec![Fact { known_at, value: start }],
                    ends: ends.at(row).map(|value| Fact { known_at, value }).into_iter().collect(),
                    causes: classes
                        .owned(row)
                        .or(number)
                        .map(|value| Fact { known_at, value })
                        .into_iter()
                        .collect(),
                    ..Event::default()
                });
            }
        }
        Ok(Self::new(events))
    }
}

impl Tickets {
    /// Outages and planned work from rows of `tickets`.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn read(batches: &[RecordBatch]) -> Result<Self, BatchError> {
        let (mut outages, mut planned) = (BTreeMap::new(), BTreeMap::new());
        for batch in batches {
            let rows = FactRows::of(batch, "ticket_id")?;
            let (starts, ends) = (Times::of(batch, "start_at")?, Times::of(batch, "end_at")?);
            let causes = Texts::of(batch, "cause")?;
            for row in 0..batch.num_rows() {
                let Some(fact) = rows.at(row) else { continue };
                let (start, end) = (starts.at(row), ends.at(row));
                if fact.name == "planned" {
                    let event = fact.event(&mut planned);
                    event.starts.push(fact.known(start.unwrap_or(fact.at)));
                    event.ends.extend(end.map(|end| fact.known(end)));
                    continue;
                }
                let event = fact.event(&mut outages);
                event.causes.extend(causes.owned(row).map(|cause| fact.known(cause)));
                match fact.name {
                    "opened" => event.starts.push(fact.known(start.unwrap_or(fact.at))),
                    "closed" => event.ends.push(fact.known(end.unwrap_or(fact.at))),
                    _ => {}
                }
            }
        }
        Ok(Self {
            outages: EventLog::new(outages.into_values().map(|(_, event)| event)),
            planned: EventLog::new(planned.into_values().map(|(_, event)| event)),
        })
    }
}

/// The columns that all fact tables share.
struct FactRows {
    id: Texts,
    name: Texts,
    entity: Texts,
    at: Times,
    known_at: Times,
}

/// One row of a fact table.
struct FactRow<'a> {
    id: &'a str,
    name: &'a str,
    entity: &'a str,
    at: Micros,
    known_at: Micros,
}

impl FactRows {
    fn of(batch: &RecordBatch, id: &str) -> Result<Self, BatchError> {
        Ok(Self {
            id: Texts::of(batch, id)?,
            name: Texts::of(batch, "fact")?,
            entity: Texts::of(batch, "entity_id")?,
            at: Times::of(batch, "at")?,
            known_at: Times::of(batch, "known_at")?,
        })
    }

    /// The row, or `None` where no entity is known: such a fact belongs to nobody.
    fn at(&self, row: usize) -> Option<FactRow<'_>> {
        Some(FactRow {
            id: self.id.at(row)?,
            name: self.name.at(row)?,
            entity: self.entity.at(row)?,
            at: self.at.at(row)?,
            known_at: self.known_at.at(row)?,
        })
    }
}

impl FactRow<'_> {
    fn known<T>(&self, value: T) -> Fact<T> {
        Fact { known_at: self.known_at, value }
    }

    /// The event that the fact is about. A ticket opened for a site is closed for the unit that
    /// was found broken: the event stays with the entity that was known first.
    fn event<'e>(&self, events: &'e mut BTreeMap<String, (Micros, Event)>) -> &'e mut Event {
        let (first, event) = events
            .entry(self.id.to_owned())
            .or_insert_with(|| (Micros::MAX, Event { id: self.id.to_owned(), ..Event::default() }));
        if (self.known_at, self.entity) < (*first, &event.entity_id) {
            *first = self.known_at;
            self.entity.clone_into(&mut event.entity_id);
        }
        event
    }
}
