//! Series of `kpis` in memory, a block of sites at a time.

use std::collections::BTreeSet;

use foresite_features::cube::{Cube, Grid, Rows};
use foresite_features::deviations::Deviations;
use foresite_features::kernel::Sources;
use foresite_features::network::Network;
use foresite_features::profile::{Profiles, group_of};
use foresite_features::series::SeriesBuilder;
use foresite_features::task::{LabelRule, Micros, Scope, Task, Transform, WEEK};
use foresite_schema::site_of;
use foresite_stage::{Context, Inputs, Result};

use crate::Config;
use crate::inputs::{World, kpis, scan};

/// What a run needs of the series, and of when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) task: &'a Task,
    pub(crate) period: (Micros, Micros),
    /// The series of the task's entities are needed beside those that features read.
    pub(crate) own: bool,
}

/// The series of a block of entities.
pub(crate) struct Block {
    pub(crate) entities: Vec<String>,
    pub(crate) own: Option<Cube>,
    pub(crate) units: Option<Cube>,
    pub(crate) cells: Option<Cube>,
}

/// What is usual: from the table `profiles`, or rebuilt for a past in which nobody kept it.
pub(crate) enum Usual {
    /// One set of profiles for all series.
    Stored(Profiles),
    /// Profiles by scope.
    Rebuilt { own: Profiles, units: Profiles, cells: Profiles },
}

/// The views that features are computed from.
pub(crate) struct Views<'a> {
    own: Option<Deviations<'a>>,
    units: Option<Deviations<'a>>,
    cells: Option<Deviations<'a>>,
}

impl Wanted<'_> {
    /// Fails early where rows of `kpis` are needed and the table is not there.
    pub(crate) fn check(&self, cx: &Context) -> Result<()> {
        if self.any() {
            kpis(cx)?;
        }
        Ok(())
    }

    /// Whether rows of `kpis` are needed at all.
    fn any(&self) -> bool {
        self.own || self.reads_own() || !self.task.inputs.rolling.is_empty()
    }

    fn reads_own(&self) -> bool {
        let inputs = &self.task.inputs;
        let rolls = inputs.rolling.iter().any(|rolling| rolling.of == Scope::Own);
        inputs.neighbours || !inputs.silence.is_empty() || rolls
    }

    /// Channels of the rolling statistics of a scope.
    fn channels(&self, scope: Scope) -> Vec<String> {
        let rolling = self.task.inputs.rolling.iter().filter(|rolling| rolling.of == scope);
        let unique: BTreeSet<String> =
            rolling.flat_map(|rolling| &rolling.channels).cloned().collect();
        unique.into_iter().collect()
    }

    /// Whether features compare values with profiles.
    pub(crate) fn reads_profiles(&self) -> bool {
        let inputs = &self.task.inputs;
        let rolls = inputs.rolling.iter().any(|rolling| rolling.transform == Transform::Profile);
        inputs.neighbours || !inputs.silence.is_empty() || rolls
    }

    /// Whether labels are read from series.
    pub(crate) fn labels_from_series(task: &Task) -> bool {
        task.label.channel().is_some() || matches!(task.label, LabelRule::RemainingLife { .. })
    }
}

/// Splits entities into blocks of whole sites whose series fit the memory.
///
/// Where profiles are rebuilt, blocks are whole regions, because a short history borrows from its
/// region; where entities look at each other there is one block. So the memory never changes what
/// comes out.
pub(crate) fn blocks(
    config: &Config,
    wanted: &Wanted<'_>,
    network: &Network,
    entities: &[String],
) -> Vec<Vec<String>> {
    let inputs = &wanted.task.inputs;
    let length = wanted.period.1 - wanted.period.0;
    let steps = usize::try_from(length / inputs.granularity.micros()).unwrap_or(usize::MAX);
    let members = [Scope::Units, Scope::Cells].map(|scope| {
        let listed: usize = types(scope).iter().map(|kind| network.ever(kind).count()).sum();
        let channels = wanted.channels(scope).len();
        // Equipment is measured on the entities themselves as well.
        let members = if channels > 0 { listed + entities.len() } else { 0 };
        Cube::bytes(members, steps, channels)
    });
    let own = Cube::bytes(entities.len(), steps, inputs.channels.len().max(1));
    let bytes = own + members.iter().sum::<usize>();
    let unit = if wanted.reads_profiles() { group_of } else { site_of };
    let units: BTreeSet<&str> = entities.iter().map(|id| unit(id)).collect();
    let count = if inputs.neighbours { 1 } else { bytes.div_ceil(config.series_bytes()).max(1) };
    let size = units.len().div_ceil(count).max(1);
    let units: Vec<&str> = units.into_iter().collect();
    units
        .chunks(size)
        .map(|block| {
            let inside = |id: &&String| block.binary_search(&unit(id)).is_ok();
            entities.iter().filter(inside).cloned().collect()
        })
        .collect()
}

fn types(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::Own => &[],
        Scope::Units => &["unit", "link"],
        Scope::Cells => &["cell"],
    }
}

impl Block {
    /// Reads the series of a block.
    pub(crate) fn read(
        cx: &Context,
        wanted: &Wanted<'_>,
        world: &World,
        entities: Vec<String>,
        inputs: &mut Inputs,
    ) -> Result<Self> {
        let mut block = Self { entities, own: None, units: None, cells: None };
        if !wanted.any() {
            return Ok(block);
        }
        let (task, network) = (wanted.task, &world.network);
        let mut own = (wanted.own || wanted.reads_own()).then(|| {
            let entities = block.entities.clone();
            SeriesBuilder::new(task, network, entities, wanted.period, cx.as_of())
        });
        let mut units = block.scope(wanted, network, Scope::Units);
        let mut cells = block.scope(wanted, network, Scope::Cells);
        let mut columns = SeriesBuilder::columns(task);
        columns.extend(task.inputs.all_channels());
        let period = own.as_ref().map_or(wanted.period, SeriesBuilder::period);
        let rows = Rows {
            additive: &task.inputs.additive,
            known_until: Some(cx.as_of()),
            ..Rows::default()
        };
        let table = kpis(cx)?;
        scan(cx, &table, (&columns, None, period), inputs, |batch| {
            if let Some(own) = &mut own {
                own.push(batch)?;
            }
            for cube in [&mut units, &mut cells].into_iter().flatten() {
                cube.add(batch, &rows)?;
            }
            Ok(())
        })?;
        for cube in [&mut units, &mut cells].into_iter().flatten() {
            cube.finish();
        }
        block.own = own.map(SeriesBuilder::finish);
        (block.units, block.cells) = (units, cells);
        Ok(block)
    }

    /// An empty cube for the members of a scope, where the task reads any.
    fn scope(&self, wanted: &Wanted<'_>, network: &Network, scope: Scope) -> Option<Cube> {
        let channels = wanted.channels(scope);
        if channels.is_empty() {
            return None;
        }
        let sites: BTreeSet<&str> = self.entities.iter().map(|id| site_of(id)).collect();
        let members = types(scope).iter().flat_map(|kind| network.ever(kind));
        let mut ids: Vec<String> =
            members.filter(|id| sites.contains(site_of(id))).map(str::to_owned).collect();
        if scope == Scope::Units {
            // Many sites measure their equipment as a whole.
            ids.extend(self.entities.iter().cloned());
        }
        let step = wanted.task.inputs.granularity.micros();
        let grid = Grid::covering(wanted.period.0, wanted.period.1, step);
        Some(Cube::new(grid, ids, channels))
    }

    /// Views on the series through profiles.
    pub(crate) fn views<'a>(&'a self, usual: &'a Usual, network: &Network) -> Views<'a> {
        let view = |cube: &'a Option<Cube>, profiles: &'a Profiles| {
            cube.as_ref().map(|cube| Deviations::new(cube, profiles, network))
        };
        match usual {
            Usual::Stored(all) => Views {
                own: view(&self.own, all),
                units: view(&self.units, all),
                cells: view(&self.cells, all),
            },
            Usual::Rebuilt { own, units, cells } => Views {
                own: view(&self.own, own),
                units: view(&self.units, units),
                cells: view(&self.cells, cells),
            },
        }
    }

    /// Profiles as they would have been built from these series, week by week.
    pub(crate) fn rebuilt(&self, network: &Network, span: (Micros, Micros)) -> Usual {
        let over = |cube: &Option<Cube>| {
            let clock = |id: &str| network.clock(id);
            cube.as_ref().map(|cube| Profiles::over(cube, clock, span, WEEK)).unwrap_or_default()
        };
        Usual::Rebuilt { own: over(&self.own), units: over(&self.units), cells: over(&self.cells) }
    }
}

impl<'a> Views<'a> {
    /// What features are computed from.
    pub(crate) fn sources(&'a self, world: &'a World) -> Sources<'a> {
        Sources {
            network: &world.network,
            alarms: &world.alarms,
            tickets: &world.tickets,
            own: self.own.as_ref(),
            units: self.units.as_ref(),
            cells: self.cells.as_ref(),
        }
    }
}
