//! The series of a task's entities, on the task's grid, from rows of `kpis`.
//!
//! Three things can stand between the rows and the grid: the entity has no rows of its own but
//! members that have (a sector and its carriers), rows are finer than a step (hours of a local
//! day), or they are coarser (days of an old history). Batch, training and serving build series
//! here, so that the three agree.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};

use crate::batch::{BatchError, Texts, column};
use crate::cube::{Added, Cube, Grid, Rank, Rows, coarsen};
use crate::network::Network;
use crate::task::{Aggregate, DAY, HOUR, Members, Micros, SECOND, Task};

/// Columns of `kpis` that identify a row, besides the channels.
pub const KEY_COLUMNS: [&str; 9] = [
    "quality",
    "entity_type",
    "entity_id",
    "period_start",
    "granularity_s",
    "source",
    "tombstone",
    "known_at",
    "lineage_id",
];

/// Builds the series of a task's entities.
#[derive(Debug)]
pub struct SeriesBuilder<'a> {
    task: &'a Task,
    network: &'a Network,
    /// Ids of the task's entities.
    entities: Vec<String>,
    /// Ids whose rows are read: the entities themselves, or their members.
    members: Vec<String>,
    /// Grid of the rows of at most an hour, or of the steps themselves where these are no days.
    grid: Grid,
    /// Rows on that grid; made by the first of them, because a set of days over decades would
    /// otherwise hold its hours in vain.
    fine: Option<Cube>,
    /// Rows of days, where steps are days.
    coarse: Option<Cube>,
    known_until: Micros,
}

impl<'a> SeriesBuilder<'a> {
    /// A builder for `entities` over the steps that lie in `[start, end)`, from rows known until
    /// `known_until`.
    pub fn new(
        task: &'a Task,
        network: &'a Network,
        entities: Vec<String>,
        (start, end): (Micros, Micros),
        known_until: Micros,
    ) -> Self {
        let step = task.inputs.granularity.micros();
        let members: Vec<String> = match &task.inputs.members {
            // Only those that the entities ever had: a few entities must not cost the whole network.
            Some(members) => {
                let below =
                    entities.iter().flat_map(|id| network.ever_below(id, &members.entity_type));
                let below: BTreeSet<&str> = below.collect();
                below.into_iter().map(str::to_owned).collect()
            }
            None => entities.clone(),
        };
        let has_days = step >= DAY;
        let fine_step = if has_days { HOUR.min(step) } else { step };
        // Local days begin up to 14 hours before and after the UTC day of the same date.
        let margin = if has_days { DAY } else { 0 };
        let grid = Grid::covering(start - margin, end + margin, fine_step);
        let coarse = has_days
            .then(|| Cube::new(Grid::covering(start, end, step), members.clone(), channels(task)));
        Self { task, network, entities, members, grid, fine: None, coarse, known_until }
    }

    /// Columns of `kpis` to read; those that the table lacks are to be left out.
    pub fn columns(task: &Task) -> Vec<String> {
        let keys = KEY_COLUMNS.map(str::to_owned);
        let coarse = task.inputs.coarse_channel.clone();
        keys.into_iter().chain(channels(task)).chain(coarse).collect()
    }

    /// The time of `kpis` to read.
    pub fn period(&self) -> (Micros, Micros) {
        (self.grid.start, self.grid.at(self.grid.steps))
    }

    /// Takes rows of `kpis`, all versions.
    ///
    /// # Errors
    /// When a key column is missing or has another type.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<Added, BatchError> {
        let inputs = &self.task.inputs;
        let channel = inputs.channels.first().map(String::as_str).unwrap_or_default();
        let rows = Rows {
            additive: &inputs.additive,
            coarse_channel: inputs.coarse_channel.as_deref().map(|instead| (channel, instead)),
            known_until: Some(self.known_until),
            longest: None,
        };
        let Some(coarse) = &mut self.coarse else {
            // A day says nothing about its hours: a window of them would be one value, repeated.
            let longest = Some(self.grid.step);
            return self.fine().add(batch, &Rows { longest, ..rows });
        };
        let mut taken = coarse.add(batch, &rows)?.taken;
        if taken < batch.num_rows() && has_hours(batch)? {
            // A day must not stand for its hours here: its busy hour is a column of its own.
            taken += self.fine().add(batch, &Rows { longest: Some(HOUR), ..rows })?.taken;
        }
        Ok(Added { taken, skipped: batch.num_rows() - taken })
    }

    /// The cube of the fine rows.
    fn fine(&mut self) -> &mut Cube {
        let Self { fine, grid, members, task, .. } = self;
        fine.get_or_insert_with(|| Cube::new(*grid, members.clone(), channels(task)))
    }

    /// The series.
    pub fn finish(mut self) -> Cube {
        let Some(coarse) = self.coarse.take() else {
            self.fine();
            let cube = self.fine.unwrap_or_else(|| Cube::new(self.grid, [], Vec::new()));
            return combined(cube, &self.entities, self.network, self.task);
        };
        let mut days = combined(coarse, &self.entities, self.network, self.task);
        if let Some(hours) = self.fine {
            let hours = combined(hours, &self.entities, self.network, self.task);
            let (how, least) = (self.task.inputs.aggregate, self.task.inputs.min_observed);
            coarsen(&hours, &mut days, |id| self.network.clock(id), how, least);
            days.finish();
        }
        days
    }
}

/// The cube, its members put together where the task has any.
fn combined(mut cube: Cube, entities: &[String], network: &Network, task: &Task) -> Cube {
    cube.finish();
    match &task.inputs.members {
        Some(members) => combine(&cube, entities, network, members),
        None => cube,
    }
}

/// Whether a batch holds rows of at most an hour.
fn has_hours(batch: &RecordBatch) -> Result<bool, BatchError> {
    let lengths = column(batch, "granularity_s", &DataType::Int32)?;
    let lengths = lengths.as_primitive::<Int32Type>();
    Ok(lengths.values().iter().any(|seconds| Micros::from(*seconds) * SECOND <= HOUR))
}

/// Channels of a task's own series: inputs of the entity itself, and the label where it is one.
fn channels(task: &Task) -> Vec<String> {
    let inputs = &task.inputs;
    let own = inputs.rolling.iter().filter(|rolling| rolling.of == crate::task::Scope::Own);
    let rolling = own.flat_map(|rolling| &rolling.channels);
    let mut all: Vec<String> = inputs.channels.clone();
    for name in inputs.silence.iter().chain(rolling).map(String::as_str).chain(task.label.channel())
    {
        if !all.iter().any(|have| have == name) {
            all.push(name.to_owned());
        }
    }
    all
}

/// One series per entity from those of its members, version by version.
fn combine(members: &Cube, entities: &[String], network: &Network, how: &Members) -> Cube {
    let grid = members.grid();
    let mut cube = Cube::new(grid, entities.iter().cloned(), members.channels().to_vec());
    let changes = network.changes();
    for (entity, id) in cube.entities().to_vec().iter().enumerate() {
        let mut at_era: Option<(usize, Vec<(usize, f64)>)> = None;
        let below: Vec<usize> = network
            .ever_below(id, &how.entity_type)
            .into_iter()
            .filter_map(|member| members.entity(member))
            .collect();
        for step in 0..grid.steps {
            let mut times: Vec<Micros> = below
                .iter()
                .flat_map(|member| members.known_times(*member, step..step + 1))
                .collect();
            times.sort_unstable();
            times.dedup();
            for known_at in times {
                let era = changes.partition_point(|change| *change <= known_at);
                if at_era.as_ref().is_none_or(|(have, _)| *have != era) {
                    at_era = Some((era, weights(members, id, network, how, known_at)));
                }
                let current = at_era.as_ref().map_or(&[][..], |(_, weights)| weights);
                let values = together(members, current, step, known_at, how.combine);
                cube.insert(entity, step, (Rank::Derived, known_at), &values);
            }
        }
    }
    cube.finish();
    cube
}

/// Members of an entity at a moment, as indices of the cube, with their weights.
fn weights(
    members: &Cube,
    id: &str,
    network: &Network,
    how: &Members,
    at: Micros,
) -> Vec<(usize, f64)> {
    let below = network.below(id, &[&how.entity_type], at);
    let weight = |member: &str| {
        let blocks = network.state(member, at).and_then(|state| state.prb_count);
        if how.by_prb { blocks.map_or(1.0, f64::from) } else { 1.0 }
    };
    below.into_iter().filter_map(|member| Some((members.entity(member)?, weight(member)))).collect()
}

fn together(
    members: &Cube,
    current: &[(usize, f64)],
    step: usize,
    known_at: Micros,
    how: Aggregate,
) -> Vec<f32> {
    (0..members.channels().len())
        .map(|channel| {
            let value = |member: usize| f64::from(members.value(member, step, channel, known_at));
            let seen: Vec<(f64, f64)> = current
                .iter()
                .map(|(member, weight)| (value(*member), *weight))
                .filter(|(value, _)| !value.is_nan())
                .collect();
            if how == Aggregate::Mean {
                let weights: f64 = seen.iter().map(|(_, weight)| weight).sum();
                let sum: f64 = seen.iter().map(|(value, weight)| value * weight).sum();
                return (sum / weights) as f32;
            }
            let values: Vec<f64> = seen.iter().map(|(value, _)| *value).collect();
            how.of(&values) as f32
        })
        .collect()
}

/// Adds the ids of a type that stand in rows of `kpis`: for sets that come without an inventory.
///
/// # Errors
/// When a column is missing or has another type.
pub fn note_entities(
    batch: &RecordBatch,
    entity_type: &str,
    into: &mut BTreeSet<String>,
) -> Result<(), BatchError> {
    let (types, ids) = (Texts::of(batch, "entity_type")?, Texts::of(batch, "entity_id")?);
    for row in 0..batch.num_rows() {
        if let Some(id) = ids.at(row).filter(|_| types.at(row) == Some(entity_type))
            && !into.contains(id)
        {
            into.insert(id.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
