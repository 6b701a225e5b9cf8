//! What is tested: a channel of a group of entities, with the days that its blocks begin on.

use foresite_features::clock::LocalClock;
use foresite_features::network::Network;
use foresite_features::task::{DAY, Micros};
use foresite_metrics::drift::group::{Group, Kinds};
use foresite_metrics::drift::null::LEAST_BLOCKS;
use foresite_metrics::drift::profile::Blocks;

use super::{NOW, Watched};
use crate::config::Config;

/// Share of a group's entities below which a block of the reference is about others than the group.
const MANY: f64 = 0.9;

/// A group of a channel, kept until the causes are known.
pub(super) struct Place<'a> {
    /// Places of the set among the watched ones, and of the channel in it.
    pub(super) watched: usize,
    pub(super) channel: usize,
    pub(super) group_id: &'a str,
    /// Places of the entities with blocks, in the order in which the group has them.
    pub(super) entities: Vec<usize>,
    pub(super) group: Option<Group<'a>>,
    pub(super) exclusions: Option<String>,
    /// Reference blocks that count.
    blocks: usize,
}

/// Every channel of every group of every set.
pub(super) fn places<'a>(
    config: &Config,
    watched: &'a [Watched<'_>],
    network: &Network,
) -> Vec<Place<'a>> {
    let mut found = Vec::new();
    for (at, of) in watched.iter().enumerate() {
        for (group_id, members) in &of.members.groups {
            let days = Days::of(config, of, members, network);
            for (number, channel) in of.channels.iter().enumerate() {
                let entities: Vec<usize> = members
                    .iter()
                    .copied()
                    .filter(|place| channel.series[*place].blocks.is_some())
                    .collect();
                let blocks: Vec<&Blocks> =
                    entities.iter().filter_map(|e| channel.series[*e].blocks.as_ref()).collect();
                let is_fit = of.spans.too_short.is_none();
                let kinds = Kinds { reference: &days.reference, windows: &days.windows };
                found.push(Place {
                    watched: at,
                    channel: number,
                    group_id,
                    group: is_fit.then(|| Group::new(&blocks, kinds)).flatten(),
                    entities,
                    exclusions: days.exclusions(of, &blocks),
                    blocks: days.counted(&blocks),
                });
            }
        }
    }
    found
}

impl Place<'_> {
    /// Whether no entity that has a reference has a value in the window.
    pub(super) fn is_gone(&self, of: &Watched<'_>, window: usize) -> bool {
        let series = &of.channels[self.channel].series;
        let is_absent =
            |place: &usize| series[*place].missing.get(window).is_some_and(|share| *share >= 1.0);
        let is_fit = of.spans.too_short.is_none() && !self.entities.is_empty();
        is_fit && self.entities.iter().all(is_absent)
    }

    /// Why it has no value.
    pub(super) fn not_tested(&self, of: &Watched<'_>) -> Option<String> {
        if of.spans.too_short.is_some() {
            return of.spans.too_short.clone();
        }
        let entities = self.entities.len();
        match &self.group {
            None if self.blocks < LEAST_BLOCKS => Some(format!(
                "the reference holds {} of the {LEAST_BLOCKS} blocks that a test needs",
                self.blocks
            )),
            None => Some(format!("{entities} entities have a reference, too few for a test")),
            Some(_) if self.is_gone(of, NOW) => Some("no entity has a value in the window".into()),
            Some(group) if group.test(NOW).is_empty() => {
                Some("too few entities have values in the window".into())
            }
            Some(_) => None,
        }
    }
}

/// The days that a group's blocks begin on.
struct Days {
    reference: Vec<Option<u8>>,
    windows: Vec<u8>,
    holidays: usize,
}

impl Days {
    fn of(config: &Config, watched: &Watched<'_>, members: &[usize], network: &Network) -> Self {
        let window_days = config.window_days.get() as usize;
        let weekday = |at: Micros| u8::try_from(at.div_euclid(DAY).rem_euclid(7)).unwrap_or(0);
        let entities = members.iter().map(|place| watched.members.entities[*place].as_str());
        let clocks = clocks(entities.map(|entity| network.clock(entity)));
        let is_holiday = |start: &Micros| touches_holiday(&clocks, *start, window_days);
        let starts = watched.spans.reference_blocks(window_days);
        let holidays = starts.iter().filter(|start| is_holiday(start)).count();
        let kind = |start: &Micros| (!is_holiday(start)).then(|| weekday(*start));
        let judged = watched.spans.judged_blocks(window_days);
        Self {
            reference: starts.iter().map(kind).collect(),
            windows: judged.iter().map(|start| weekday(*start)).collect(),
            holidays,
        }
    }

    /// Blocks that count and that some entity has values in.
    fn counted(&self, blocks: &[&Blocks]) -> usize {
        let has_values = |at: usize| {
            blocks.iter().any(|of| of.reference.get(at).is_some_and(|value| !value.is_nan()))
        };
        let counts = self.reference.iter().enumerate().filter(|(_, kind)| kind.is_some());
        counts.filter(|(at, _)| has_values(*at)).count()
    }

    /// Blocks that count and that many entities, though not all, lack a value in; and the least share
    /// of entities that one of them has.
    fn partial(&self, blocks: &[&Blocks]) -> Option<(usize, f64)> {
        let counts = self.reference.iter().enumerate().filter(|(_, kind)| kind.is_some());
        let shares = counts.map(|(at, _)| {
            let has_value = |of: &&&Blocks| of.reference.get(at).is_some_and(|v| !v.is_nan());
            blocks.iter().filter(has_value).count() as f64 / blocks.len().max(1) as f64
        });
        let shares: Vec<f64> = shares.filter(|share| *share > 0.0 && *share < MANY).collect();
        let least = shares.iter().copied().min_by(f64::total_cmp)?;
        Some((shares.len(), least))
    }

    fn exclusions(&self, watched: &Watched<'_>, blocks: &[&Blocks]) -> Option<String> {
        let holes = self.reference.len() - self.holidays - self.counted(blocks);
        let mut told: Vec<String> = watched.spans.note.iter().cloned().collect();
        if self.holidays > 0 {
            told.push(format!(
                "{} of {} reference blocks touch a holiday",
                self.holidays,
                self.reference.len()
            ));
        }
        if holes > 0 {
            told.push(format!(
                "{holes} of {} reference blocks hold less than half of their values",
                self.reference.len()
            ));
        }
        if let Some((partial, least)) = self.partial(blocks) {
            told.push(format!(
                "{partial} of {} reference blocks lack many entities (at worst {:.0} % have values), \
                 which widens what is usual",
                self.reference.len(),
                100.0 * least
            ));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// Each clock once: most entities of a group share theirs.
fn clocks(all: impl Iterator<Item = LocalClock>) -> Vec<LocalClock> {
    let mut found: Vec<LocalClock> = Vec::new();
    for clock in all {
        if !found.contains(&clock) {
            found.push(clock);
        }
    }
    found
}

/// Whether so many days from the start hold a holiday of anybody: some of a group that rest are a day
/// unlike others for the whole of it.
fn touches_holiday(clocks: &[LocalClock], start: Micros, days: usize) -> bool {
    let mut noons = (0..days as Micros).map(|day| start + day * DAY + DAY / 2);
    noons.any(|noon| clocks.iter().any(|clock| clock.is_holiday(noon)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holiday_of_some_of_a_group_is_one_of_the_group() {
        let clock = |calendar| LocalClock::new("Europe/Berlin", calendar).unwrap();
        let clocks = clocks([clock("DE"), clock("ES"), clock("DE")].into_iter());
        assert_eq!(clocks.len(), 2);
        // 2026: Epiphany is a holiday in Spain alone, Unity Day in Germany alone.
        let (third_of_january, first_of_october) = (20_456 * DAY, 20_727 * DAY);
        for (start, days, expected) in [
            (third_of_january, 3, false),
            (third_of_january, 4, true),
            (first_of_october, 2, false),
            (first_of_october, 3, true),
        ] {
            assert_eq!(touches_holiday(&clocks, start, days), expected, "{start} {days}");
        }
    }
}
