//! What makes an alert right: marks, and where there are none, the tickets or series of its entities.

use std::collections::BTreeSet;

use foresite_features::events::{Event, Marked, Marks};
use foresite_features::task::{DAY, HOUR, Head, Micros};
use foresite_schema::marks::{Judgement, Mark, judgement};

use crate::cause::Known;
use crate::config::Config;
use crate::models::Model;
use crate::performance::passed::Passed;

/// How long after its horizon a forecast may be marked (`foresite_feedback::reach`): who plans by it knows
/// only then whether it was right.
const AFTERWARDS: Micros = 10 * DAY;

/// An incident when it was first raised.
pub(super) struct Alert {
    pub(super) at: Micros,
    pub(super) entities: BTreeSet<String>,
    pub(super) members: BTreeSet<String>,
}

/// What makes an alert right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// How long before the alert a ticket or a mark still belongs to it.
    pub(super) back: Micros,
    /// How long after it truth may come.
    pub(super) ahead: Micros,
    /// How long after it a mark may come.
    pub(super) marked: Micros,
    /// Whether an outage is what the task foretells.
    pub(super) by_tickets: bool,
}

impl Reach {
    /// What a task foretells comes after the alert and within its horizon; a detector's word is about
    /// what goes on around it. That a busy hour passes its limit is in no ticket, but in the series.
    pub(super) fn of(config: &Config, model: &Model) -> Self {
        let around = Micros::from(config.judging.hit_within_hours.get()) * HOUR;
        let by_tickets = !matches!(model.task.head, Head::Forecast { .. });
        match model.task.horizon().micros() {
            0 => Self { back: around, ahead: around, marked: around, by_tickets },
            horizon => {
                let marked = if by_tickets { horizon } else { horizon + AFTERWARDS };
                Self { back: 0, ahead: horizon, marked, by_tickets }
            }
        }
    }

    /// Whether an outage of the entity makes an alert at `at` right.
    pub(super) fn has_ticket(self, known: &Known, entity: &str, at: Micros) -> bool {
        let hits = |event: &Event| {
            let start = event.start(known.as_of);
            let end = event.end(known.as_of).unwrap_or(Micros::MAX);
            // What went on already was not foretold.
            let in_time = start.is_some_and(|start| start <= at + self.ahead);
            let is_news = self.back > 0 || start.is_some_and(|start| start > at);
            in_time && is_news && end >= at - self.back
        };
        self.by_tickets && known.tickets.outages.of(entity).any(hits)
    }
}

/// What is known of the past.
#[derive(Clone, Copy)]
pub(super) struct Truth<'a> {
    pub(super) known: &'a Known,
    pub(super) marks: &'a Marks,
    /// Of a task that dates a limit.
    pub(super) passed: Option<&'a Passed>,
}

impl Truth<'_> {
    /// Whether what the alert is about came in time: in a ticket of one of its entities, or as a series of
    /// one that passed the limit. `None` where nothing could tell.
    fn has_come(self, alert: &Alert, reach: Reach) -> Option<bool> {
        let mut entities = alert.entities.iter();
        if reach.by_tickets {
            return Some(entities.any(|id| reach.has_ticket(self.known, id, alert.at)));
        }
        let passed = self.passed?;
        let each: Vec<_> = entities.map(|id| passed.within(id, alert.at, reach.ahead)).collect();
        let is_known = each.iter().all(Option::is_some) && !each.is_empty();
        if each.contains(&Some(true)) { Some(true) } else { is_known.then_some(false) }
    }
}

impl Alert {
    /// Marks about the task decide, and without any what came. `None`: people disagree, or acted, and what
    /// would have happened is not known; or nothing could tell.
    pub(super) fn is_right(&self, (truth, task): (Truth<'_>, &str), reach: Reach) -> Option<bool> {
        let near = |at: Micros| (self.at - reach.back..=self.at + reach.marked).contains(&at);
        let marks: Vec<&Marked> = self
            .entities
            .iter()
            .flat_map(|id| truth.marks.of(id))
            .filter(|marked| marked.is_about(task) && near(marked.at))
            .collect();
        let marked = |mark: Mark| marks.iter().any(|marked| marked.mark == mark);
        if marked(Mark::Missed) {
            return Some(true);
        }
        let said = marks.iter().map(|said| (said.person.as_deref(), said.mark, said.at));
        match judgement(said) {
            Some(Judgement::Right) => return Some(true),
            Some(Judgement::Wrong) => return Some(false),
            Some(Judgement::Disputed) => return None,
            None => {}
        }
        let acted = marked(Mark::Done) && !self.members.is_empty();
        truth.has_come(self, reach).filter(|has_come| *has_come || !acted)
    }
}
