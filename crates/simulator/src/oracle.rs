//! What could be known at best: the probability of a failure within a horizon, computed from the
//! process itself and its state at a moment, never from what happens after it.
//!
//! The state of a site is: which units deteriorate and how far, whether it lives on its battery
//! and since when, whether a storm blows, and the same of the hub it hangs on. Units fail
//! independently given that state, so `P(site) = 1 − Π (1 − P(unit))`.

use crate::calendar::{self, HOUR, Micros};
use crate::faults::{
    Cause, Episode, MAINS_HOURS, MAINS_SIGMA, Rates, STORM_BACKHAUL, STORM_MAINS, Spell, Unit,
    Weather, autonomy_hours,
};
use crate::layout::Site;
use crate::network::Network;
use crate::random::normal_probability;

/// Horizons of the hazard in hours: 6 h, 24 h, 3 d, 7 d, 14 d, 30 d.
pub const HORIZONS: [f64; 6] = [6.0, 24.0, 72.0, 168.0, 336.0, 720.0];

/// Steps of the integrals over a horizon.
const STEPS: usize = 12;

/// The oracle of one network.
#[derive(Debug)]
pub struct Oracle<'a> {
    network: &'a Network,
    weather: Weather,
}

/// Cumulative hazard within each horizon: P = 1 − exp(−hazard).
type Hazards = [f64; HORIZONS.len()];

impl<'a> Oracle<'a> {
    /// The oracle of a network.
    pub fn new(network: &'a Network) -> Self {
        Self { network, weather: Weather { onset: network.rates.storms } }
    }

    /// P(a loss of service begins within each of [`HORIZONS`] after `at`) for a site.
    pub fn failure_within(&self, site: usize, at: Micros) -> [f64; HORIZONS.len()] {
        let mut hazards = self.own(site, at, false);
        if let Some(hub) = self.network.layout.sites[site].hub(at) {
            add(&mut hazards, self.own(hub, at, true));
        }
        hazards.map(|hazard| 1.0 - (-hazard).exp())
    }

    /// Hazards of a site's own equipment; of a hub only what takes its followers along.
    fn own(&self, site: usize, at: Micros, as_hub: bool) -> Hazards {
        let mut hazards = self.supply(site, at);
        for unit in Unit::ALL {
            let counts = match unit {
                Unit::Battery | Unit::Rectifier => false,
                Unit::Backhaul => true,
                Unit::Fan | Unit::Baseband | Unit::Radio(_) => !as_hub,
            };
            if counts {
                add(&mut hazards, std::array::from_fn(|h| self.unit(site, unit, at, HORIZONS[h])));
            }
        }
        hazards
    }

    /// Hazard of one unit within `hours`.
    fn unit(&self, site: usize, unit: Unit, at: Micros, hours: f64) -> f64 {
        let network = self.network;
        let law = network.rates.law(unit);
        if let Some(episode) = self.episode(site, unit, at) {
            let severity = hours_between(episode.start, at) / episode.pace_hours;
            let failure = law.failure_within(severity, hours, episode.pace_hours);
            return -(-failure.min(1.0 - 1e-9)).ln_1p();
        }
        let entity = &network.layout.sites[site];
        // Rates move with the seasons: those of the middle of the horizon stand for all of it.
        let middle = at + calendar::hours(hours / 2.0);
        let local = network.layout.regions[entity.region].clock.local(middle);
        let stormy = match unit {
            Unit::Backhaul => self.weather.stormy_hours(self.is_stormy(entity, at), hours),
            _ => 0.0,
        };
        let sudden = network.rates.sudden(entity, unit, middle, local)
            * (hours + (STORM_BACKHAUL - 1.0) * stormy);
        let onset = network.rates.onset(entity, unit, middle, local) * law.fresh_failures(hours);
        sudden + onset
    }

    /// Mains and rectifier against the battery.
    fn supply(&self, site: usize, at: Micros) -> Hazards {
        let battery = self.episode(site, Unit::Battery, at);
        let entity = &self.network.layout.sites[site];
        let spells = &self.network.faults.spells[site];
        let now = spells.iter().find(|spell| spell.start <= at && at < spell.end);
        std::array::from_fn(|h| {
            let hours = HORIZONS[h];
            let running = now.map_or(0.0, |spell| running_empty(spell, at, hours));
            let mains = self.mains(entity, battery, at, hours);
            running + mains + self.rectifier(site, battery, at, hours)
        })
    }

    /// New mains outages that outlast the battery: ∫ rate(u) · P(length > autonomy(u)) du.
    fn mains(&self, site: &Site, battery: Option<&Episode>, at: Micros, hours: f64) -> f64 {
        let stormy_now = self.is_stormy(site, at);
        let mut sum = 0.0;
        for step in 0..STEPS {
            let [begin, end] = [step, step + 1].map(|edge| hours * edge as f64 / STEPS as f64);
            let middle = 0.5 * (begin + end);
            let autonomy = autonomy_after(site, battery, at, middle);
            // The outage must begin an autonomy before the horizon to be felt within it.
            let latest = (hours - autonomy).clamp(begin, end);
            let stormy = self.weather.stormy_hours(stormy_now, latest)
                - self.weather.stormy_hours(stormy_now, begin);
            let outages =
                self.network.rates.mains * (latest - begin + (STORM_MAINS - 1.0) * stormy);
            sum += outages * mains_outlasts(autonomy);
        }
        sum
    }

    /// A rectifier that fails and is repaired too late.
    fn rectifier(&self, site: usize, battery: Option<&Episode>, at: Micros, hours: f64) -> f64 {
        let entity = &self.network.layout.sites[site];
        let autonomy = autonomy_after(entity, battery, at, 0.5 * hours);
        let left = hours - autonomy;
        if left <= 0.0 {
            return 0.0;
        }
        let law = self.network.rates.law(Unit::Rectifier);
        let late = repair_outlasts(autonomy);
        if let Some(episode) = self.episode(site, Unit::Rectifier, at) {
            let severity = hours_between(episode.start, at) / episode.pace_hours;
            let failure = law.failure_within(severity, left, episode.pace_hours) * late;
            return -(-failure.min(1.0 - 1e-9)).ln_1p();
        }
        let middle = at + calendar::hours(left / 2.0);
        let local = self.network.layout.regions[entity.region].clock.local(middle);
        let rates = &self.network.rates;
        let sudden = rates.sudden(entity, Unit::Rectifier, middle, local) * left;
        let onset = rates.onset(entity, Unit::Rectifier, middle, local) * law.fresh_failures(left);
        (sudden + onset) * late
    }

    fn episode(&self, site: usize, unit: Unit, at: Micros) -> Option<&Episode> {
        let episodes = self.network.faults.episodes[site].iter();
        episodes
            .take_while(|episode| episode.start <= at)
            .find(|episode| episode.unit == unit && at < episode.end)
    }

    fn is_stormy(&self, site: &Site, at: Micros) -> bool {
        let storms = &self.network.faults.storms[site.region];
        storms.iter().any(|(start, end)| (*start..*end).contains(&at))
    }
}

/// The site lives on its battery: will the supply stay away until it is empty?
fn running_empty(spell: &Spell, at: Micros, hours: f64) -> f64 {
    let autonomy = hours_between(spell.start, spell.empty_at);
    let elapsed = hours_between(spell.start, at);
    if elapsed >= autonomy || elapsed + hours < autonomy {
        return 0.0;
    }
    let outlasts = match spell.cause {
        Cause::Rectifier => repair_outlasts,
        _ => mains_outlasts,
    };
    let failure = outlasts(autonomy) / outlasts(elapsed).max(1e-9);
    -(-failure.min(1.0 - 1e-9)).ln_1p()
}

fn autonomy_after(site: &Site, battery: Option<&Episode>, at: Micros, hours: f64) -> f64 {
    let severity = battery
        .map_or(0.0, |episode| (hours_between(episode.start, at) + hours) / episode.pace_hours);
    autonomy_hours(site, severity)
}

/// P(mains outage longer than this).
fn mains_outlasts(hours: f64) -> f64 {
    1.0 - normal_probability((hours.max(1e-3) / MAINS_HOURS).ln() / MAINS_SIGMA)
}

/// P(repair of a rectifier longer than this).
fn repair_outlasts(hours: f64) -> f64 {
    let repair = Rates::repair(Unit::Rectifier);
    1.0 - normal_probability((hours.max(1e-3) / repair.hours).ln() / repair.sigma)
}

fn hours_between(from: Micros, to: Micros) -> f64 {
    (to - from) as f64 / HOUR as f64
}

fn add(sum: &mut Hazards, more: Hazards) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
