//! Builds profiles from a cube of hours.

use std::collections::BTreeMap;

use super::{Profile, ProfileSet};
use crate::clock::{HOURS_OF_WEEK, LocalClock};
use crate::cube::Cube;
use crate::task::{Micros, Span, WEEK};

/// Weeks that a profile looks back.
const WEEKS: i64 = 8;
/// How far a profile looks back.
pub const LOOK_BACK: Micros = WEEKS * WEEK;
/// Days of history at which an entity's own profile and its group's weigh the same.
const HALF_TRUST_DAYS: f64 = 14.0;
/// The same for the level alone, which a few days show well.
const HALF_TRUST_LEVEL_DAYS: f64 = 2.0;
/// Values per hour of the week at which its own spread and the overall one weigh the same.
const HALF_TRUST_SPREAD: f64 = 8.0;
/// Interquartile range of a normal distribution in standard deviations.
const IQR_OF_NORMAL: f64 = 1.349;
/// Least spread as a share of the level: a channel that hardly ever moves (availability at 100 %)
/// must not turn the first small move into an alarm.
const LEAST_SPREAD: f64 = 0.01;

/// One channel of one entity before shrinking.
struct Raw {
    days: f64,
    level: f64,
    /// Interquartile range of all values: how far the channel swings over a week.
    swing: f64,
    /// The same of what the profile leaves over.
    scale: f64,
    median: Vec<f64>,
    spread: Vec<f64>,
    observations: Vec<u16>,
}

/// The group that an entity with a short history borrows from: its region, the first part of its
/// id; all entities together where ids have no parts.
pub fn group_of(id: &str) -> &str {
    id.split_once('/').map_or("", |(region, _)| region)
}

/// Builds the profiles of all entities of `hourly` at `cutoff` from what was known then.
pub fn build(hourly: &Cube, clock_of: impl Fn(&str) -> LocalClock, cutoff: Micros) -> ProfileSet {
    let grid = hourly.grid();
    let steps = grid.before(cutoff, usize::try_from(LOOK_BACK / grid.step).unwrap_or(0));
    let raw: Vec<Vec<Raw>> = hourly
        .entities()
        .iter()
        .enumerate()
        .map(|(entity, id)| {
            let hours = clock_of(id).hours_of_week(grid.at(steps.start), grid.step, steps.len());
            (0..hourly.channels().len())
                .map(|channel| {
                    let series = hourly.series(entity, channel, steps.clone(), cutoff);
                    Raw::of(&series, &hours, grid.step)
                })
                .collect()
        })
        .collect();
    let ids = hourly.entities();
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, id) in ids.iter().enumerate() {
        members.entry(group_of(id)).or_default().push(index);
    }
    let mut entities = BTreeMap::new();
    for members in members.values() {
        let groups: Vec<Group> = (0..hourly.channels().len())
            .map(|channel| Group::of(members.iter().map(|member| &raw[*member][channel])))
            .collect();
        for member in members {
            let pairs = raw[*member].iter().zip(&groups);
            let profiles: Vec<Profile> = pairs.map(|(own, group)| shrink(own, group)).collect();
            entities.insert(ids[*member].clone(), profiles);
        }
    }
    ProfileSet { valid_from: cutoff, channels: hourly.channels().to_vec(), entities }
}

impl Raw {
    fn of(series: &[f64], hours: &[u8], step: Micros) -> Self {
        let mut by_hour: Vec<Vec<f64>> = vec![Vec::new(); HOURS_OF_WEEK];
        for (value, hour) in series.iter().zip(hours).filter(|(value, _)| !value.is_nan()) {
            by_hour[usize::from(*hour)].push(*value);
        }
        let median: Vec<f64> = by_hour.iter_mut().map(|values| quantile(values, 0.5)).collect();
        let mut rest: Vec<f64> = by_hour
            .iter()
            .zip(&median)
            .flat_map(|(values, usual)| values.iter().map(move |value| value - usual))
            .collect();
        let mut all: Vec<f64> = by_hour.iter().flatten().copied().collect();
        let scale = iqr(&mut rest);
        Self {
            days: all.len() as f64 * step as f64 / Span::days(1).micros() as f64,
            level: quantile(&mut all, 0.5),
            swing: iqr(&mut all),
            scale,
            spread: by_hour
                .iter_mut()
                .map(|values| {
                    let own = values.len() as f64 / (values.len() as f64 + HALF_TRUST_SPREAD);
                    blend(own, iqr(values), scale)
                })
                .collect(),
            observations: by_hour
                .iter()
                .map(|values| u16::try_from(values.len()).unwrap_or(u16::MAX))
                .collect(),
            median,
        }
    }
}

/// What the entities of a group have in common, in units of each entity's own swing and scale.
struct Group {
    level: f64,
    swing: f64,
    scale: f64,
    /// `[168]`: (median − level) / swing.
    shape: Vec<f64>,
    /// `[168]`: spread / scale.
    spread: Vec<f64>,
}

impl Group {
    fn of<'a>(members: impl Iterator<Item = &'a Raw>) -> Self {
        let members: Vec<&Raw> = members.filter(|raw| !raw.level.is_nan()).collect();
        let middle = |of: &dyn Fn(&Raw) -> f64| {
            let mut values: Vec<f64> =
                members.iter().map(|raw| of(raw)).filter(|x| x.is_finite()).collect();
            quantile(&mut values, 0.5)
        };
        Self {
            level: middle(&|raw| raw.level),
            swing: middle(&|raw| raw.swing),
            scale: middle(&|raw| raw.scale),
            shape: (0..HOURS_OF_WEEK)
                .map(|hour| middle(&|raw| (raw.median[hour] - raw.level) / raw.swing))
                .collect(),
            spread: (0..HOURS_OF_WEEK)
                .map(|hour| middle(&|raw| raw.spread[hour] / raw.scale))
                .collect(),
        }
    }
}

fn shrink(own: &Raw, group: &Group) -> Profile {
    let trust = own.days / (own.days + HALF_TRUST_DAYS);
    let trust_in_level = own.days / (own.days + HALF_TRUST_LEVEL_DAYS);
    let level = blend(trust_in_level, own.level, group.level);
    let swing = blend(trust_in_level, own.swing, group.swing);
    let scale = blend(trust, own.scale, group.scale);
    let floor = (LEAST_SPREAD * level.abs()).max(f64::from(f32::EPSILON));
    let mut profile = Profile::unknown();
    for hour in 0..HOURS_OF_WEEK {
        let usual = level + or(group.shape[hour], 0.0) * or(swing, 0.0);
        let spread = or(group.spread[hour], 1.0) * scale;
        profile.median[hour] = blend(trust, own.median[hour], usual) as f32;
        profile.spread[hour] = blend(trust, own.spread[hour], spread).max(floor) as f32;
    }
    profile.observations.clone_from(&own.observations);
    profile
}

/// `share` of `own` and the rest of `other`; the one that exists where the other is NaN.
fn blend(share: f64, own: f64, other: f64) -> f64 {
    match (own.is_nan(), other.is_nan()) {
        (true, _) => other,
        (false, true) => own,
        (false, false) => share * own + (1.0 - share) * other,
    }
}

fn or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

/// Interquartile range as a standard deviation; NaN of fewer than two values.
fn iqr(values: &mut [f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    (quantile(values, 0.75) - quantile(values, 0.25)) / IQR_OF_NORMAL
}

/// The quantile of finite values by linear interpolation; NaN of none.
pub(crate) fn quantile(values: &mut [f64], level: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let position = level * (values.len() - 1) as f64;
    let below = position as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    let share = position - below as f64;
    if share > 0.0 { low + share * (high - low) } else { low }
}
