//! Draws everything that breaks from the beginning to the end of the plan.
//!
//! Each unit is walked from the start with its own stream, so a longer plan only adds to a
//! shorter one: nothing before its end changes.

use crate::calendar::{self, HOUR, Micros};
use crate::faults::power::{autonomy_at, draw_mains, draw_storms, is_stormy};
use crate::faults::rates::surroundings_limit;
use crate::faults::{Cause, Episode, Failure, Faults, Outcome, Rates, STORM_BACKHAUL, Spell, Unit};
use crate::layout::{Layout, Site};
use crate::random::Stream;

/// A failure of a unit, before its consequences: (start, end, precursor).
type UnitFailure = (Micros, Micros, Option<Micros>);

/// Restart of a site after its supply came back.
const RESTART: Micros = HOUR / 6;

/// Draws the failures of a network between the two times of `span`.
pub fn draw_faults(layout: &Layout, rates: &Rates, span: [Micros; 2]) -> Faults {
    let storms: Vec<_> = layout
        .regions
        .iter()
        .map(|region| draw_storms(region.key, rates, span[0], span[1]))
        .collect();
    let mains = draw_mains(layout, rates, &storms, span);
    let mut faults = Faults {
        episodes: vec![Vec::new(); layout.sites.len()],
        spells: vec![Vec::new(); layout.sites.len()],
        ..Faults::default()
    };
    for (index, site) in layout.sites.iter().enumerate() {
        let mut walk = Walk { layout, rates, storms: &storms[site.region], index, site, span };
        walk.site(&mut faults, &mains[site.feed]);
    }
    cascade(layout, &mut faults);
    faults.storms = storms;
    faults.failures.sort_by_key(|failure| (failure.start, failure.site, failure.unit));
    for episodes in &mut faults.episodes {
        episodes.sort_by_key(|episode| (episode.start, episode.unit));
    }
    faults
}

/// The walk through the life of one site.
struct Walk<'a> {
    layout: &'a Layout,
    rates: &'a Rates,
    storms: &'a [(Micros, Micros)],
    index: usize,
    site: &'a Site,
    span: [Micros; 2],
}

impl Walk<'_> {
    fn site(&mut self, faults: &mut Faults, mains: &[(Micros, Micros)]) {
        let mut spells: Vec<Spell> = mains
            .iter()
            .map(|&(start, end)| self.spell(Cause::Power, (start, end, None)))
            .collect();
        for unit in Unit::ALL {
            if unit == Unit::Battery {
                continue;
            }
            for failure in self.unit(faults, unit) {
                match unit {
                    Unit::Rectifier => spells.push(self.spell(Cause::Rectifier, failure)),
                    _ => faults.failures.push(self.failure(unit, failure)),
                }
            }
        }
        spells.sort_by_key(|spell| spell.start);
        self.battery(faults, spells);
    }

    fn spell(&self, cause: Cause, (start, end, precursor): UnitFailure) -> Spell {
        Spell { site: self.index, cause, start, end, empty_at: Micros::MAX, precursor }
    }

    fn failure(&self, unit: Unit, (start, end, precursor): UnitFailure) -> Failure {
        let cause = match unit {
            Unit::Fan => Cause::Cooling,
            Unit::Baseband => Cause::Baseband,
            Unit::Radio(_) => Cause::Radio,
            Unit::Backhaul => Cause::Transport,
            Unit::Battery | Unit::Rectifier => Cause::Power,
        };
        Failure { site: self.index, unit, cause, start, end, precursor, root: None }
    }

    /// Healthy → sudden failure or deterioration → failure or healing → healthy …
    fn unit(&self, faults: &mut Faults, unit: Unit) -> Vec<UnitFailure> {
        let mut draw = self.site.key.named(unit.name()).stream();
        let repair = Rates::repair(unit);
        let mut failures = Vec::new();
        let mut at = self.span[0];
        while let Some((event, deteriorates)) = self.next_event(unit, at, &mut draw) {
            let mut failed_at = Some(event);
            let mut precursor = None;
            at = event;
            if deteriorates {
                let episode = self.episode(unit, event, &mut draw);
                failed_at = (episode.outcome == Outcome::Failed).then_some(episode.end);
                precursor = Some(event);
                at = episode.end;
                faults.episodes[self.index].push(episode);
            }
            if let Some(start) = failed_at {
                let hours = draw.log_normal(repair.hours, repair.sigma).clamp(0.2, 96.0);
                at = start + calendar::hours(hours);
                if start < self.span[1] {
                    failures.push((start, at, precursor));
                }
            }
        }
        failures
    }

    fn episode(&self, unit: Unit, start: Micros, draw: &mut Stream) -> Episode {
        let (pace_hours, hours, fails) = self.rates.law(unit).draw(draw);
        let outcome = if fails { Outcome::Failed } else { Outcome::Healed };
        let end = start + calendar::hours(hours);
        Episode { site: self.index, unit, start, end, pace_hours, outcome }
    }

    /// The next event of a healthy unit by thinning: its time, and whether it is a deterioration.
    fn next_event(&self, unit: Unit, mut at: Micros, draw: &mut Stream) -> Option<(Micros, bool)> {
        let clock = &self.layout.regions[self.site.region].clock;
        let storm_limit = if unit == Unit::Backhaul { STORM_BACKHAUL } else { 1.0 };
        let [sudden, onset] = self.rates.limits(unit, surroundings_limit(self.site));
        let limit = sudden * storm_limit + onset;
        if limit <= 0.0 {
            return None;
        }
        loop {
            at += calendar::hours(draw.exponential(1.0 / limit));
            if at >= self.span[1] {
                return None;
            }
            let local = clock.local(at);
            let storm = unit == Unit::Backhaul && is_stormy(self.storms, at);
            let factor = if storm { STORM_BACKHAUL } else { 1.0 };
            let sudden = factor * self.rates.sudden(self.site, unit, at, local);
            let onset = self.rates.onset(self.site, unit, at, local);
            let place = draw.uniform() * limit;
            if place < sudden + onset {
                return Some((at, place >= sudden));
            }
        }
    }

    /// Walks the battery through the spells without supply; the site is dark from the moment the
    /// battery is empty, and a battery that let the site down is replaced.
    fn battery(&self, faults: &mut Faults, spells: Vec<Spell>) {
        let mut episodes = self.weak_batteries();
        let mut dark_until = Micros::MIN;
        for mut spell in spells {
            let active = episodes
                .iter_mut()
                .find(|episode| (episode.start..episode.end).contains(&spell.start));
            let hours = autonomy_at(self.site, active.as_deref(), spell.start);
            spell.empty_at = spell.start + calendar::hours(hours);
            faults.spells[self.index].push(spell);
            if spell.empty_at < spell.end && spell.empty_at > dark_until {
                dark_until = spell.end + RESTART;
                faults.failures.push(self.blackout(&spell, active.as_deref()));
                if let Some(episode) = active {
                    episode.end = episode.end.min(dark_until);
                }
            }
        }
        faults.episodes[self.index].extend(episodes);
    }

    /// Times at which the battery loses capacity, each until it is replaced in passing.
    fn weak_batteries(&self) -> Vec<Episode> {
        let mut draw = self.site.key.named(Unit::Battery.name()).stream();
        let mut episodes = Vec::new();
        let mut at = self.span[0];
        while let Some((start, _)) = self.next_event(Unit::Battery, at, &mut draw) {
            let (pace_hours, _, _) = self.rates.law(Unit::Battery).draw(&mut draw);
            let hours = pace_hours * draw.exponential(BATTERY_REPLACED).min(2.0);
            at = start + calendar::hours(hours);
            let (site, unit, outcome) = (self.index, Unit::Battery, Outcome::Healed);
            episodes.push(Episode { site, unit, start, end: at, pace_hours, outcome });
        }
        episodes
    }

    fn blackout(&self, spell: &Spell, battery: Option<&Episode>) -> Failure {
        let unit = match spell.cause {
            Cause::Rectifier => Unit::Rectifier,
            _ => Unit::Battery,
        };
        let weak = battery.map(|episode| episode.start);
        Failure {
            site: self.index,
            unit,
            cause: spell.cause,
            start: spell.empty_at,
            end: spell.end + RESTART,
            precursor: spell.precursor.or(weak),
            root: None,
        }
    }
}

/// Mean of the time until a weak battery is replaced in passing, in units of its pace.
const BATTERY_REPLACED: f64 = 1.3;

/// Carries the loss of a hub's link or power over to the sites behind it.
fn cascade(layout: &Layout, faults: &mut Faults) {
    let mut followers = Vec::new();
    for failure in &faults.failures {
        let dark = matches!(failure.cause, Cause::Power | Cause::Rectifier | Cause::Transport);
        if !dark {
            continue;
        }
        for (index, site) in layout.sites.iter().enumerate() {
            if site.hub(failure.start) == Some(failure.site) {
                followers.push(Failure {
                    site: index,
                    unit: Unit::Backhaul,
                    cause: Cause::Upstream,
                    precursor: failure.precursor,
                    root: Some((failure.site, failure.start)),
                    ..*failure
                });
            }
        }
    }
    faults.failures.extend(followers);
}
