//! Cubes as the panel of an anomaly head: one step per cutoff.

use std::collections::BTreeMap;

use foresite_features::cube::Cube;
use foresite_features::deviations::Deviations;
use foresite_features::network::Network;
use foresite_features::profile::{self, ProfileSet, Profiles};
use foresite_features::task::{Micros, SliceName, Task, Transform, WEEK};
use foresite_models::anomaly::{Panel, Periods};

use crate::SampleSet;

/// The cutoffs that are the steps of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutoffGrid {
    /// Ascending, equally far apart.
    pub cutoffs: Vec<Micros>,
}

impl CutoffGrid {
    /// All cutoffs of the task from `first` to `last`, both included.
    pub fn new(task: &Task, first: Micros, last: Micros) -> Self {
        let ends = [first, last].map(|cutoff| task.cutoffs.period_end(cutoff));
        Self { cutoffs: task.cutoffs.of_interval(ends[0] - 1, ends[1]).collect() }
    }

    /// The step of a cutoff.
    pub fn step(&self, cutoff: Micros) -> Option<usize> {
        self.cutoffs.binary_search(&cutoff).ok()
    }

    /// How many steps a span of time has, at least one.
    fn steps_of(&self, span: Micros) -> usize {
        let step = self.cutoffs.windows(2).map(|pair| pair[1] - pair[0]).next();
        usize::try_from(span / step.unwrap_or(span)).unwrap_or(1).max(1)
    }

    /// Steps of the cutoffs in `[first, last]`.
    fn range(&self, span: Option<(Micros, Micros)>) -> std::ops::Range<usize> {
        let Some((first, last)) = span else {
            return 0..0;
        };
        let start = self.cutoffs.partition_point(|at| *at < first);
        start..self.cutoffs.partition_point(|at| *at <= last)
    }
}

/// Steps of the slices of a sample set.
pub fn periods(set: &SampleSet, grid: &CutoffGrid) -> Periods {
    Periods {
        fit: grid.range(set.span(SliceName::Fit)),
        select: grid.range(set.span(SliceName::Select)),
        calibrate: grid.range(set.span(SliceName::Calibrate)),
        gate: grid.range(set.span(SliceName::Gate)),
        week: grid.steps_of(WEEK),
    }
}

/// The panel of all entities of the cube at the cutoffs: what each cutoff could know of its newest
/// step, as the task transforms it.
///
/// Where no profile is known at a cutoff, its step is not observed.
pub fn panel(
    task: &Task,
    cube: &Cube,
    network: &Network,
    profiles: &Profiles,
    grid: &CutoffGrid,
) -> Panel {
    let channels: Vec<usize> =
        task.inputs.channels.iter().filter_map(|name| cube.channel(name)).collect();
    let names = channels.iter().map(|at| cube.channels()[*at].clone()).collect();
    let mut panel = Panel::new(cube.entities().to_vec(), names, grid.cutoffs.len());
    let by_profile = task.inputs.transform == Transform::Profile;
    let deviations = Deviations::new(cube, profiles, network);
    for entity in 0..cube.entities().len() {
        for (step, cutoff) in grid.cutoffs.iter().enumerate() {
            let values = if by_profile {
                deviations.window(entity, *cutoff, 1)
            } else {
                newest(cube, entity, *cutoff)
            };
            let row = panel.row_mut(entity, step);
            for (value, channel) in row.iter_mut().zip(&channels) {
                *value = values.get(*channel).copied().unwrap_or(f32::NAN);
            }
        }
    }
    if let (true, Some(last)) = (task.inputs.neighbours, grid.cutoffs.last()) {
        for (entity, id) in cube.entities().iter().enumerate() {
            let around = network.neighbours(id, *last);
            panel.neighbours[entity] = around.into_iter().filter_map(|n| cube.entity(n)).collect();
        }
    }
    panel
}

/// The values of the newest step that had ended at the cutoff.
fn newest(cube: &Cube, entity: usize, cutoff: Micros) -> Vec<f32> {
    let mut values = Vec::new();
    cube.gather(entity, cube.grid().before(cutoff, 1), cutoff, &mut values);
    values
}

/// Profiles for training and for cutoffs of the past: where those of the table do not reach back to
/// the first cutoff they are built here instead, weekly, each from what was known at its time. The
/// cube must reach back by the profiles' own look-back.
pub fn profiles_reaching_back(
    profiles: Profiles,
    cube: &Cube,
    network: &Network,
    grid: &CutoffGrid,
) -> Profiles {
    let (Some(&first), Some(&last)) = (grid.cutoffs.first(), grid.cutoffs.last()) else {
        return profiles;
    };
    if profiles.at(first).is_some() {
        return profiles;
    }
    let clocks: BTreeMap<&str, _> =
        cube.entities().iter().map(|id| (id.as_str(), network.clock(id))).collect();
    let clock_of = |id: &str| clocks.get(id).cloned().unwrap_or_default();
    let mut sets: Vec<ProfileSet> = Vec::new();
    let mut at = first;
    while at <= last {
        sets.push(profile::build(cube, clock_of, at));
        at += WEEK;
    }
    Profiles::new(sets)
}
