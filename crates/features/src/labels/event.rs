//! Labels from alarms and tickets, and from events that people report because no prediction named them.

use super::{Asked, Label, Labeller};
use crate::events::Event;
use crate::task::{Head, LabelRule, Micros, Span};

/// The first event after a cutoff.
struct First<'a> {
    start: Micros,
    known_at: Micros,
    /// `None` for one that a person reported: nobody coded its cause.
    event: Option<&'a Event>,
}

impl Labeller<'_> {
    pub(super) fn event_label(&self, asked: Asked<'_>) -> Label {
        match (&self.task.label, &self.task.head) {
            (LabelRule::Interval { .. }, _) => self.covered(asked),
            (_, Head::TimeToEvent { bins, causes }) => self.hazards(asked, bins, causes),
            (LabelRule::EventWithin { within, .. }, _) => self.within(asked, *within),
            _ => Label::single(None, asked.cutoff, asked.cutoff),
        }
    }

    /// The first event that begins strictly after `from`.
    fn first_after<'s>(&'s self, asked: Asked<'s>, from: Micros) -> Option<First<'s>> {
        let as_of = self.truth.as_of;
        let coded = self.events(asked.entity).filter_map(move |event| {
            let start = event.start(as_of).filter(|start| *start > from)?;
            Some(First { start, known_at: event.first_known_at()?, event: Some(event) })
        });
        let missed = self.truth.marks.missed(asked.entity, &self.task.task);
        let missed = missed
            .filter(move |missed| missed.at > from && missed.known_at <= as_of)
            .map(|missed| First { start: missed.at, known_at: missed.known_at, event: None });
        coded.chain(missed).min_by_key(|first| (first.start, first.known_at))
    }

    /// How long after its start an event may still be reported.
    fn reporting_delay(&self) -> Micros {
        let filter = self.task.label.events();
        filter.map_or(0, |filter| filter.reporting_delay.micros())
    }

    /// Discrete-time hazards with right-censoring.
    ///
    /// Bin `(a, b]` is 1 when the first event lies in it, 0 when the bin was survived and that is
    /// known, null after the event and where nothing was observed.
    fn hazards(&self, asked: Asked<'_>, bins: &[Span], causes: &[String]) -> Label {
        let from = asked.cutoff + self.task.lead.micros();
        let first = self.first_after(asked, from);
        let delay = self.reporting_delay();
        let mut label =
            Label { values: Vec::with_capacity(bins.len()), ..Label::single(None, from, from) };
        for bin in bins {
            let end = from + bin.micros();
            let hit = first.as_ref().filter(|first| first.start <= end);
            let (value, looked_until, known_at) = match hit {
                Some(first) => (1.0, first.start, first.known_at),
                None => (0.0, end, end + delay),
            };
            if looked_until > asked.until || known_at > asked.until {
                break;
            }
            label.values.push(Some(value));
            label.end = label.end.max(looked_until);
            label.known_at = label.known_at.max(known_at);
            if let Some(first) = hit {
                label.value = self.cause_index(first, causes);
                break;
            }
        }
        label.values.resize(bins.len(), None);
        label
    }

    fn cause_index(&self, first: &First<'_>, causes: &[String]) -> Option<f64> {
        let cause = first.event?.cause(self.truth.as_of)?;
        let index = causes.iter().position(|have| have == cause)?;
        Some(index as f64)
    }

    /// Whether an event begins in `(cutoff + lead, cutoff + lead + within]`.
    fn within(&self, asked: Asked<'_>, within: Span) -> Label {
        let from = asked.cutoff + self.task.lead.micros();
        let end = from + within.micros();
        match self.first_after(asked, from).filter(|first| first.start <= end) {
            Some(first) if first.start.max(first.known_at) <= asked.until => {
                Label::single(Some(1.0), first.start, first.known_at)
            }
            Some(_) => Label::single(None, from, from),
            None => {
                let known_at = end + self.reporting_delay();
                let observed = (known_at <= asked.until).then_some(0.0);
                Label::single(observed, end, known_at)
            }
        }
    }

    /// Whether an interval covers the moment the lead points at, or the class of that interval.
    fn covered(&self, asked: Asked<'_>) -> Label {
        let (at, as_of) = (asked.cutoff + self.task.lead.micros(), self.truth.as_of);
        let began = |event: &&Event| event.start(as_of).filter(|start| *start <= at);
        let lasts = |event: &&Event| event.end(as_of).is_none_or(|end| at < end);
        let covering = self
            .events(asked.entity)
            .filter(|event| began(event).is_some() && lasts(event))
            .max_by_key(began);
        if covering.is_none()
            && !matches!(self.task.head, Head::Multiclass { .. })
            && let Some(missed) = self.missed_at(asked, at)
        {
            return missed;
        }
        let known_at =
            covering.and_then(Event::first_known_at).unwrap_or(at + self.reporting_delay());
        let value = match (&self.task.head, covering) {
            (Head::Multiclass { classes }, Some(event)) => event
                .cause(as_of)
                .and_then(|cause| classes.iter().position(|class| class == cause))
                .map(|class| class as f64),
            // Without an interval the class is the first one: the normal state.
            (_, None) => Some(0.0),
            (_, Some(_)) => Some(1.0),
        };
        let known = at.max(known_at) <= asked.until;
        Label::single(value.filter(|_| known), at, known_at)
    }
}
