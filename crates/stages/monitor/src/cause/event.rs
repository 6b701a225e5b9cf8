//! Local events as a cause: what moved lies in their reach, and moved in their hours.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::task::Micros;
use foresite_kpi::HOUR;

use super::{Case, Cause, Explained, HALF, Known};
use crate::local_events::{LocalEvent, line};

/// People come before an event begins, and go after it has ended.
const AROUND: Micros = 2 * HOUR;

/// An event with the places of the entities in its reach.
type Reach<'e> = (&'e LocalEvent, BTreeSet<usize>);

impl Known {
    /// One event that explains the finding, or else all of the window together: on a Saturday there
    /// are many matches.
    pub(super) fn event(&self, case: &Case<'_>) -> Option<Explained> {
        let reached = self.reached(case);
        let single = reached.iter().map(std::slice::from_ref);
        let together = (reached.len() > 1).then_some(reached.as_slice());
        single.chain(together).find_map(|events| self.held(case, events))
    }

    /// The events of the window that reach some of the group. Most of the reference has seen what
    /// began long before.
    fn reached(&self, case: &Case<'_>) -> Vec<Reach<'_>> {
        let since = self.since(case);
        let near: Vec<&LocalEvent> =
            self.events.within(self.window).filter(|event| event.span.0 >= since).collect();
        if near.is_empty() {
            return Vec::new();
        }
        let at = self.window.1;
        let lines: BTreeMap<usize, Vec<String>> = case
            .group
            .iter()
            .map(|place| (*place, line(&self.network, &case.members[*place], at)))
            .collect();
        let in_reach = |event: &LocalEvent| -> BTreeSet<usize> {
            let reached = lines.iter().filter(|(_, line)| self.events.reaches(event, line));
            reached.map(|(place, _)| *place).collect()
        };
        let reached = near.into_iter().map(|event| (event, in_reach(event)));
        reached.filter(|(_, places)| !places.is_empty()).collect()
    }

    fn held(&self, case: &Case<'_>, events: &[Reach<'_>]) -> Option<Explained> {
        let inside = self.share_inside(case, events);
        if inside < HALF {
            return None;
        }
        let concerned: BTreeSet<usize> =
            events.iter().flat_map(|(_, places)| places.iter().copied()).collect();
        let reach = if events.len() == 1 { "are in its reach" } else { "are in their reach" };
        let hangs = case.hangs_on(&concerned, reach)?;
        let named = events.iter().map(|(event, _)| event.to_string());
        let hours = format!(
            "{:.0} % of what these moved by in the window falls into the time of {}",
            100.0 * inside.min(1.0),
            if events.len() == 1 { "the event" } else { "the events" }
        );
        Some((Cause::Event, named.chain(hangs).chain([hours]).collect()))
    }

    /// Share of the movement of the entities in reach that falls into the hours of their events.
    fn share_inside(&self, case: &Case<'_>, events: &[Reach<'_>]) -> f64 {
        let mut spans: BTreeMap<usize, Vec<(Micros, Micros)>> = BTreeMap::new();
        for (event, places) in events {
            for place in places {
                spans
                    .entry(*place)
                    .or_default()
                    .push((event.span.0 - AROUND, event.span.1 + AROUND));
            }
        }
        let (mut inside, mut all) = (0.0, 0.0);
        for (place, spans) in &spans {
            let Some(blocks) = &case.channel.series[*place].blocks else { continue };
            let hours =
                (1..).map(|back| self.window.1 - back * HOUR).zip(blocks.steps.iter().rev());
            let hours = hours.take_while(|(at, _)| *at >= self.window.0);
            for (at, moved) in hours.filter(|(_, moved)| !moved.is_nan()) {
                let moved = f64::from(*moved);
                all += moved;
                if spans.iter().any(|(from, until)| at < *until && at + HOUR > *from) {
                    inside += moved;
                }
            }
        }
        if all == 0.0 { 0.0 } else { inside / all }
    }
}
