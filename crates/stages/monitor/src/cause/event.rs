//! Local events as a cause: what moved lies in their reach, moved in their hours, and carried more
//! than usual in these.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::task::Micros;
use foresite_kpi::HOUR;

use super::{Case, Cause, Explained, HALF, Known};
use crate::local_events::{LocalEvent, line};
use crate::panel::Channel;

/// People come before an event begins, and go after it has ended.
const AROUND: Micros = 2 * HOUR;
/// Spreads of an hour that the load of those in reach lies above the usual in the hours of an event:
/// a crowd brings traffic. Latency that rises without it is a fault, and so is traffic that falls.
const CROWDED: f64 = 0.5;
/// The channel of load where traffic is not watched.
const LOAD: &str = "prb_util_dl";

/// An event with the places of the entities in its reach.
type Reach<'e> = (&'e LocalEvent, BTreeSet<usize>);

/// When the events of each place are on, the hours around them included.
type Hours = BTreeMap<usize, Vec<(Micros, Micros)>>;

/// What entities moved by in the window, in spreads of an hour.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    all: f64,
    inside: f64,
    hours_inside: f64,
}

impl Moved {
    /// Share of the movement that falls into the hours of the events.
    fn share_inside(self) -> f64 {
        if self.all == 0.0 { 0.0 } else { self.inside / self.all }
    }

    /// Mean of an hour of the events.
    fn mean_inside(self) -> f64 {
        if self.hours_inside == 0.0 { 0.0 } else { self.inside / self.hours_inside }
    }
}

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
        let on = hours(events);
        let inside = self.moved(case.channel, &on).share_inside();
        let crowd = self.moved(load(case)?, &on).mean_inside();
        if inside < HALF || crowd < CROWDED {
            return None;
        }
        let concerned: BTreeSet<usize> =
            events.iter().flat_map(|(_, places)| places.iter().copied()).collect();
        let (reach, of) = if events.len() == 1 {
            ("are in its reach", "the event")
        } else {
            ("are in their reach", "the events")
        };
        let hangs = case.hangs_on(&concerned, reach)?;
        let named = events.iter().map(|(event, _)| event.to_string());
        let moved = format!(
            "{:.0} % of what these moved by in the window falls into the time of {of}, in which \
             their load lies {crowd:.1} times its usual spread above the usual",
            100.0 * inside.min(1.0),
        );
        Some((Cause::Event, named.chain(hangs).chain([moved]).collect()))
    }

    /// What the entities in reach moved by, and how much of it in the hours of their events.
    fn moved(&self, channel: &Channel, on: &Hours) -> Moved {
        let mut found = Moved::default();
        for (place, spans) in on {
            let Some(blocks) = &channel.series[*place].blocks else { continue };
            let steps =
                (1..).map(|back| self.window.1 - back * HOUR).zip(blocks.steps.iter().rev());
            let steps = steps.take_while(|(at, _)| *at >= self.window.0);
            for (at, moved) in steps.filter(|(_, moved)| !moved.is_nan()) {
                let moved = f64::from(*moved);
                found.all += moved;
                if spans.iter().any(|(from, until)| at < *until && at + HOUR > *from) {
                    found.inside += moved;
                    found.hours_inside += 1.0;
                }
            }
        }
        found
    }
}

/// What tells that people came; `None` where nothing of the kind is watched: no crowd lowers the
/// voltage of a site.
fn load<'a>(case: &Case<'a>) -> Option<&'a Channel> {
    case.traffic.or_else(|| (case.channel.name == LOAD).then_some(case.channel))
}

fn hours(events: &[Reach<'_>]) -> Hours {
    let mut on = Hours::new();
    for (event, places) in events {
        let span = (event.span.0 - AROUND, event.span.1 + AROUND);
        for place in places {
            on.entry(*place).or_default().push(span);
        }
    }
    on
}
