//! Labels: what happened strictly after a cutoff, as far as it was observed and known.
//!
//! Every rule answers three questions beside the label itself: until when it looked, when it could
//! be known, and why the sample does not count. An output that was not observed is null; a sample
//! that does not count keeps its reason. Neither ever becomes a zero.

mod event;
mod marked;
mod series;

use std::collections::BTreeMap;

use foresite_schema::marks::Mark;

use crate::clock::LocalClock;
use crate::cube::Cube;
use crate::events::{Event, EventLog, Marks, Tickets};
use crate::task::{EventTable, Head, LabelRule, Micros, Task};

pub use series::first_open_step;

/// The label of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The single label: class, value or 0/1; for hazards the index of the cause.
    pub value: Option<f64>,
    /// One per hazard bin or forecast step; empty for single labels.
    pub values: Vec<Option<f64>>,
    /// End of what the label looked at.
    pub end: Micros,
    /// When the label could be known.
    pub known_at: Micros,
    /// Why the sample does not count.
    pub mask: Option<MaskReason>,
}

/// Why a sample does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskReason {
    /// The cutoff lies inside planned work.
    PlannedWork,
    /// The event had begun before the cutoff and had not ended.
    DuringEvent,
    /// The event had ended too short a while ago.
    Settling,
    /// People had acted on a prediction a short while ago.
    Acted,
    /// Nothing of the label's span was observed, known and inside the slice.
    Censored,
    /// Too little of the look-back was observed.
    TooFewObservations,
    /// The entity's group is held out of this slice.
    UnseenGroup,
}

impl MaskReason {
    /// The word stored in `samples_<task>.mask_reason`.
    pub fn word(self) -> &'static str {
        match self {
            Self::PlannedWork => "planned_work",
            Self::DuringEvent => "during_event",
            Self::Settling => "settling",
            Self::Acted => "acted",
            Self::Censored => "censored",
            Self::TooFewObservations => "too_few_observations",
            Self::UnseenGroup => "unseen_group",
        }
    }
}

/// What labels are made from.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// Outages and planned work.
    pub tickets: &'a Tickets,
    /// Alarms.
    pub alarms: &'a EventLog,
    /// What a data set says about itself.
    pub labels: &'a EventLog,
    /// Marks of people, as they were known by the run's clock.
    pub marks: &'a Marks,
    /// Series of the task's entities, label channels included.
    pub series: &'a Cube,
    /// The run's clock: nothing known later is used.
    pub as_of: Micros,
}

/// Makes the labels of one task.
#[derive(Debug)]
pub struct Labeller<'a> {
    task: &'a Task,
    truth: Truth<'a>,
    /// When an entity left service, where that is known.
    ends: BTreeMap<String, Micros>,
}

/// A cutoff with how far its label may look: to the end of its slice at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The entity.
    pub entity: &'a str,
    /// The cutoff.
    pub cutoff: Micros,
    /// Labels that end or become known later are not observed.
    pub until: Micros,
}

impl<'a> Labeller<'a> {
    /// A labeller; `ends` says when entities left service.
    pub fn new(task: &'a Task, truth: Truth<'a>, ends: BTreeMap<String, Micros>) -> Self {
        Self { task, truth, ends }
    }

    /// The label of a sample. `clock` is the entity's.
    pub fn label(&self, asked: Asked<'_>, clock: &LocalClock) -> Label {
        let asked = Asked { until: self.observed_until(asked), ..asked };
        let mut label = match &self.task.label {
            LabelRule::None {} => self.marked(asked),
            LabelRule::EventWithin { .. } | LabelRule::Interval { .. } => self.event_label(asked),
            _ => self.series_label(asked, clock),
        };
        // A detector is fitted without labels; where some exist they only judge it.
        let needs_label = !matches!(self.task.head, Head::Anomaly {});
        let has_label = label.value.is_some() || label.values.iter().any(Option::is_some);
        let censored = (needs_label && !has_label).then_some(MaskReason::Censored);
        label.mask = self.mask(asked).or(censored);
        label
    }

    /// Whatever ends the view: the slice, the run's clock, the end of service, or people who acted
    /// and thereby changed the truth.
    fn observed_until(&self, asked: Asked<'_>) -> Micros {
        let left_service = self.ends.get(asked.entity).copied();
        let acted = self
            .acted(asked)
            .filter(|at| *at > asked.cutoff)
            .min()
            .filter(|_| self.task.masks.acted.micros() > 0);
        [left_service, acted, Some(self.truth.as_of)]
            .into_iter()
            .flatten()
            .fold(asked.until, Micros::min)
    }

    /// Moments at which people marked predictions of the task about the entity as acted upon; a
    /// mark that names no task is about all of them.
    fn acted<'s>(&'s self, asked: Asked<'s>) -> impl Iterator<Item = Micros> {
        let marks = self.truth.marks.of(asked.entity);
        marks
            .filter(|said| said.mark == Mark::Done && said.known_at <= self.truth.as_of)
            .filter(|said| said.is_about(&self.task.task))
            .map(|said| said.at)
    }

    fn mask(&self, asked: Asked<'_>) -> Option<MaskReason> {
        let (masks, as_of, cutoff) = (&self.task.masks, self.truth.as_of, asked.cutoff);
        let covers = |event: &Event, after: Micros| {
            let start = event.start(as_of);
            let end = event.end(as_of).map_or(Micros::MAX, |end| end.saturating_add(after));
            start.is_some_and(|start| start <= cutoff && cutoff < end)
        };
        let mut planned = self.truth.tickets.planned.of(asked.entity);
        if masks.planned_work && planned.any(|event| covers(event, 0)) {
            return Some(MaskReason::PlannedWork);
        }
        let mut events = self.events(asked.entity);
        if masks.during_event && events.any(|event| covers(event, 0)) {
            return Some(MaskReason::DuringEvent);
        }
        let settling = masks.settling.micros();
        let mut events = self.events(asked.entity);
        if settling > 0 && events.any(|event| covers(event, settling)) {
            return Some(MaskReason::Settling);
        }
        let acted = masks.acted.micros();
        let recently = |at: Micros| at <= cutoff && cutoff - at < acted;
        self.acted(asked).any(recently).then_some(MaskReason::Acted)
    }

    /// Events of the label rule, as known at the run's clock.
    fn events<'s>(&'s self, entity: &'s str) -> impl Iterator<Item = &'s Event> {
        let filter = self.task.label.events();
        let log = filter.map(|filter| match filter.table {
            EventTable::Tickets => &self.truth.tickets.outages,
            EventTable::Alarms => self.truth.alarms,
            EventTable::Labels => self.truth.labels,
        });
        log.into_iter()
            .flat_map(move |log| log.of(entity))
            .filter(move |event| filter.is_some_and(|f| event.passes(f, self.truth.as_of)))
    }
}

impl Label {
    fn single(value: Option<f64>, end: Micros, known_at: Micros) -> Self {
        Self { value, values: Vec::new(), end, known_at, mask: None }
    }
}

#[cfg(test)]
mod tests;
