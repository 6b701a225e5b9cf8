//! Why a channel drifted, from what is known, in this order:
//!
//! 1. `missing_data`: many values of the window are missing, or were before.
//! 2. `outage`: the finding hangs on entities with an outage ticket or a critical alarm.
//! 3. `software_upgrade`: it hangs on entities whose software changed, or the ratio test says that
//!    they count in another way.
//! 4. `new_carrier`: it hangs on entities beside a new cell, or that got another parent.
//! 5. `event`: it hangs on entities in the reach of a local event, and they moved in its hours,
//!    with more load than usual.
//! 6. `holiday`: the window holds a holiday of most entities.
//! 7. `unknown`.
//!
//! "Hangs on" is a test: without the entities the effect falls to less than half. Where nearly all
//! entities are concerned nothing is left to compare with, and being concerned has to do.

mod event;
mod software;

use std::collections::BTreeSet;

use foresite_features::events::{Event, EventLog, Tickets};
use foresite_features::network::Network;
use foresite_features::task::{DAY, Micros};
use foresite_metrics::drift::group::{Statistic, Tested};
use foresite_schema::site_of;

use crate::drift::NOW;
use crate::local_events::LocalEvents;
use crate::panel::{Channel, Series};

/// Share of missing values above the reference's that explains a drift.
const MISSING: f64 = 0.2;
/// Share of a group from which on leaving the entities out leaves nothing to test.
const NEARLY_ALL: f64 = 0.7;
/// Share of a group that decides where the rest is too few to test, and that has a holiday; of a
/// movement, that an event's hours hold.
const HALF: f64 = 0.5;
/// What changed so shortly before the end of the reference counts as a change: most of the reference
/// has not seen it.
const LATELY: Micros = 14 * DAY;
/// Share of its effect that a finding keeps when it does not hang on what was left out.
const KEEPS: f64 = 0.5;

/// What a drift came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    MissingData,
    Outage,
    SoftwareUpgrade,
    NewCarrier,
    Event,
    Holiday,
    Unknown,
}

impl Cause {
    /// The word stored in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::MissingData => "missing_data",
            Self::Outage => "outage",
            Self::SoftwareUpgrade => "software_upgrade",
            Self::NewCarrier => "new_carrier",
            Self::Event => "event",
            Self::Holiday => "holiday",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known beside the values.
pub(crate) struct Known {
    pub(crate) network: Network,
    pub(crate) tickets: Tickets,
    pub(crate) alarms: EventLog,
    pub(crate) events: LocalEvents,
    pub(crate) window: (Micros, Micros),
    pub(crate) as_of: Micros,
}

/// Repeats a test without the entities (by their place in the set) that a predicate names.
pub(crate) type Without<'a> = dyn Fn(&dyn Fn(usize) -> bool) -> Option<Tested> + 'a;

/// A flagged test.
pub(crate) struct Case<'a> {
    /// All entities of the set.
    pub(crate) members: &'a [String],
    /// Places of those of the group.
    pub(crate) group: &'a [usize],
    pub(crate) channel: &'a Channel,
    pub(crate) traffic: Option<&'a Channel>,
    /// What else is watched of the entities.
    pub(crate) others: Vec<&'a Channel>,
    /// End of the reference: what changed since is not in it.
    pub(crate) reference_end: Micros,
    /// The test without some entities.
    pub(crate) without: &'a Without<'a>,
}

/// A cause with the sentences that speak for it.
type Explained = (Cause, Vec<String>);

impl Known {
    /// The first cause that its evidence holds for.
    pub(crate) fn explain(&self, case: &Case<'_>, statistic: Statistic) -> Explained {
        missing(case)
            .or_else(|| self.outage(case))
            .or_else(|| self.upgrade(case))
            .or_else(|| self.rebuilt(case))
            .or_else(|| self.event(case))
            .or_else(|| self.holiday(case))
            .unwrap_or_else(|| {
                let what = match statistic {
                    Statistic::Level => "all entities moved together",
                    Statistic::Part => "some entities moved against the others",
                    Statistic::Gone => "the channel is gone",
                };
                let searched = "no missing data, outage, software change, new cell, re-homing, local event or holiday explains it";
                (Cause::Unknown, vec![format!("{what}; {searched}")])
            })
    }

    /// The same of a channel that no entity has a value of: lost data, unless nearly all of them are
    /// out or run new software.
    pub(crate) fn explain_gone(&self, case: &Case<'_>) -> Explained {
        let has_value = |channel: &&&Channel| {
            let value =
                |place: &usize| channel.series[*place].missing.get(NOW).is_some_and(|m| *m < 1.0);
            case.group.iter().any(value)
        };
        let goes_on = case.others.iter().filter(has_value).count();
        let mut evidence = vec![
            format!(
                "none of {} entities has a value, and all had in the reference",
                case.group.len()
            ),
            format!("{goes_on} of {} other channels of theirs go on", case.others.len()),
        ];
        let (cause, more) = self
            .outage(case)
            .or_else(|| self.upgrade(case))
            .unwrap_or((Cause::MissingData, Vec::new()));
        evidence.extend(more);
        (cause, evidence)
    }

    fn outage(&self, case: &Case<'_>) -> Option<Explained> {
        let down = |id: &str| {
            let tickets = self.tickets.outages.of(id);
            let critical = self.alarms.of(id).filter(|event| event.severity == "CRITICAL");
            tickets.chain(critical).any(|event| self.overlaps(event))
        };
        let concerned = case.concerned(down);
        let evidence = case.hangs_on(&concerned, "have an outage ticket or a critical alarm")?;
        Some((Cause::Outage, evidence))
    }

    fn overlaps(&self, event: &Event) -> bool {
        let start = event.start(self.as_of).unwrap_or(Micros::MAX);
        let end = event.end(self.as_of).unwrap_or(Micros::MAX);
        start < self.window.1 && end > self.window.0
    }

    /// From when on a change may be behind a case.
    fn since(&self, case: &Case<'_>) -> Micros {
        case.reference_end.min(self.window.0) - LATELY
    }

    /// Sites that got a cell in the span: one that had others before it. Where the inventory itself
    /// begins every cell is new, and nothing is known to have been built.
    fn extended(&self, (from, until): (Micros, Micros)) -> BTreeSet<&str> {
        let had: BTreeSet<&str> = self.network.entities("cell", from).map(site_of).collect();
        let is_new = |id: &&str| self.network.state(id, from).is_none();
        let new = self.network.entities("cell", until).filter(is_new).map(site_of);
        new.filter(|site| had.contains(site)).collect()
    }

    fn rebuilt(&self, case: &Case<'_>) -> Option<Explained> {
        let (from, until) = (self.since(case), self.window.1);
        let new_sites = self.extended((from, until));
        let parent =
            |id: &str, at| self.network.state(id, at).and_then(|state| state.parent_id.clone());
        let beside_new = case.concerned(|id| new_sites.contains(site_of(id)));
        let moved = case.concerned(|id| {
            [id, site_of(id)].iter().any(|id| {
                let (was, is) = (parent(id, from), parent(id, until));
                was.is_some() && is.is_some() && was != is
            })
        });
        let evidence = case
            .hangs_on(&beside_new, "stand at a site with a new cell")
            .or_else(|| case.hangs_on(&moved, "were re-homed"))?;
        Some((Cause::NewCarrier, evidence))
    }

    fn holiday(&self, case: &Case<'_>) -> Option<Explained> {
        let has_one = |id: &str| {
            let clock = self.network.clock(id);
            let days = (self.window.1 - self.window.0) / DAY;
            (0..days).any(|day| clock.is_holiday(self.window.0 + day * DAY + DAY / 2))
        };
        let concerned = case.concerned(has_one);
        let share = concerned.len() as f64 / case.group.len().max(1) as f64;
        (share >= HALF).then(|| {
            let evidence = format!(
                "a public holiday lies in the window for {} of {} entities",
                concerned.len(),
                case.group.len()
            );
            (Cause::Holiday, vec![evidence])
        })
    }
}

impl Case<'_> {
    /// Places of the group's entities that `is` says yes to.
    fn concerned(&self, is: impl Fn(&str) -> bool) -> BTreeSet<usize> {
        self.group.iter().copied().filter(|place| is(&self.members[*place])).collect()
    }

    /// Sentences, where the finding hangs on the entities.
    fn hangs_on(&self, concerned: &BTreeSet<usize>, what: &str) -> Option<Vec<String>> {
        if concerned.is_empty() {
            return None;
        }
        let counted = format!("{} of {} entities {what}", concerned.len(), self.group.len());
        let share = concerned.len() as f64 / self.group.len().max(1) as f64;
        if share >= NEARLY_ALL {
            return Some(vec![counted]);
        }
        let all = (self.without)(&|_| false)?;
        let Some(rest) = (self.without)(&|place| concerned.contains(&place)) else {
            return (share >= HALF).then(|| vec![counted]);
        };
        // Sisters that take over the traffic of silent cells move the other way.
        let turned = all.statistic == Statistic::Level && (all.value > 0.0) != (rest.value > 0.0);
        (turned || rest.effect < KEEPS * all.effect).then(|| {
            vec![
                counted,
                match turned {
                    true => "without them the others moved the other way".to_owned(),
                    false => format!(
                        "without them the effect falls from {:.2} to {:.2} interquartile ranges",
                        all.effect, rest.effect
                    ),
                },
            ]
        })
    }
}

fn missing(case: &Case<'_>) -> Option<Explained> {
    let of = |share: &dyn Fn(&Series) -> f64| {
        let shares = case.group.iter().map(|place| share(&case.channel.series[*place]));
        shares.sum::<f64>() / case.group.len().max(1) as f64
    };
    let before = of(&|series| series.missing_before);
    let now = of(&|series| series.missing.get(NOW).copied().unwrap_or(1.0));
    (now - before > MISSING).then(|| {
        let text = format!(
            "{:.0} % of the window's hours have no value, {:.0} % of the reference's",
            100.0 * now,
            100.0 * before
        );
        (Cause::MissingData, vec![text])
    })
}
