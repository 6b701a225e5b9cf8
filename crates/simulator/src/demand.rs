//! What people want from a sector: daily, weekly and yearly season, growth, crowds and noise.
//!
//! `offered = peak · growth(t) · shape(local hour, day) · season(t) · crowd(t) · exp(noise)`, in Mbit/s.

use crate::calendar::{DAY, HOUR, LocalTime, Micros};
use crate::config::DemandConfig;
use crate::layout::{Region, Sector, Site, SiteKind};
use crate::noise::{REGION, SECTOR, smooth};

/// Average year in microseconds.
pub const YEAR: f64 = 365.25 * DAY as f64;

/// What a region's sectors share at one moment.
#[derive(Debug, Clone, Copy)]
pub struct RegionMoment {
    /// The moment.
    pub at: Micros,
    /// Local time.
    pub local: LocalTime,
    /// Shared noise, in the exponent.
    pub noise: f64,
}

impl RegionMoment {
    /// Looks at a region's clock and draws its noise.
    pub fn new(region: &Region, at: Micros, demand: &DemandConfig) -> Self {
        Self {
            at,
            local: region.clock.local(at),
            noise: demand.noise * smooth(region.key.named("noise"), REGION, hours(at)),
        }
    }
}

/// Demand without noise and crowds, Mbit/s: what the capacity truth is computed from.
pub fn expected_mbps(
    site: &Site,
    sector: &Sector,
    start: Micros,
    at: Micros,
    local: LocalTime,
) -> f64 {
    sector.peak_mbps
        * growth(sector, start, at)
        * shape(site.kind, local)
        * season(site.kind, local)
}

/// Demand as it is, Mbit/s.
pub fn offered_mbps(
    site: &Site,
    sector: &Sector,
    start: Micros,
    moment: &RegionMoment,
    demand: &DemandConfig,
) -> f64 {
    let own = demand.noise * smooth(sector.key.named("noise"), SECTOR, hours(moment.at));
    let expected = expected_mbps(site, sector, start, moment.at, moment.local);
    expected * crowd(site, moment.at, demand) * (moment.noise + own).exp()
}

/// Growth since `start`: compound, at another pace after the sector's turn.
fn growth(sector: &Sector, start: Micros, at: Micros) -> f64 {
    let turn = sector.growth_turn;
    let before = (at.min(turn) - start) as f64 / YEAR;
    let after = (at - turn).max(0) as f64 / YEAR;
    (before * sector.growth[0].ln_1p() + after * sector.growth[1].ln_1p()).exp()
}

/// Yearly season: leisure sites live in summer, the others in autumn and winter.
fn season(kind: SiteKind, local: LocalTime) -> f64 {
    let (amplitude, peak) = match kind {
        SiteKind::Leisure => (0.16, 0.56),
        SiteKind::Residential => (0.06, 0.96),
        SiteKind::Business | SiteKind::Transit => (0.05, 0.85),
    };
    1.0 + amplitude * (std::f64::consts::TAU * (local.year_phase - peak)).cos()
}

/// Length of the weeks in which a site has one crowd or none.
pub const WEEK: Micros = 7 * DAY;

/// How long a crowd stays.
pub const CROWD: Micros = 3 * HOUR;

/// A crowd at a site: a match, a market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crowd {
    /// When it begins; it stays for [`CROWD`].
    pub start: Micros,
    /// Most traffic that it adds, as a share of what is usual.
    pub height: f64,
}

/// The crowd at the site in a week since the epoch, three hours in the afternoon or evening.
pub fn crowd_of_week(site: &Site, week: i64, demand: &DemandConfig) -> Option<Crowd> {
    let mut draw = site.key.named("crowd").at_time(week).stream();
    let busier = if site.kind == SiteKind::Leisure { 2.0 } else { 0.7 };
    if !draw.chance((busier * demand.events_per_year / 52.18).min(1.0)) {
        return None;
    }
    let begin = draw.below(7) as i64 * DAY + (draw.between(13.0, 19.0) * HOUR as f64) as i64;
    Some(Crowd { start: week * WEEK + begin, height: draw.log_normal(0.7, 0.5) })
}

/// What a crowd makes of the traffic.
fn crowd(site: &Site, at: Micros, demand: &DemandConfig) -> f64 {
    let Some(crowd) = crowd_of_week(site, at.div_euclid(WEEK), demand) else { return 1.0 };
    let place = (at - crowd.start) as f64 / CROWD as f64;
    if (0.0..1.0).contains(&place) {
        1.0 + crowd.height * (std::f64::consts::PI * place).sin()
    } else {
        1.0
    }
}

/// The weekly shape, 1 in the busiest hour, interpolated between full hours.
fn shape(kind: SiteKind, local: LocalTime) -> f64 {
    let [workday, weekend] = match kind {
        SiteKind::Business => BUSINESS,
        SiteKind::Residential => RESIDENTIAL,
        SiteKind::Transit => TRANSIT,
        SiteKind::Leisure => LEISURE,
    };
    let free = local.holiday || local.weekday >= 5;
    let table = if free { &weekend } else { &workday };
    let day = if free { 1.0 } else { WEEKDAY[local.weekday.min(4)] };
    let hour = local.hour as usize % 24;
    let (now, next) = (f64::from(table[hour]), f64::from(table[(hour + 1) % 24]));
    day * (now + (next - now) * local.hour.fract()) / 100.0
}

/// Monday to Friday, relative.
const WEEKDAY: [f64; 5] = [0.95, 0.97, 0.98, 1.0, 0.99];

/// Per cent of the busiest hour, by local hour: workday, free day.
type Shape = [[u8; 24]; 2];
const BUSINESS: Shape = [
    [14, 10, 8, 7, 7, 10, 20, 42, 68, 82, 88, 93, 98, 96, 92, 94, 98, 100, 88, 70, 52, 40, 30, 20],
    [16, 12, 9, 7, 6, 7, 9, 14, 22, 32, 42, 50, 54, 55, 54, 52, 50, 48, 44, 38, 32, 28, 24, 20],
];
const RESIDENTIAL: Shape = [
    [
        30, 20, 14, 11, 10, 12, 22, 38, 46, 46, 46, 48, 52, 54, 54, 58, 66, 76, 84, 92, 98, 100,
        86, 56,
    ],
    [
        36, 26, 18, 13, 11, 11, 14, 22, 34, 48, 58, 64, 68, 70, 70, 70, 72, 76, 82, 88, 92, 90, 76,
        54,
    ],
];
const TRANSIT: Shape = [
    [12, 8, 6, 6, 8, 20, 52, 90, 96, 70, 58, 58, 62, 62, 64, 74, 92, 100, 94, 70, 50, 38, 28, 18],
    [16, 12, 9, 7, 7, 9, 14, 22, 34, 46, 54, 58, 60, 60, 60, 60, 60, 58, 54, 48, 40, 34, 28, 22],
];
const LEISURE: Shape = [
    [20, 14, 10, 8, 7, 8, 12, 20, 30, 38, 44, 50, 56, 58, 58, 60, 64, 70, 76, 80, 78, 66, 48, 32],
    [30, 22, 16, 11, 8, 8, 10, 16, 28, 46, 64, 78, 88, 94, 98, 100, 98, 94, 90, 86, 80, 68, 54, 40],
];

fn hours(at: Micros) -> f64 {
    at as f64 / HOUR as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(hour: f64, weekday: usize) -> LocalTime {
        LocalTime { hour, weekday, year_phase: 0.5, holiday: false }
    }

    #[test]
    fn the_busiest_hour_of_the_week_is_one() {
        for kind in
            [SiteKind::Business, SiteKind::Residential, SiteKind::Transit, SiteKind::Leisure]
        {
            let hours = (0..7 * 24).map(|h| shape(kind, local(f64::from(h % 24), h as usize / 24)));
            assert!((hours.fold(0.0, f64::max) - 1.0).abs() < 1e-9, "{kind:?}");
        }
    }

    #[test]
    fn a_holiday_looks_like_a_free_day() {
        let monday = local(10.0, 0);
        let holiday = LocalTime { holiday: true, ..monday };
        assert_eq!(shape(SiteKind::Business, holiday), shape(SiteKind::Business, local(10.0, 6)));
        assert!(shape(SiteKind::Business, holiday) < 0.6 * shape(SiteKind::Business, monday));
    }
}
