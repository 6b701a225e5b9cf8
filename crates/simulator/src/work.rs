//! Planned work and what it changes: visits, new carriers, re-homing, the software roll-out.

use crate::calendar::{self, DAY, HOUR, Micros};
use crate::capacity::first_day_over;
use crate::config::Config;
use crate::layout::Layout;
use crate::random::{Key, Stream};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKind {
    /// A visit with an outage.
    Visit,
    /// Another software release.
    Upgrade,
    /// A new carrier for a sector.
    NewCarrier,
    /// A new network element for the site.
    NewElement,
    /// Another transport hub.
    NewHub,
}

impl WorkKind {
    /// Text of the ticket.
    pub fn text(self) -> &'static str {
        match self {
            Self::Visit => "preventive maintenance on site",
            Self::Upgrade => "software upgrade",
            Self::NewCarrier => "new carrier taken into service",
            Self::NewElement => "baseband swap, cells re-homed to a new element",
            Self::NewHub => "backhaul re-homed to another hub",
        }
    }

    /// Word in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Upgrade => "upgrade",
            Self::NewCarrier => "new_carrier",
            Self::NewElement => "new_element",
            Self::NewHub => "new_hub",
        }
    }
}

/// One piece of planned work with its outage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Index of the site.
    pub site: usize,
    /// Index of the sector, where only one is touched.
    pub sector: Option<usize>,
    /// What is done.
    pub kind: WorkKind,
    /// Outage from here …
    pub start: Micros,
    /// … to here.
    pub end: Micros,
    /// When it was written down: before `start` if it was announced.
    pub recorded_at: Micros,
}

/// Draws all planned work up to `until` and applies its changes to the layout.
pub fn draw_work(config: &Config, layout: &mut Layout, until: Micros) -> Vec<Work> {
    let mut all = Vec::new();
    for site in 0..layout.sites.len() {
        visits(config, layout, site, until, &mut all);
        upgrade(config, layout, site, &mut all);
    }
    rehome(config, layout, &mut all);
    for sector in 0..layout.sectors.len() {
        expand(config, layout, sector, until, &mut all);
    }
    all.retain(|work| work.start < until);
    all.sort_by_key(|work| (work.start, work.site, work.sector));
    all
}

/// Work at the next 01:00 to 04:00 of the site's own night.
fn at_night(layout: &Layout, site: usize, day: Micros, draw: &mut Stream) -> Micros {
    let hour = draw.between(1.0, 3.5);
    let clock = &layout.regions[layout.sites[site].region].clock;
    let at = clock.next_local_hour(day, hour);
    at - at.rem_euclid(5 * HOUR / 60)
}

fn work(config: &Config, site: usize, kind: WorkKind, start: Micros, draw: &mut Stream) -> Work {
    let minutes = draw.log_normal(75.0, 0.5).clamp(15.0, 240.0).round() as i64;
    let end = start + minutes * HOUR / 60;
    let recorded_at = if draw.chance(config.work.announced) {
        start - calendar::days(draw.between(2.0, 14.0))
    } else {
        end + calendar::days(draw.between(0.5, 5.0))
    };
    Work { site, sector: None, kind, start, end, recorded_at }
}

fn visits(config: &Config, layout: &Layout, site: usize, until: Micros, all: &mut Vec<Work>) {
    let mut draw = layout.sites[site].key.named("visits").stream();
    let mean_days = 365.25 / config.work.per_site_year.max(1e-9);
    let mut at = config.start.0 + DAY;
    loop {
        at += calendar::days(draw.exponential(mean_days));
        if at >= until {
            return;
        }
        let start = at_night(layout, site, at, &mut draw);
        let mut visit = work(config, site, WorkKind::Visit, start, &mut draw);
        let sector = layout.sites[site].sectors.start + draw.below(3);
        visit.sector = draw.chance(0.4).then_some(sector);
        all.push(visit);
    }
}

fn upgrade(config: &Config, layout: &mut Layout, site: usize, all: &mut Vec<Work>) {
    let days = i64::from(config.work.upgrade_days_before_end);
    if days == 0 {
        return;
    }
    let mut draw = layout.sites[site].key.named("upgrade").stream();
    let day = config.end.0 - days * DAY + draw.below(7) as i64 * DAY;
    let start = at_night(layout, site, day, &mut draw);
    let mut upgrade = work(config, site, WorkKind::Upgrade, start, &mut draw);
    upgrade.recorded_at = start - 10 * DAY;
    upgrade.end = start + 35 * HOUR / 60;
    // The new release counts from the next full hour, so that no file mixes names.
    layout.sites[site].upgraded_at = Some(upgrade.end + (-upgrade.end).rem_euclid(HOUR));
    all.push(upgrade);
}

/// Re-homing of the chosen sites: by turns a new element and another hub; the first site gets its
/// new element while measurement files exist, so that readers meet both names.
fn rehome(config: &Config, layout: &mut Layout, all: &mut Vec<Work>) {
    let lot = |site: &usize| layout.sites[*site].key.named("rehome").number();
    let mut sites: Vec<usize> = (0..layout.sites.len()).collect();
    sites.sort_by_key(lot);
    let count = (config.work.rehomed * sites.len() as f64).round() as usize;
    for (number, site) in sites.into_iter().take(count).enumerate() {
        let others = hubs_of(layout, site);
        let kind = match number % 2 == 0 || others.is_empty() {
            true => WorkKind::NewElement,
            false => WorkKind::NewHub,
        };
        let mut draw = layout.sites[site].key.named("new home").stream();
        let past = calendar::hours(
            draw.between(0.3, 0.97) * (config.end.0 - config.start.0) as f64 / HOUR as f64,
        );
        let recent = config.end.0 - i64::from(config.xml_days) * DAY * 2 / 3;
        let day = if number == 0 { recent } else { config.start.0 + past };
        let start = at_night(layout, site, day, &mut draw);
        let done = work(config, site, kind, start, &mut draw);
        let entity = &mut layout.sites[site];
        if kind == WorkKind::NewElement {
            // Files are per element and hour: the new element begins on the hour.
            let at = done.end + (-done.end).rem_euclid(HOUR);
            let name = format!("{}-B", entity.element(start));
            entity.elements.push((at, name));
        } else {
            entity.hubs.push((done.end, Some(others[draw.below(others.len())])));
        }
        all.push(done);
    }
}

/// Hubs of the region that this site does not hang on; none for a hub itself.
fn hubs_of(layout: &Layout, site: usize) -> Vec<usize> {
    let Some(present) = layout.sites[site].hub(Micros::MAX) else {
        return Vec::new();
    };
    let region = &layout.regions[layout.sites[site].region];
    let is_other = |hub: &usize| *hub != present && layout.sites[*hub].hubs[0].1.is_none();
    region.sites.clone().filter(is_other).collect()
}

/// A sector over 78 % gets a new carrier some months later, if money is there.
fn expand(config: &Config, layout: &mut Layout, sector: usize, until: Micros, all: &mut Vec<Work>) {
    if layout.sectors[sector].cells.len() > 1 {
        return;
    }
    let key: Key = layout.sectors[sector].key.named("expansion");
    let mut draw = key.stream();
    let funded = draw.chance(config.work.expanded);
    let span = [config.start.0, until];
    let Some(day) = first_day_over(layout, sector, config.start.0, span, 78.0).filter(|_| funded)
    else {
        return;
    };
    let site = layout.sectors[sector].site;
    let built = day + calendar::days(draw.between(60.0, 150.0));
    let start = at_night(layout, site, built, &mut draw);
    let mut done = work(config, site, WorkKind::NewCarrier, start, &mut draw);
    if done.start >= until {
        return;
    }
    done.sector = Some(sector);
    layout.add_carrier(sector, done.end + (-done.end).rem_euclid(HOUR));
    all.push(done);
}
