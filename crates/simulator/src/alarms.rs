//! What the alarm system shows: failures and what they drag along, deteriorations where a
//! threshold noticed them, storms, and much that means nothing. Sleeping cells show nothing.

use crate::calendar::{self, Micros, SECOND};
use crate::faults::{Cause, Episode, Failure, Spell, Unit};
use crate::network::Network;
use crate::random::{Key, Stream};

mod kinds;

pub use kinds::AlarmKind;
use kinds::{
    BASEBAND, BATTERY_LOW, CELL, FRAMES, HEARTBEAT, HOT, IDLE, LINK, LOCKED, MAINS, RADIO,
    RECTIFIER, RELATION, SIGNALLING, minor,
};

/// One alarm with its whole life.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Identifier.
    pub id: String,
    /// What it says.
    pub kind: AlarmKind,
    /// Type of the entity.
    pub entity_type: &'static str,
    /// The entity.
    pub entity_id: String,
    /// Raised.
    pub raised_at: Micros,
    /// Cleared.
    pub cleared_at: Micros,
    /// When the two facts reached the log.
    pub logged_at: [Micros; 2],
}

/// All alarms of a network.
pub fn draw_alarms(network: &Network) -> Vec<Alarm> {
    let mut log = Log { network, alarms: Vec::new() };
    for (site, spells) in network.faults.spells.iter().enumerate() {
        for spell in spells {
            log.supply(site, spell);
        }
    }
    for failure in &network.faults.failures {
        log.failure(failure);
    }
    for episode in network.faults.episodes.iter().flatten() {
        log.deterioration(episode);
    }
    for site in 0..network.layout.sites.len() {
        log.idle(site);
        log.storms(site);
    }
    for work in &network.work {
        let end = work.end;
        log.cells(work.site, work.sector, LOCKED, [work.start, end]);
    }
    let mut alarms = log.alarms;
    alarms.sort_by(|a, b| (a.raised_at, &a.id).cmp(&(b.raised_at, &b.id)));
    alarms
}

struct Log<'a> {
    network: &'a Network,
    alarms: Vec<Alarm>,
}

/// What an alarm is about.
enum On {
    Site,
    Unit(Unit),
    Cell(usize),
}

impl Log<'_> {
    fn raise(&mut self, site: usize, on: &On, kind: AlarmKind, span: [Micros; 2]) {
        let entity = &self.network.layout.sites[site];
        let (entity_type, entity_id) = match on {
            On::Site => ("site", entity.id.clone()),
            On::Unit(unit) => (unit.entity_type(), format!("{}/{}", entity.id, unit.name())),
            On::Cell(cell) => ("cell", self.network.layout.cells[*cell].id.clone()),
        };
        let [raised_at, cleared_at] = [span[0], span[1].max(span[0] + SECOND)];
        let key = entity.key.named(kind.specific_problem).named(&entity_id).at_time(raised_at);
        let mut draw = key.stream();
        let by_element = kind != HEARTBEAT;
        let logged_at = [raised_at, cleared_at].map(|at| {
            let delay = draw.between(3.0, 40.0) as i64 * SECOND;
            // A site that is cut off tells its alarms when it is reachable again.
            let told = if by_element { self.reachable(site, at) } else { at };
            told + delay
        });
        self.alarms.push(Alarm {
            id: format!("{:013x}", key.number() >> 12),
            kind,
            entity_type,
            entity_id,
            raised_at,
            cleared_at,
            logged_at,
        });
    }

    fn reachable(&self, site: usize, at: Micros) -> Micros {
        let failures = self.network.failures_of[site].iter();
        let cut = failures.map(|&index| &self.network.faults.failures[index]).find(|failure| {
            failure.cause != Cause::Radio && failure.start < at && at < failure.end
        });
        cut.map_or(at, |failure| failure.end)
    }

    fn cells(&mut self, site: usize, sector: Option<usize>, kind: AlarmKind, span: [Micros; 2]) {
        let layout = &self.network.layout;
        let sectors = sector.map_or(layout.sites[site].sectors.clone(), |one| one..one + 1);
        let cells = layout.sectors[sectors].iter().flat_map(|sector| sector.cells.clone());
        let in_service = |cell: &usize| layout.cells[*cell].commissioned_at <= span[0];
        for cell in cells.filter(in_service).collect::<Vec<_>>() {
            self.raise(site, &On::Cell(cell), kind, span);
        }
    }

    fn supply(&mut self, site: usize, spell: &Spell) {
        let span = [spell.start, spell.end];
        match spell.cause {
            Cause::Rectifier => self.raise(site, &On::Unit(Unit::Rectifier), RECTIFIER, span),
            _ => self.raise(site, &On::Site, MAINS, span),
        }
        let low = spell.start + (spell.empty_at - spell.start) * 7 / 10;
        if low < spell.end {
            self.raise(site, &On::Unit(Unit::Battery), BATTERY_LOW, [low, spell.end]);
        }
    }

    fn failure(&mut self, failure: &Failure) {
        let (site, span) = (failure.site, [failure.start, failure.end]);
        let own = match failure.cause {
            Cause::Cooling => Some(HOT),
            Cause::Baseband => Some(BASEBAND),
            Cause::Radio => Some(RADIO),
            Cause::Transport => Some(LINK),
            Cause::Power | Cause::Rectifier | Cause::Upstream => None,
        };
        if let Some(kind) = own {
            self.raise(site, &On::Unit(failure.unit), kind, span);
        }
        if let Unit::Radio(number) = failure.unit {
            let sector = self.network.layout.sites[site].sectors.start + number - 1;
            self.cells(site, Some(sector), CELL, span);
            return;
        }
        self.raise(site, &On::Site, HEARTBEAT, [span[0] + 90 * SECOND, span[1]]);
        if matches!(failure.cause, Cause::Transport | Cause::Upstream) {
            self.cells(site, None, CELL, span);
        }
        self.bordering(site, span);
    }

    /// Sites around a lost one report their links to it: the storm that hides the cause.
    fn bordering(&mut self, site: usize, [start, end]: [Micros; 2]) {
        let network = self.network;
        let layout = &network.layout;
        let mut draw = layout.sites[site].key.named("storm").at_time(start).stream();
        let own = layout.sectors[layout.sites[site].sectors.clone()].iter();
        let mut around: Vec<usize> = own
            .flat_map(|sector| &sector.cells)
            .flat_map(|&cell| network.neighbours[cell].iter().map(|neighbour| neighbour.cell))
            .filter(|&cell| network.site_of(cell) != site)
            .filter(|&cell| layout.cells[cell].commissioned_at <= start)
            .collect();
        around.sort_unstable();
        around.dedup();
        for cell in around {
            let at = start + draw.between(5.0, 300.0) as i64 * SECOND;
            let span = [at, end.max(at + 30 * SECOND)];
            self.raise(network.site_of(cell), &On::Cell(cell), RELATION, span);
        }
    }

    fn deterioration(&mut self, episode: &Episode) {
        let site = episode.site;
        let key = self.network.layout.sites[site].key.named(episode.unit.name());
        let mut draw = key.named("minor").at_time(episode.start).stream();
        let at = |severity: f64| episode.start + calendar::hours(severity * episode.pace_hours);
        let noticed = at(draw.between(0.3, 0.75));
        if draw.chance(0.75) && noticed < episode.end {
            self.raise(site, &On::Unit(episode.unit), minor(episode.unit), [noticed, episode.end]);
        }
        if !matches!(episode.unit, Unit::Backhaul | Unit::Radio(_)) {
            return;
        }
        // Bursts of errors, more often as it gets worse.
        let mut now = episode.start;
        loop {
            let severity = episode.severity(now).max(0.15);
            now += calendar::hours(draw.exponential(24.0 / (3.0 * severity * severity)));
            if now >= episode.end {
                return;
            }
            let over = now + draw.between(30.0, 900.0) as i64 * SECOND;
            self.raise(site, &On::Unit(episode.unit), FRAMES, [now, over]);
        }
    }

    fn idle(&mut self, site: usize) {
        let rate = self.network.config.faults.idle_alarms_per_year;
        for (at, mut draw) in arrivals(self.network, site, "idle", rate) {
            let which = draw.below(IDLE.len());
            let on = match which {
                4 => On::Unit(Unit::Fan),
                5 => On::Unit(Unit::Radio(1 + draw.below(3))),
                6 => On::Unit(Unit::Backhaul),
                _ => On::Site,
            };
            let hours = draw.log_normal(0.7, 1.3).min(72.0);
            self.raise(site, &on, IDLE[which], [at, at + calendar::hours(hours)]);
        }
    }

    fn storms(&mut self, site: usize) {
        let rate = self.network.config.faults.alarm_storms_per_year;
        for (mut at, mut draw) in arrivals(self.network, site, "alarm storm", rate) {
            for _ in 0..20 + draw.below(100) {
                at += draw.exponential(40.0).max(1.0) as i64 * SECOND;
                let over = at + draw.between(2.0, 30.0) as i64 * SECOND;
                self.raise(site, &On::Site, SIGNALLING, [at, over]);
                at = over;
            }
        }
    }
}

/// Random times at a site, each with randomness of its own.
fn arrivals(network: &Network, site: usize, what: &str, per_year: f64) -> Vec<(Micros, Stream)> {
    let key: Key = network.layout.sites[site].key.named(what);
    let mut draw = key.stream();
    let mut times = Vec::new();
    let mut at = network.config.start.0;
    loop {
        at += calendar::days(draw.exponential(365.25 / per_year.max(1e-9)));
        if at >= network.until {
            return times;
        }
        times.push((at, key.at_time(at).stream()));
    }
}
