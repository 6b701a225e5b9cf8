//! From tables to statements, for every kind of model.

use std::collections::BTreeMap;

use foresite_datasets::{
    CutoffGrid, FeatureRow, Fitted, Package, Reader, mark_work, panel, profiles_reaching_back,
    series,
};
use foresite_features::cube::Cube;
use foresite_features::network::Network;
use foresite_features::profile::{LOOK_BACK, Profiles};
use foresite_features::task::{DAY, Micros, Task, Transform};
use foresite_models::anomaly::{Anomaly, Panel};
use foresite_models::forecast::SeriesSet;
use foresite_models::tabular::Tabular;
use foresite_stage::{ErrorKind, Result, StageError};

use crate::ahead::Ahead;
use crate::detect::Detector;
use crate::rows::{GivenRow, Rows};
use crate::{ByRow, Statement};

/// How long before it begins work may have been announced.
const ANNOUNCED_AHEAD: Micros = 92 * DAY;

/// A fitted model in use.
#[derive(Debug, Clone, Copy)]
pub struct Scorer<'a> {
    /// The model and its task.
    pub package: &'a Package,
    /// Drivers told per statement; 0 = none.
    pub drivers: usize,
}

/// What a model needs to know at some cutoffs, of all entities.
#[derive(Debug)]
pub struct Sources {
    network: Network,
    known: Known,
}

#[derive(Debug)]
enum Known {
    /// No cutoffs, nothing to know.
    Nothing,
    Features(Vec<FeatureRow>),
    Series {
        cube: Cube,
        values: Option<SeriesSet>,
    },
    Panel {
        panel: Panel,
        grid: CutoffGrid,
        profiles: Profiles,
    },
}

impl Sources {
    /// The network as it is known.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// Entities by cutoff; empty lists where there is no inventory.
pub fn in_service(
    network: &Network,
    task: &Task,
    cutoffs: &[Micros],
) -> BTreeMap<Micros, Vec<String>> {
    let at = |cutoff: &Micros| {
        let ids = network.entities(&task.entity_type, *cutoff).map(str::to_owned).collect();
        (*cutoff, ids)
    };
    cutoffs.iter().map(at).collect()
}

impl Scorer<'_> {
    /// Reads what the model needs to know at the cutoffs, which ascend.
    ///
    /// # Errors
    /// Storage errors; `Missing` where a table is not there, `BadData` where it lacks a column.
    pub fn read(&self, reader: &mut Reader<'_>, cutoffs: &[Micros]) -> Result<Sources> {
        let network = reader.network()?;
        let task = &self.package.task;
        let (Some(&first), Some(&last)) = (cutoffs.first(), cutoffs.last()) else {
            return Ok(Sources { network, known: Known::Nothing });
        };
        let known = match &self.package.fitted {
            Fitted::Tabular { kernel, .. } => {
                Known::Features(reader.features(task, kernel.raw_names(), cutoffs)?)
            }
            Fitted::Forecast { .. } => {
                // One more look-back than needed: the newest steps may be gaps.
                let start = first - 2 * task.look_back.micros();
                let end = task.cutoffs.period_end(last);
                let cube = reader.series(task, &network, (start, end))?;
                let values = series(&cube, task);
                Known::Series { cube, values }
            }
            Fitted::Anomaly { model, .. } => {
                read_panel(task, model, &network, reader, (first, last))?
            }
        };
        Ok(Sources { network, known })
    }

    /// Statements about the entities at every cutoff; about all that are known where a list is empty.
    ///
    /// # Errors
    /// `BadData` where the model does not fit what was read.
    pub fn statements(
        &self,
        sources: &Sources,
        entities: &BTreeMap<Micros, Vec<String>>,
    ) -> Result<Vec<Statement>> {
        match (&sources.known, &self.package.fitted) {
            (Known::Features(rows), _) => self.rows()?.statements(rows, entities),
            (Known::Series { cube, values: Some(values) }, Fitted::Forecast { model, .. }) => {
                let ahead = Ahead { task: &self.package.task, model, drivers: self.drivers };
                Ok(ahead.statements(cube, values, entities))
            }
            (Known::Panel { panel, grid, profiles }, Fitted::Anomaly { model, .. }) => {
                let detector = Detector {
                    task: &self.package.task,
                    model,
                    panel,
                    grid,
                    profiles,
                    network: &sources.network,
                    drivers: self.drivers,
                };
                Ok(detector.statements(entities))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Statements about features that are at hand, row by row, for models of feature rows.
    ///
    /// # Errors
    /// `Usage` for another kind of model; `BadData` for rows of another width.
    pub fn of_features(&self, rows: &[GivenRow<'_>]) -> Result<ByRow> {
        self.rows()?.of(rows)
    }

    /// How much work a row of features is, in multiplications; `None` for other kinds of models.
    pub fn operations(&self) -> Option<usize> {
        let rows = self.rows().ok()?;
        Some(rows.model.operations() + rows.causes.map_or(0, Tabular::operations))
    }

    /// Statements about a series that is at hand and ends at the cutoff, for forecasters.
    ///
    /// # Errors
    /// `Usage` for another kind of model.
    pub fn of_series(
        &self,
        entity: &str,
        cutoff: Micros,
        history: &[f64],
    ) -> Result<Vec<Statement>> {
        let Fitted::Forecast { model, .. } = &self.package.fitted else {
            return Err(self.unfit("a series"));
        };
        let ahead = Ahead { task: &self.package.task, model, drivers: self.drivers };
        Ok(ahead.of(entity, cutoff, history))
    }

    fn rows(&self) -> Result<Rows<'_>> {
        let Fitted::Tabular { kernel, model, causes, usual, .. } = &self.package.fitted else {
            return Err(self.unfit("feature rows"));
        };
        let (causes, drivers) = (causes.as_deref(), self.drivers);
        Ok(Rows { task: &self.package.task, kernel, model, causes, usual, drivers })
    }

    fn unfit(&self, what: &str) -> StageError {
        let message = format!("task `{}`: its model does not take {what}", self.package.task.task);
        StageError::new(ErrorKind::Usage, message)
    }
}

fn read_panel(
    task: &Task,
    model: &Anomaly,
    network: &Network,
    reader: &mut Reader<'_>,
    (first, last): (Micros, Micros),
) -> Result<Known> {
    let step = task.cutoffs.step.micros();
    let earliest = first - i64::try_from(model.history()).unwrap_or(0) * step;
    let grid = CutoffGrid::new(task, earliest, last);
    let mut profiles = reader.profiles(task, (earliest, last))?;
    // Cutoffs of a past that nobody kept profiles of: they are built anew.
    let rebuilds = task.inputs.transform == Transform::Profile && profiles.at(last).is_none();
    let reach = if rebuilds { LOOK_BACK } else { task.inputs.granularity.micros() };
    let start = task.cutoffs.period_end(earliest) - reach;
    let cube = reader.series(task, network, (start, task.cutoffs.period_end(last)))?;
    if rebuilds {
        profiles = profiles_reaching_back(profiles, &cube, network, &grid);
    }
    let mut panel = panel(task, &cube, network, &profiles, &grid);
    if task.masks.planned_work {
        let planned = reader.planned_work(earliest - ANNOUNCED_AHEAD)?;
        mark_work(&mut panel, (task, &grid), &planned, reader.as_of());
    }
    Ok(Known::Panel { panel, grid, profiles })
}
