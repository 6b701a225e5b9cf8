//! Series as distances from the usual: of a cell itself, of the cells around it, and silence where
//! traffic was expected.
//!
//! A sleeping cell raises no alarm and its ratios stay green, because nobody reaches it. What gives
//! it away is traffic that its own profile expected and that did not come, while its neighbours
//! carry more than they usually do.

use std::collections::BTreeMap;

use crate::clock::LocalClock;
use crate::cube::Cube;
use crate::network::Network;
use crate::profile::{Profile, Profiles};
use crate::task::Micros;

/// Hours over which silence is judged: one quiet hour proves nothing on a small cell.
const SILENCE_STEPS: usize = 3;
/// Longest silence that is counted, in steps.
const LONGEST_SILENCE: usize = 24;
/// A step is silent below this share of what was expected.
const SILENT_SHARE: f64 = 0.25;
/// Share of the expected traffic that is added to both sides of a ratio, so that the logarithm of
/// nothing stays finite.
const SOFTENING: f64 = 0.05;

/// A cube seen through the profiles of its entities.
#[derive(Debug)]
pub struct Deviations<'a> {
    cube: &'a Cube,
    profiles: &'a Profiles,
    /// `[entities][time]`: hour of the local week.
    hours: Vec<Vec<u8>>,
    adjacency: Adjacency,
}

/// How silent a channel of an entity is at a cutoff.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silence {
    /// Logarithm of observed over expected during the last hours; NaN where either is unknown.
    pub own: f64,
    /// Steps in a row, up to the newest, with hardly anything of what was expected.
    pub steps: f64,
    /// The same logarithm over the neighbours together: above zero where they absorb traffic.
    pub neighbours: f64,
}

impl<'a> Deviations<'a> {
    /// A view on `cube`, whose step must divide an hour or be one.
    pub fn new(cube: &'a Cube, profiles: &'a Profiles, network: &Network) -> Self {
        let grid = cube.grid();
        // Sites share few zones, and the hours of a zone over years cost more than all the rest.
        let clocks = cube.entities().iter().map(|id| network.clock(id));
        let mut by_zone: Vec<(LocalClock, Vec<u8>)> = Vec::new();
        let hours = clocks
            .map(|clock| {
                if let Some((_, hours)) = by_zone.iter().find(|(have, _)| have.same_zone(&clock)) {
                    return hours.clone();
                }
                let hours = clock.hours_of_week(grid.start, grid.step, grid.steps);
                by_zone.push((clock, hours.clone()));
                hours
            })
            .collect();
        Self { cube, profiles, hours, adjacency: Adjacency::new(cube, network) }
    }

    /// The cube itself.
    pub fn cube(&self) -> &Cube {
        self.cube
    }

    /// `[time, channels]` of the `k` steps before the cutoff, in spreads from the usual; NaN where
    /// the step was not observed, no profile existed, or the cube does not reach back.
    pub fn window(&self, entity: usize, cutoff: Micros, k: usize) -> Vec<f32> {
        let steps = self.cube.grid().before(cutoff, k);
        let width = self.cube.channels().len();
        let mut window = vec![f32::NAN; (k - steps.len()) * width];
        self.cube.gather(entity, steps.clone(), cutoff, &mut window);
        let profiles = self.profiles_of(entity, cutoff);
        let first = k - steps.len();
        for (row, step) in (first..k).zip(steps) {
            let hour = usize::from(self.hours[entity][step]);
            let values = &mut window[row * width..(row + 1) * width];
            for (value, profile) in values.iter_mut().zip(&profiles) {
                *value = profile
                    .map_or(f32::NAN, |profile| profile.deviation(hour, f64::from(*value)) as f32);
            }
        }
        window
    }

    /// One channel over the steps, in spreads from the usual.
    pub fn channel(
        &self,
        entity: usize,
        channel: usize,
        steps: std::ops::Range<usize>,
        cutoff: Micros,
    ) -> Vec<f64> {
        let profile = self.profile_of(entity, channel, cutoff);
        let values = self.cube.series(entity, channel, steps.clone(), cutoff);
        let hours = &self.hours[entity][steps];
        let pairs = values.into_iter().zip(hours);
        let deviation = |(value, hour): (f64, &u8)| {
            profile.map_or(f64::NAN, |profile| profile.deviation(usize::from(*hour), value))
        };
        pairs.map(deviation).collect()
    }

    /// `[time, channels]`: mean window of the neighbours and, apart, of the cells of the same site.
    pub fn around(&self, entity: usize, cutoff: Micros, k: usize) -> Around {
        let (neighbours, sisters) = self.adjacency.of(entity, cutoff);
        let mean = |members: &[usize]| {
            let windows: Vec<_> = members.iter().map(|m| self.window(*m, cutoff, k)).collect();
            mean_of(&windows, k * self.cube.channels().len())
        };
        Around { neighbours: mean(neighbours), site: mean(sisters) }
    }

    /// How silent `channel` is at the cutoff.
    pub fn silence(&self, entity: usize, channel: usize, cutoff: Micros) -> Silence {
        let (neighbours, _) = self.adjacency.of(entity, cutoff);
        let own = self.against_expected(entity, channel, cutoff, LONGEST_SILENCE);
        let is_silent = |(seen, usual): &&(f64, f64)| *seen < SILENT_SHARE * usual;
        let around: Vec<(f64, f64)> = neighbours
            .iter()
            .flat_map(|n| self.against_expected(*n, channel, cutoff, SILENCE_STEPS))
            .collect();
        Silence {
            own: log_ratio(&own[own.len().saturating_sub(SILENCE_STEPS)..]),
            steps: own.iter().rev().take_while(is_silent).count() as f64,
            neighbours: log_ratio(&around),
        }
    }

    /// Observed and usual value of the last `k` steps, where both are known.
    fn against_expected(
        &self,
        entity: usize,
        channel: usize,
        cutoff: Micros,
        k: usize,
    ) -> Vec<(f64, f64)> {
        let steps = self.cube.grid().before(cutoff, k);
        let seen = self.cube.series(entity, channel, steps.clone(), cutoff);
        let Some(profile) = self.profile_of(entity, channel, cutoff) else {
            return Vec::new();
        };
        let usual =
            steps.map(|step| f64::from(profile.median[usize::from(self.hours[entity][step])]));
        let pairs = seen.into_iter().zip(usual);
        pairs.filter(|(seen, usual)| !seen.is_nan() && *usual > 0.0).collect()
    }

    fn profile_of(&self, entity: usize, channel: usize, cutoff: Micros) -> Option<&Profile> {
        let (ids, channels) = (self.cube.entities(), self.cube.channels());
        self.profiles.at(cutoff)?.get(&ids[entity], &channels[channel])
    }

    fn profiles_of(&self, entity: usize, cutoff: Micros) -> Vec<Option<&Profile>> {
        let channels = 0..self.cube.channels().len();
        channels.map(|channel| self.profile_of(entity, channel, cutoff)).collect()
    }
}

/// Windows of what surrounds a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Around {
    /// `[time, channels]`: mean of the neighbours.
    pub neighbours: Vec<f32>,
    /// `[time, channels]`: mean of the other cells of the site.
    pub site: Vec<f32>,
}

fn mean_of(windows: &[Vec<f32>], len: usize) -> Vec<f32> {
    (0..len)
        .map(|index| {
            let seen = windows.iter().map(|window| f64::from(window[index]));
            let (sum, count) = seen
                .filter(|value| !value.is_nan())
                .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            (sum / count) as f32
        })
        .collect()
}

fn log_ratio(pairs: &[(f64, f64)]) -> f64 {
    let (seen, usual) =
        pairs.iter().fold((0.0, 0.0), |(a, b), (seen, usual)| (a + seen, b + usual));
    ((seen + SOFTENING * usual) / (usual + SOFTENING * usual)).ln()
}

/// Who stands around whom, for every stretch of time in which the network does not change.
#[derive(Debug)]
struct Adjacency {
    changes: Vec<Micros>,
    /// `[eras][entities]`
    eras: BTreeMap<usize, Vec<Ring>>,
    nobody: Ring,
}

/// Neighbours and, apart, cells of the same site, as indices of the cube.
type Ring = (Vec<usize>, Vec<usize>);

impl Adjacency {
    fn new(cube: &Cube, network: &Network) -> Self {
        let grid = cube.grid();
        let changes = network.changes();
        let mut eras = BTreeMap::new();
        // A cutoff may lie a step beyond the last one: late files are waited for.
        let last = changes.partition_point(|change| *change <= grid.at(grid.steps) + grid.step);
        let first = changes.partition_point(|change| *change <= grid.start);
        for era in first..=last {
            // Any moment of the era will do; its first is at hand.
            let at = era.checked_sub(1).map_or(grid.start, |index| changes[index]);
            let indices = |ids: std::collections::BTreeSet<&str>| {
                ids.into_iter().filter_map(|id| cube.entity(id)).collect()
            };
            let of = |id: &String| {
                let sisters = network.same_site(id, at);
                (indices(network.neighbours(id, at)), indices(sisters))
            };
            eras.insert(era, cube.entities().iter().map(of).collect());
        }
        Self { changes, eras, nobody: (Vec::new(), Vec::new()) }
    }

    fn of(&self, entity: usize, cutoff: Micros) -> (&[usize], &[usize]) {
        let era = self.changes.partition_point(|change| *change <= cutoff);
        let (neighbours, sisters) = self
            .eras
            .get(&era)
            .or_else(|| self.eras.values().next_back())
            .map_or(&self.nobody, |entities| &entities[entity]);
        (neighbours, sisters)
    }
}

#[cfg(test)]
mod tests;
