//! What a model is fitted and judged on, besides the samples.

use std::collections::BTreeMap;

use foresite_features::cube::Cube;
use foresite_features::labels::MaskReason;
use foresite_features::profile::LOOK_BACK;
use foresite_features::task::{Head, Micros, SliceName, Task, Transform};
use foresite_models::anomaly::Panel;
use foresite_stage::Result;

use crate::panel::profiles_reaching_back;
use crate::{CutoffGrid, Reader, SampleSet, mark_work, panel};

/// What a head is fitted on, read once.
#[derive(Debug)]
pub enum Data {
    /// Feature rows: the samples hold them.
    Rows,
    /// Deviations at every cutoff of the set, and which cutoffs those are.
    Panel(Box<(Panel, CutoffGrid)>),
    /// Series with their future.
    Series(Box<Cube>),
}

impl Data {
    /// Reads what the samples do not hold themselves.
    ///
    /// # Errors
    /// As the reader's.
    pub fn read(reader: &mut Reader<'_>, task: &Task, set: &SampleSet) -> Result<Self> {
        let spans = SliceName::ALL.map(|slice| set.span(slice));
        let first = spans.iter().flatten().map(|span| span.0).min().unwrap_or(0);
        let last = spans.iter().flatten().map(|span| span.1).max().unwrap_or(0);
        match &task.head {
            Head::Anomaly {} => {
                let network = reader.network()?;
                let back = if task.inputs.transform == Transform::Profile { LOOK_BACK } else { 0 };
                let start = first - task.look_back.micros().max(back);
                let cube = reader.series(task, &network, (start, last))?;
                let grid = CutoffGrid::new(task, first, last);
                let mut profiles = reader.profiles(task, (first, last))?;
                if task.inputs.transform == Transform::Profile {
                    profiles = profiles_reaching_back(profiles, &cube, &network, &grid);
                }
                let mut panel = panel(task, &cube, &network, &profiles, &grid);
                if task.masks.planned_work {
                    let planned = reader.planned_work(Micros::MIN)?;
                    mark_work(&mut panel, (task, &grid), &planned, reader.as_of());
                }
                Ok(Self::Panel(Box::new((masked(panel, set, &grid), grid))))
            }
            Head::Forecast { .. } => {
                let network = reader.network()?;
                let start = first - task.look_back.micros();
                // Labels of the last cutoffs lie ahead of them.
                let end = last + task.horizon().micros();
                Ok(Self::Series(Box::new(reader.series(task, &network, (start, end))?)))
            }
            _ => Ok(Self::Rows),
        }
    }
}

/// Keeps masked samples out of everything that is learned. A label that nobody gave masks nothing
/// here: a detector learns without labels.
fn masked(mut panel: Panel, set: &SampleSet, grid: &CutoffGrid) -> Panel {
    let index: BTreeMap<String, usize> =
        panel.entities.iter().enumerate().map(|(at, id)| (id.clone(), at)).collect();
    let unlabelled = MaskReason::Censored.word();
    let counts = |mask: &str| mask != unlabelled;
    for sample in set.samples.iter().filter(|s| s.mask.as_deref().is_some_and(counts)) {
        let entity = index.get(&set.entities[sample.entity]);
        if let (Some(&entity), Some(step)) = (entity, grid.step(sample.cutoff)) {
            panel.mask(entity, step);
        }
    }
    panel
}
