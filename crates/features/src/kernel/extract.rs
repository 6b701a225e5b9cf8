//! Computes raw feature rows.

use crate::clock::LocalClock;
use crate::deviations::Deviations;
use crate::events::{EntityAlarms, Event, EventLog, Tickets, hours};
use crate::kernel::rolling::RollingColumns;
use crate::labels::first_open_step;
use crate::network::Network;
use crate::task::{DAY, EventFilter, EventTable, Events, Micros, Scope, Task};

/// What features are computed from. Series that a task does not name may be absent.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Inventory and topology.
    pub network: &'a Network,
    /// Alarms.
    pub alarms: &'a EventLog,
    /// Outages and planned work.
    pub tickets: &'a Tickets,
    /// Series of the task's entities.
    pub own: Option<&'a Deviations<'a>>,
    /// Series of units, links and sites.
    pub units: Option<&'a Deviations<'a>>,
    /// Series of cells.
    pub cells: Option<&'a Deviations<'a>>,
}

/// Computes the raw features of one task.
#[derive(Debug)]
pub struct Extractor<'a> {
    task: &'a Task,
    sources: Sources<'a>,
    width: usize,
}

/// The rows under construction and the next free column.
pub(super) struct Rows<'r> {
    pub(super) values: &'r mut [f64],
    pub(super) width: usize,
    pub(super) column: usize,
}

impl Rows<'_> {
    /// Sets the value of a row, `offset` columns after the next free one.
    pub(super) fn set(&mut self, row: usize, offset: usize, value: f64) {
        self.values[row * self.width + self.column + offset] = value;
    }

    /// Sets the values of a row from the next free column on.
    fn set_all(&mut self, row: usize, values: impl IntoIterator<Item = f64>) {
        for (offset, value) in values.into_iter().enumerate() {
            self.set(row, offset, value);
        }
    }
}

impl<'a> Extractor<'a> {
    /// An extractor over the sources.
    pub fn new(task: &'a Task, sources: Sources<'a>) -> Self {
        Self { task, sources, width: super::features(task).len() }
    }

    /// Raw features of an entity at its cutoffs, `[cutoffs, features]`; NaN = missing.
    ///
    /// A row depends on nothing that became known after its cutoff, and not on the other cutoffs.
    pub fn rows(&self, entity: &str, cutoffs: &[Micros]) -> Vec<f64> {
        let mut values = vec![f64::NAN; cutoffs.len() * self.width];
        let mut rows = Rows { values: &mut values, width: self.width, column: 0 };
        let clock = self.sources.network.clock(entity);
        let inputs = &self.task.inputs;
        for rolling in &inputs.rolling {
            let columns = RollingColumns {
                task: self.task,
                network: self.sources.network,
                rolling,
                series: self.series_of(rolling.of),
                clock: &clock,
            };
            columns.fill(entity, cutoffs, &mut rows);
        }
        if inputs.neighbours {
            self.fill_around(entity, cutoffs, &mut rows);
        }
        for channel in &inputs.silence {
            self.fill_silence(entity, channel, cutoffs, &mut rows);
        }
        if let Some(how) = &inputs.events {
            self.fill_alarms(entity, how, cutoffs, &mut rows);
            if let Some(filter) = self.task.label.observed_events() {
                self.fill_history(entity, (how, filter), cutoffs, &mut rows);
            }
        }
        if inputs.age {
            self.fill_age(entity, cutoffs, &mut rows);
        }
        if inputs.wall_clock {
            self.fill_calendar(&clock, cutoffs, &mut rows);
        }
        debug_assert_eq!(rows.column, self.width, "features and their fillers disagree");
        values
    }

    fn series_of(&self, scope: Scope) -> Option<&'a Deviations<'a>> {
        match scope {
            Scope::Own => self.sources.own,
            Scope::Units => self.sources.units,
            Scope::Cells => self.sources.cells,
        }
    }

    /// Three columns per channel: the entity, its neighbours, its site, at the newest step.
    fn fill_around(&self, entity: &str, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        let channels = &self.task.inputs.channels;
        let found =
            self.sources.own.and_then(|series| Some((series, series.cube().entity(entity)?)));
        if let Some((series, index)) = found {
            let places: Vec<_> = channels.iter().map(|name| series.cube().channel(name)).collect();
            for (row, cutoff) in cutoffs.iter().enumerate() {
                let own = series.window(index, *cutoff, 1);
                let around = series.around(index, *cutoff, 1);
                let newest = places.iter().flat_map(|place| {
                    let windows = [&own, &around.neighbours, &around.site];
                    windows.map(|window| place.map_or(f64::NAN, |at| f64::from(window[at])))
                });
                rows.set_all(row, newest);
            }
        }
        rows.column += 3 * channels.len();
    }

    fn fill_silence(&self, entity: &str, channel: &str, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        let found = self.sources.own.and_then(|series| {
            let cube = series.cube();
            Some((series, cube.entity(entity)?, cube.channel(channel)?))
        });
        if let Some((series, index, channel)) = found {
            for (row, cutoff) in cutoffs.iter().enumerate() {
                let silence = series.silence(index, channel, *cutoff);
                rows.set_all(row, [silence.own, silence.steps, silence.neighbours]);
            }
        }
        rows.column += 3;
    }

    fn fill_alarms(&self, entity: &str, how: &Events, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        let alarms = EntityAlarms::new(self.sources.alarms, entity, how);
        let windows = how.windows.len();
        for (row, cutoff) in cutoffs.iter().enumerate() {
            let state = alarms.at(*cutoff);
            let per_kind = state.since.iter().enumerate().flat_map(|(kind, since)| {
                let counts = &state.counts[kind * windows..(kind + 1) * windows];
                counts.iter().chain([since])
            });
            let all = per_kind.chain(&state.hours);
            rows.set_all(row, all.chain([&state.open, &state.open_since]).copied());
        }
        rows.column += (how.specific_problems.len() + 1) * (windows + 1) + windows + 2;
    }

    /// Events of the label's kind before the cutoff: what failed lately fails again.
    fn fill_history(
        &self,
        entity: &str,
        (how, filter): (&Events, &EventFilter),
        cutoffs: &[Micros],
        rows: &mut Rows<'_>,
    ) {
        let log = match filter.table {
            EventTable::Tickets => &self.sources.tickets.outages,
            EventTable::Alarms | EventTable::Labels => self.sources.alarms,
        };
        let events: Vec<&Event> = log.of(entity).collect();
        for (row, cutoff) in cutoffs.iter().enumerate() {
            let forgotten = cutoff - how.memory.micros();
            let starts: Vec<Micros> = events
                .iter()
                .filter(|event| event.passes(filter, *cutoff))
                .filter_map(|event| event.start(*cutoff))
                .filter(|start| (forgotten..*cutoff).contains(start))
                .collect();
            let since = starts.iter().max().map_or(f64::NAN, |start| hours(cutoff - start));
            rows.set_all(row, [starts.len() as f64, since]);
        }
        rows.column += 2;
    }

    fn fill_age(&self, entity: &str, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        for (row, cutoff) in cutoffs.iter().enumerate() {
            let state = self.sources.network.state(entity, *cutoff);
            if let Some(since) = state.and_then(|state| state.commissioned_at) {
                rows.set(row, 0, (cutoff - since) as f64 / DAY as f64);
            }
        }
        rows.column += 1;
    }

    fn fill_calendar(&self, clock: &LocalClock, cutoffs: &[Micros], rows: &mut Rows<'_>) {
        for (row, cutoff) in cutoffs.iter().enumerate() {
            rows.set_all(row, clock.features(self.task.cutoffs.period_end(*cutoff)));
        }
        rows.column += LocalClock::FEATURES.len();
    }
}

/// Where the window of a cutoff ends: the first step that is not complete, counted on the grid, or
/// `None` where the grid stops before it.
pub(super) fn window_end(
    task: &Task,
    series: &Deviations<'_>,
    clock: &LocalClock,
    cutoff: Micros,
) -> Option<usize> {
    let period_end = task.cutoffs.period_end(cutoff);
    let grid = series.cube().grid();
    let covered = grid.at(grid.steps) + grid.step > period_end;
    covered.then(|| first_open_step(series.cube(), clock, period_end))
}
