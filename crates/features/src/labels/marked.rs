//! Labels from people's marks, for tasks that have none of their own.

use foresite_schema::marks::{Judgement, Mark, judgement};

use super::{Asked, Label, Labeller};
use crate::events::Marked;
use crate::task::Micros;

impl Labeller<'_> {
    /// What people said about the task's prediction for this entity and cutoff: 1 right, 0 wrong. A
    /// prediction of which nobody said so has no label, one that was only acted upon included, and
    /// one about which they disagree neither. Where nothing was predicted, a missed event is 1.
    pub(super) fn marked(&self, asked: Asked<'_>) -> Label {
        let judged: Vec<&Marked> = self.judgements(asked).collect();
        let said = judged.iter().map(|said| (said.person.as_deref(), said.mark, said.at));
        let value = match judgement(said) {
            Some(Judgement::Right) => Some(1.0),
            Some(Judgement::Wrong) => Some(0.0),
            Some(Judgement::Disputed) => None,
            None => return self.missed_at(asked, asked.cutoff).unwrap_or_else(|| nothing(asked)),
        };
        let known_at = judged.iter().map(|said| said.known_at).max().unwrap_or(asked.cutoff);
        Label::single(value, asked.cutoff, known_at)
    }

    /// Marks on this very prediction that were known in time.
    fn judgements<'s>(&'s self, asked: Asked<'s>) -> impl Iterator<Item = &'s Marked> {
        self.truth.marks.of(asked.entity).filter(move |said| {
            matches!(said.mark, Mark::Confirmed | Mark::Wrong)
                && said.entity_id == asked.entity
                && said.cutoff == Some(asked.cutoff)
                && said.task.as_deref() == Some(self.task.task.as_str())
                && said.known_at <= asked.until
        })
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
