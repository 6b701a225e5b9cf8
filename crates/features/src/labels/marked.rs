//! Labels from people's marks, for tasks that have none of their own.

use std::collections::BTreeSet;

use foresite_schema::marks::{Judgement, Mark, judgement};

use super::{Asked, Label, Labeller};
use crate::events::Marked;
use crate::task::Micros;

impl Labeller<'_> {
    /// What people said about the task's prediction for this entity and cutoff: 1 right, 0 wrong. A
    /// prediction that was marked as a part of an incident is judged by all that was said of the
    /// entity in this incident, at later hours as well. A prediction of which nobody said so has no label, one that was only acted upon included, and
    /// one about which they disagree neither. Where nothing was predicted, a missed event is 1.
    pub(super) fn marked(&self, asked: Asked<'_>) -> Label {
        let judged: Vec<&Marked> = self.judgements(asked).collect();
        let said = judged.iter().map(|said| (said.person.as_deref(), said.mark, said.at));
        let value = match judgement(said) {
            Some(Judgement::Right) => Some(1.0),
            Some(Judgement::Wrong) => Some(0.0),
            Some(Judgement::Disputed) => None,
            None => return self.missed_before(asked).unwrap_or_else(|| nothing(asked)),
        };
        let known_at = judged.iter().map(|said| said.known_at).max().unwrap_or(asked.cutoff);
        Label::single(value, asked.cutoff, known_at)
    }

    /// Marks on this very prediction, and on the entity in the incident that it was a part of, that
    /// were known in time.
    fn judgements<'s>(&'s self, asked: Asked<'s>) -> impl Iterator<Item = &'s Marked> {
        let of_cutoff = self.judged(asked).filter(move |said| said.cutoff == Some(asked.cutoff));
        let incidents: BTreeSet<&str> =
            of_cutoff.filter_map(|said| said.incident_id.as_deref()).collect();
        self.judged(asked).filter(move |said| {
            let incident = said.incident_id.as_deref();
            said.cutoff == Some(asked.cutoff) || incident.is_some_and(|id| incidents.contains(id))
        })
    }

    /// Judgements of the task's predictions for the entity that were known in time.
    fn judged<'s>(&'s self, asked: Asked<'s>) -> impl Iterator<Item = &'s Marked> {
        self.truth.marks.of(asked.entity).filter(move |said| {
            matches!(said.mark, Mark::Confirmed | Mark::Wrong)
                && said.entity_id == asked.entity
                && said.task.as_deref() == Some(self.task.task.as_str())
                && said.known_at <= asked.until
        })
    }

    /// A yes where an event was missed within the last period that the cutoff describes: what came
    /// after its end is seen by the next look.
    fn missed_before(&self, asked: Asked<'_>) -> Option<Label> {
        let last = self.task.cutoffs.period_end(asked.cutoff) - 1;
        let label = self.missed_at(asked, last)?;
        Some(Label { end: asked.cutoff, ..label })
    }

    /// A yes where the first look at or after a missed event was taken at `moment`.
    pub(super) fn missed_at(&self, asked: Asked<'_>, moment: Micros) -> Option<Label> {
        let step = self.task.cutoffs.step.micros();
        let missed = self.truth.marks.missed(asked.entity, &self.task.task);
        let seen = missed
            .filter(|missed| missed.at <= moment && moment - missed.at < step)
            .filter(|missed| missed.known_at <= asked.until);
        let known_at = seen.map(|missed| missed.known_at).min()?;
        Some(Label::single(Some(1.0), moment, known_at))
    }
}

fn nothing(asked: Asked<'_>) -> Label {
    Label::single(None, asked.cutoff, asked.cutoff)
}
