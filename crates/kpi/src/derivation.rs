//! From rows of `pm_counters` to rows of `kpis` and `kpi_groups`.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_schema::catalog::derived;

use crate::catalogue::{Catalogue, Level};
use crate::counter_sets::CounterSets;
use crate::counts::Counts;
use crate::error::Result;
use crate::grid::{Hour, Period};
use crate::groups::{Group, GroupBuilder};
use crate::hierarchy::Hierarchy;
use crate::nulling::Nulling;
use crate::objects::{Entity, ObjectMap};
use crate::observations::{Observation, Observations, Values};
use crate::output::{Row, Stamp, batch};
use crate::period::PeriodKernel;
use crate::{HOUR, Micros};

const HOUR_S: i32 = 3600;

/// What a derivation reads besides counters.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Counters and KPIs.
    pub catalogue: &'a Catalogue,
    /// The table `counter_sets`.
    pub counter_sets: &'a CounterSets,
    /// The table `objects`.
    pub objects: &'a ObjectMap,
    /// The table `inventory`.
    pub hierarchy: &'a Hierarchy,
    /// Rows of `quality` that forbid values.
    pub nulling: &'a Nulling,
}

/// What a derivation writes, and when a gap is one.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// An hour counts as missing this long after its end. The same as the lateness of the data
    /// pipeline, so that an hour that came in time never was a gap.
    pub gap_after: Micros,
    /// Whether rows of the native granularity are written beside the hours.
    pub native_rows: bool,
}

/// The rows of an interval.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Rows of `kpis`, sorted by entity and period.
    pub kpis: RecordBatch,
    /// Rows of `kpi_groups`, sorted by hour, kind and id.
    pub groups: RecordBatch,
}

/// Takes counters, gives KPIs; to be used interval by interval.
pub struct Derivation<'a> {
    inputs: Inputs<'a>,
    settings: Settings,
    observations: Observations<'a>,
}

impl<'a> Derivation<'a> {
    /// A derivation without counters yet.
    pub fn new(inputs: Inputs<'a>, settings: Settings) -> Self {
        let observations = Observations::new(
            inputs.catalogue,
            inputs.counter_sets,
            inputs.objects,
            inputs.nulling,
        );
        Self { inputs, settings, observations }
    }

    /// Takes rows of `pm_counters`: every version that was known as of the run.
    ///
    /// **Errors** when a column or a counter set is missing.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.observations.push(batch)
    }

    /// What was met so far.
    pub fn counts(&self) -> Counts {
        self.observations.counts()
    }

    /// The KPIs of the rows pushed since the last call. `start` and `end` are full hours; rows
    /// outside them are left out. An hour is a gap as far as `as_of` could tell.
    pub fn finish(
        &mut self,
        start: Micros,
        end: Micros,
        as_of: Micros,
        stamp: &Stamp,
    ) -> Result<Derived> {
        let (rows, values) = self.observations.take();
        let mut hours = self.hours(&rows, &values, start..end);
        self.add_gaps(&mut hours, start..end, as_of);
        let groups = self.groups(&hours, start..end);
        Ok(Derived {
            kpis: self.kpi_batch(&hours, stamp)?,
            groups: self.group_batch(&groups, stamp)?,
        })
    }

    /// Per entity and hour the periods that were measured. `rows` are sorted by entity and period.
    fn hours(
        &self,
        rows: &[Observation],
        values: &Values,
        interval: std::ops::Range<Micros>,
    ) -> BTreeMap<(usize, Micros), Hour> {
        let mut kernel = PeriodKernel::new(self.inputs.catalogue);
        let mut hours = BTreeMap::new();
        let hour_of = |row: &Observation| row.period_start.div_euclid(HOUR) * HOUR;
        for of_hour in rows.chunk_by(|a, b| (a.entity, hour_of(a)) == (b.entity, hour_of(b))) {
            let Some(first) = of_hour.first().filter(|row| interval.contains(&row.period_start))
            else {
                continue;
            };
            let entity = first.entity as usize;
            let level = self.inputs.objects.entities().get(entity).map_or(Level::Element, level_of);
            let periods = of_hour.chunk_by(|a, b| {
                (a.period_start, a.granularity_s) == (b.period_start, b.granularity_s)
            });
            let periods = periods
                .filter_map(|of_period| {
                    let first = of_period.first()?;
                    Some(Period {
                        start: first.period_start,
                        granularity_s: first.granularity_s,
                        versions: kernel.versions(of_period, values, level),
                    })
                })
                .collect();
            let hour = Hour::new(self.inputs.catalogue, hour_of(first), periods);
            hours.insert((entity, hour.start), hour);
        }
        hours
    }

    /// Adds the hours in which an expected entity was silent, or came late.
    fn add_gaps(
        &self,
        hours: &mut BTreeMap<(usize, Micros), Hour>,
        interval: std::ops::Range<Micros>,
        as_of: Micros,
    ) {
        for entity in 0..self.inputs.objects.entities().len() {
            for start in interval.clone().step_by(HOUR as usize) {
                let gap_at = start + HOUR + self.settings.gap_after;
                if gap_at > as_of || !self.inputs.objects.is_expected(entity, start, gap_at) {
                    continue;
                }
                hours
                    .entry((entity, start))
                    .and_modify(|hour| hour.came_after(self.inputs.catalogue, gap_at))
                    .or_insert_with(|| Hour::gap(self.inputs.catalogue, start, gap_at));
            }
        }
    }

    fn groups(
        &self,
        hours: &BTreeMap<(usize, Micros), Hour>,
        interval: std::ops::Range<Micros>,
    ) -> Vec<(Micros, Vec<Group>)> {
        let Inputs { catalogue, hierarchy, objects, .. } = self.inputs;
        interval
            .step_by(HOUR as usize)
            .map(|start| {
                let mut builder = GroupBuilder::new(catalogue, hierarchy, start);
                for (number, entity) in objects.entities().iter().enumerate() {
                    if let Some(hour) = hours.get(&(number, start)) {
                        builder.add(entity, &hour.versions);
                    }
                }
                (start, builder.finish())
            })
            .collect()
    }

    fn kpi_batch(
        &self,
        hours: &BTreeMap<(usize, Micros), Hour>,
        stamp: &Stamp,
    ) -> Result<RecordBatch> {
        let entities = self.inputs.objects.entities();
        let mut rows = Vec::new();
        for ((entity, _), hour) in hours {
            let Some(entity) = entities.get(*entity) else {
                continue;
            };
            let native = hour.periods.iter().filter(|_| self.settings.native_rows);
            let native = native.flat_map(|period| {
                let row = |version| (period.start, period.granularity_s, version);
                period.versions.iter().map(row)
            });
            let hourly = hour.versions.iter().map(|version| (hour.start, HOUR_S, version));
            rows.extend(native.chain(hourly).map(|(start, granularity_s, version)| Row {
                entity,
                start,
                granularity_s,
                version,
            }));
        }
        rows.sort_by(|a, b| (&a.entity.id, a.start).cmp(&(&b.entity.id, b.start)));
        let def = derived::kpis().with_columns(self.inputs.catalogue.columns());
        batch(self.inputs.catalogue, &def, &rows, stamp, false)
    }

    fn group_batch(&self, hours: &[(Micros, Vec<Group>)], stamp: &Stamp) -> Result<RecordBatch> {
        let rows: Vec<_> = hours
            .iter()
            .flat_map(|(start, groups)| groups.iter().map(move |group| (*start, group)))
            .flat_map(|(start, group)| {
                group.versions.iter().map(move |version| Row {
                    entity: &group.entity,
                    start,
                    granularity_s: HOUR_S,
                    version,
                })
            })
            .collect();
        let def = derived::kpi_groups().with_columns(self.inputs.catalogue.columns());
        batch(self.inputs.catalogue, &def, &rows, stamp, true)
    }
}

fn level_of(entity: &Entity) -> Level {
    match entity.kind.as_str() {
        "cell" | "sector" => Level::Cell,
        _ => Level::Element,
    }
}

#[cfg(test)]
mod tests;
