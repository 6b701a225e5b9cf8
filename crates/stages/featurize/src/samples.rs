//! Step `samples`: an immutable sample set over the interval.

mod document;
mod table;

use std::collections::BTreeMap;

use foresite_features::kernel::Extractor;
use foresite_features::labels::{Asked, Label, Labeller, MaskReason, Truth, first_open_step};
use foresite_features::profile::{LOOK_BACK, Profiles};
use foresite_features::slices::{Place, Slicer};
use foresite_features::task::{Group, LabelRule, Micros, Task};
use foresite_schema::site_of;
use foresite_stage::{Context, ErrorKind, Inputs, Interval, Report, Result, StageError};
use rayon::prelude::*;

use crate::Config;
use crate::features::{memory, reach};
use crate::inputs::{World, first_period};
use crate::series::{Block, Usual, Wanted, blocks};

/// One sample.
pub(crate) struct Sample {
    pub(crate) entity: String,
    pub(crate) cutoff: Micros,
    pub(crate) place: Place,
    pub(crate) label: Label,
    /// Raw feature row; empty where the set stores none.
    pub(crate) features: Vec<f64>,
}

pub(crate) fn run(cx: &Context, config: &Config) -> Result<Report> {
    let mut inputs = Inputs::new();
    let task = crate::task::load(cx, config, &mut inputs)?;
    let interval = cx.interval()?;
    let start = start(cx, &task, interval)?;
    let all: Vec<Micros> = task.cutoffs.of_interval(start, interval.end).collect();
    let period = period(&task, &all, interval.end, cx.as_of());
    let mut wanted = Wanted { task: &task, period, own: needs_own(&task) };
    wanted.check(cx)?;
    let world = World::read(cx, memory(&task, period.0), &mut inputs)?;
    let entities = world.entities(cx, &task)?;
    let cutoffs = thinned(&all, entities.len(), config);
    let (Some(first), Some(last)) = (cutoffs.first(), cutoffs.last()) else {
        return Err(StageError::new(ErrorKind::Usage, format!("interval {interval}: no cutoff"))
            .hint("samples need an interval that holds many cutoffs of the task"));
    };
    let groups = groups(&task, &world, &entities);
    let slicer = Slicer::new(&task, (*first, *last), cx.as_of(), &groups);
    let has_usual = task.stores_features() && wanted.reads_profiles();
    if has_usual {
        wanted.period.0 -= LOOK_BACK;
    }
    let blocks = blocks(config, &wanted, &world.network, &entities);
    let progress = cx.progress(entities.len() as u64, "entities");
    let mut samples = Vec::new();
    for entities in blocks {
        let count = entities.len() as u64;
        let block = Block::read(cx, &wanted, &world, entities, &mut inputs)?;
        let set = Set { cx, task: &task, world: &world, slicer: &slicer };
        let usual = match has_usual {
            true => block.rebuilt(&world.network, (*first, *last)),
            false => Usual::Stored(Profiles::default()),
        };
        samples.extend(set.of_block(&block, &usual, &cutoffs));
        progress.add(count);
    }
    if samples.is_empty() {
        let message = format!("no `{}` had data in {interval}", task.entity_type);
        return Err(StageError::new(ErrorKind::BadData, message)
            .hint("run ingest first; inventory or kpis must hold entities of the task's type"));
    }
    table::publish(cx, &task, &samples, &inputs)
}

/// Where the set begins: not before the first window that could be full enough, or the first
/// slices would hold nothing but masked samples.
fn start(cx: &Context, task: &Task, interval: Interval) -> Result<Micros> {
    if !needs_window(task) {
        return Ok(interval.start);
    }
    let step = task.inputs.granularity.micros();
    let whole = (interval.start - task.look_back.micros(), interval.end);
    let Some(first) = first_period(cx, whole, step)? else {
        return Ok(interval.start);
    };
    let enough = (task.look_back.micros() as f64 * task.masks.min_observed) as Micros;
    Ok(interval.start.max(first + enough))
}

/// Series from the look-back of the first cutoff to the end of the last label.
fn period(
    task: &Task,
    cutoffs: &[Micros],
    interval_end: Micros,
    as_of: Micros,
) -> (Micros, Micros) {
    let back = if task.stores_features() { reach(task) } else { task.look_back.micros() };
    let first = cutoffs.first().copied().unwrap_or(as_of);
    let last = cutoffs.last().copied().unwrap_or(as_of);
    let ahead = match task.label {
        // A life may end long after the last cutoff.
        LabelRule::RemainingLife { .. } => interval_end,
        _ => last + task.horizon().micros() + task.inputs.granularity.micros(),
    };
    let start = task.cutoffs.period_end(first) - back.max(task.look_back.micros());
    (start, ahead.min(as_of).max(last))
}

fn needs_own(task: &Task) -> bool {
    Wanted::labels_from_series(task) || needs_window(task)
}

/// Whether samples count only with enough of their window observed; none of it is never enough.
fn needs_window(task: &Task) -> bool {
    !task.inputs.channels.is_empty()
}

/// Every n-th cutoff, so that the set stays below its greatest size.
fn thinned(cutoffs: &[Micros], entities: usize, config: &Config) -> Vec<Micros> {
    let most = usize::try_from(config.most_samples.get()).unwrap_or(usize::MAX);
    let stride = (cutoffs.len() * entities).div_ceil(most).max(1);
    // Counted from the newest, which every set should hold.
    let mut kept: Vec<Micros> = cutoffs.iter().rev().step_by(stride).copied().collect();
    kept.reverse();
    kept
}

/// By entity, the group that no division may tear apart.
fn groups(task: &Task, world: &World, entities: &[String]) -> BTreeMap<String, String> {
    let fates = world.network.fate_groups();
    let group = |id: &String| match task.slices.group {
        Group::Entity => id.clone(),
        Group::Site => {
            let site = site_of(id);
            fates.get(site).copied().unwrap_or(site).to_owned()
        }
    };
    entities.iter().map(|id| (id.clone(), group(id))).collect()
}

/// What all samples of a set share.
struct Set<'a> {
    cx: &'a Context,
    task: &'a Task,
    world: &'a World,
    slicer: &'a Slicer,
}

impl Set<'_> {
    fn of_block(&self, block: &Block, usual: &Usual, cutoffs: &[Micros]) -> Vec<Sample> {
        let views = block.views(usual, &self.world.network);
        let extractor = Extractor::new(self.task, views.sources(self.world));
        let empty = foresite_features::cube::Cube::new(
            foresite_features::cube::Grid { start: 0, step: 1, steps: 0 },
            [],
            Vec::new(),
        );
        let truth = Truth {
            tickets: &self.world.tickets,
            alarms: &self.world.alarms,
            labels: &self.world.labels,
            marks: &self.world.marks,
            series: block.own.as_ref().unwrap_or(&empty),
            as_of: self.cx.as_of(),
        };
        let ends = self.world.network.ends(&self.task.entity_type);
        let labeller = Labeller::new(self.task, truth, ends);
        let of = |entity: &String| self.of_entity(entity, &labeller, &extractor, (block, cutoffs));
        block.entities.par_iter().flat_map_iter(of).collect()
    }

    fn of_entity(
        &self,
        entity: &str,
        labeller: &Labeller<'_>,
        extractor: &Extractor<'_>,
        (block, cutoffs): (&Block, &[Micros]),
    ) -> Vec<Sample> {
        let clock = self.world.network.clock(entity);
        let lived = |at: &Micros| {
            self.world.is_in_service(entity, *at) && self.has_rows(block, entity, *at)
        };
        let cutoffs: Vec<Micros> = cutoffs.iter().copied().filter(lived).collect();
        let rows = match self.task.stores_features() {
            true => extractor.rows(entity, &cutoffs),
            false => Vec::new(),
        };
        let width = rows.len() / cutoffs.len().max(1);
        let sample = |(index, cutoff): (usize, &Micros)| {
            let place = self.slicer.place(entity, *cutoff);
            let asked = Asked { entity, cutoff: *cutoff, until: place.until };
            let mut label = labeller.label(asked, &clock);
            if !place.is_seen {
                label.mask = Some(MaskReason::UnseenGroup);
            } else if label.mask.is_none() && self.is_thin(block, (entity, &clock), *cutoff) {
                label.mask = Some(MaskReason::TooFewObservations);
            }
            let features = rows[index * width..(index + 1) * width].to_vec();
            Sample { entity: entity.to_owned(), cutoff: *cutoff, place, label, features }
        };
        cutoffs.iter().enumerate().map(sample).collect()
    }

    /// Whether the cutoff lies between an entity's first and last row, for entities that no
    /// inventory speaks of.
    fn has_rows(&self, block: &Block, entity: &str, cutoff: Micros) -> bool {
        let Some(cube) = block.own.as_ref().filter(|_| !self.world.network.is_listed(entity))
        else {
            return true;
        };
        let extent = cube.entity(entity).and_then(|index| cube.extent(index));
        extent.is_some_and(|(first, last)| {
            let end = self.task.cutoffs.period_end(cutoff);
            cube.grid().at(first + 1) <= end && end <= cube.grid().at(last + 1)
        })
    }

    /// Whether too little of the look-back was observed.
    fn is_thin(
        &self,
        block: &Block,
        (entity, clock): (&str, &foresite_features::clock::LocalClock),
        cutoff: Micros,
    ) -> bool {
        let least = self.task.masks.min_observed;
        let Some(cube) = block.own.as_ref().filter(|_| needs_window(self.task)) else {
            return false;
        };
        let Some(index) = cube.entity(entity) else {
            return true;
        };
        let end = first_open_step(cube, clock, self.task.cutoffs.period_end(cutoff));
        let k = self.task.window_steps();
        let mut window = Vec::new();
        cube.gather(index, end.saturating_sub(k)..end, cutoff, &mut window);
        // Only what is an input counts: a label column beside it is not looked back at.
        let width = cube.channels().len();
        let inputs = self.task.inputs.channels.len().min(width);
        let rows = window.chunks_exact(width.max(1));
        let seen: usize =
            rows.map(|row| row[..inputs].iter().filter(|value| !value.is_nan()).count()).sum();
        seen == 0 || (seen as f64) < least * (k * inputs) as f64
    }
}
