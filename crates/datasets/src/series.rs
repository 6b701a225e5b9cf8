//! Cubes as the series of a forecast head.

use foresite_features::cube::Cube;
use foresite_features::task::{DAY, Head, Micros, SliceName, Task, WEEK};
use foresite_models::forecast::{Origin, SeriesSet};

use crate::{Sample, SampleSet};

/// Steps of a season.
pub type Season = usize;

/// The season of a task: a week where steps divide one and times are a wall clock; otherwise none.
pub fn season(task: &Task) -> Season {
    let step = task.inputs.granularity.micros();
    if task.inputs.wall_clock && step <= DAY && WEEK % step == 0 {
        return usize::try_from(WEEK / step).unwrap_or(1);
    }
    1
}

/// The forecast channel of all entities as it is known now: a day whose last hour came late was a
/// gap for an hour, and a forecast made within that hour is none that anybody acts on.
pub fn series(cube: &Cube, task: &Task) -> Option<SeriesSet> {
    let channel = cube.channel(task.label.channel()?)?;
    let steps = cube.grid().steps;
    let mut set = SeriesSet::new(cube.entities().to_vec(), steps);
    for entity in 0..cube.entities().len() {
        let known = cube.series(entity, channel, 0..steps, Micros::MAX - 1);
        set.row_mut(entity).copy_from_slice(&known);
    }
    Some(set)
}

/// Origins of the samples of a slice: the step after the last one that the cutoff sees, and how far
/// the labels say that the future may be looked at.
pub fn origins(samples: &SampleSet, cube: &Cube, task: &Task, slice: SliceName) -> Vec<Origin> {
    samples.of(slice).filter_map(|sample| origin(samples, cube, task, sample)).collect()
}

/// The origin of one sample; `None` where the cube has no such series, or the head is no forecast.
pub(crate) fn origin(
    samples: &SampleSet,
    cube: &Cube,
    task: &Task,
    sample: &Sample,
) -> Option<Origin> {
    let Head::Forecast { horizon, .. } = &task.head else {
        return None;
    };
    let series = cube.entity(&samples.entities[sample.entity])?;
    let step = first_ahead(cube, sample.cutoff);
    let reach = sample.labels.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    Some(Origin { series, step, reach: reach.min(*horizon), block: samples.block(sample) })
}

/// The first step that had not ended at the cutoff.
pub fn first_ahead(cube: &Cube, cutoff: Micros) -> usize {
    cube.grid().before(cutoff, usize::MAX).end
}
