//! Local events as a cause: what moved lies in their reach, moved in their hours, and carried more
//! than usual in these.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

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
    /// Events that explain the finding. All of the window are judged together, once: of many that
    /// are tried one by one, one fits by chance. Where they hold, those that hold alone are named,
    /// or else all.
    pub(super) fn event(&self, case: &Case<'_>) -> Option<Explained> {
        let reached = self.reached(case);
        let together = self.held(case, &reached)?;
        let alone = reached.iter().filter(|one| self.held(case, slice::from_ref(*one)).is_some());
        let alone: Vec<Reach<'_>> = alone.cloned().collect();
        self.held(case, &alone).or(Some(together))
    }

    /// The events of the window that reach some of the group. Most of the reference has seen what
    /// began long before.
    fn reached(&self, case: &Case<'_>) -> Vec<Reach<'_>> {
        let since = self.since(case);
        let near = self.events.within(self.window).filter(|event| event.span.0 >= since);
        // Lines upwards, walked once for the events of one time: these are neighbours, for the first
        // to begin comes first.
        let mut lines: Vec<Vec<String>> = Vec::new();
        let mut lines_at = None;
        let reached = near.map(|event| {
            let at = event.on_since(self.window);
            if lines_at != Some(at) {
                let members = case.group.iter().map(|place| &case.members[*place]);
                lines = members.map(|id| line(&self.network, id, (at, self.as_of))).collect();
                lines_at = Some(at);
            }
            let in_reach = case.group.iter().zip(&lines);
            let in_reach = in_reach.filter(|(_, own)| self.events.reaches(event, own, at));
            (event, in_reach.map(|(place, _)| *place).collect::<BTreeSet<usize>>())
        });
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

#[cfg(test)]
mod tests {
    use foresite_features::events::{EventLog, Tickets};
    use foresite_features::network::Network;
    use foresite_metrics::drift::group::{Statistic, Tested};
    use foresite_metrics::drift::profile::Blocks;

    use super::*;
    use crate::local_events::LocalEvents;
    use crate::panel::Series;

    const WINDOW: (Micros, Micros) = (0, 48 * HOUR);

    /// A group whose effect hangs on its first entity.
    fn tested(is_left_out: &dyn Fn(usize) -> bool) -> Option<Tested> {
        Some(Tested {
            statistic: Statistic::Part,
            value: 1.0,
            moved: 1.0,
            threshold: 0.5,
            effect: if is_left_out(0) { 0.1 } else { 1.0 },
            p_value: 0.001,
            together: None,
            rank: 0.001,
            entities: 10,
            blocks: 20,
            persists: true,
        })
    }

    fn series(site: usize) -> Series {
        let blocks = Blocks {
            reference: Vec::new(),
            windows: Vec::new(),
            reference_pairs: Vec::new(),
            window_pairs: Vec::new(),
            strides: Vec::new(),
            steps: vec![if site == 0 { 2.0 } else { 0.0 }; 48],
            spread: 1.0,
            level: 1.0,
            is_relative: true,
        };
        Series { blocks: Some(blocks), ..Series::default() }
    }

    /// What explains that the first of ten sites has two spreads more load than usual, with an event
    /// of the whole window at so many of them.
    fn explained(events: usize) -> Option<Explained> {
        let sites: Vec<String> = (0..10).map(|site| format!("r/{site}")).collect();
        let group: Vec<usize> = (0..10).collect();
        let traffic =
            Channel { name: "traffic_dl_gb".into(), series: (0..10).map(series).collect() };
        let known = Known {
            network: Network::default(),
            tickets: Tickets::default(),
            alarms: EventLog::default(),
            events: LocalEvents::at(&sites[..events], WINDOW),
            window: WINDOW,
            as_of: WINDOW.1,
        };
        let case = Case {
            members: &sites,
            group: &group,
            channel: &traffic,
            traffic: Some(&traffic),
            others: Vec::new(),
            reference_end: 0,
            without: &tested,
        };
        known.event(&case)
    }

    #[test]
    fn of_many_events_none_explains_what_all_together_do_not() {
        for few in [1, 3] {
            let (cause, evidence) = explained(few).unwrap();
            assert_eq!(cause, Cause::Event, "{few} events");
            let named = evidence.iter().filter(|said| said.starts_with("event:"));
            assert_eq!(named.count(), 1, "only one does alone: {evidence:?}");
            assert!(evidence[0].starts_with("event:r/0,"), "{evidence:?}");
        }
        // Two spreads at one of ten are a fifth of a spread where there were events: no crowd.
        assert_eq!(explained(10), None);
        assert_eq!(explained(0), None);
    }
}
