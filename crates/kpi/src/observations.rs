//! Rows of `pm_counters`, translated: which entity, which period, which canonical values.

use arrow::array::RecordBatch;

use crate::bitemporal::beliefs;
use crate::catalogue::Catalogue;
use crate::counter_rows::CounterRows;
use crate::counter_sets::CounterSets;
use crate::counts::{Counts, MOST_EXAMPLES};
use crate::error::Result;
use crate::lookup::{Lookup, number};
use crate::nulling::Nulling;
use crate::objects::ObjectMap;
use crate::{HOUR, Known, Micros, quality};

/// Bit of `pm_counters.flags`: the period was cut short.
const TRUNCATED: i32 = 1 << 1;

/// One row of `pm_counters` as it counts for one entity.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub(crate) entity: u32,
    pub(crate) period_start: Micros,
    pub(crate) granularity_s: i32,
    /// Levels of the object below the element: parents are used before their children.
    pub(crate) depth: u32,
    pub(crate) object: u32,
    /// While the row counted for the entity.
    pub(crate) known: Known,
    /// `known_at` of the row itself, then its file: the newest of two equals is used.
    pub(crate) row_known_at: Micros,
    pub(crate) file: u32,
    /// Quality bits of the row.
    pub(crate) bits: i32,
    /// While validate forbade the row.
    pub(crate) nulled: Vec<Known>,
    values: (u32, u32),
}

/// Collects observations and remembers objects, plans and files across batches.
pub(crate) struct Observations<'a> {
    catalogue: &'a Catalogue,
    nulling: &'a Nulling,
    lookup: Lookup<'a>,
    rows: Vec<Observation>,
    values: Vec<(u16, f64)>,
    counts: Counts,
}

impl<'a> Observations<'a> {
    pub(crate) fn new(
        catalogue: &'a Catalogue,
        sets: &'a CounterSets,
        map: &'a ObjectMap,
        nulling: &'a Nulling,
    ) -> Self {
        Self {
            catalogue,
            nulling,
            lookup: Lookup::new(catalogue, sets, map),
            rows: Vec::new(),
            values: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Takes a batch of `pm_counters`.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = CounterRows::new(batch)?;
        for row in 0..rows.len() {
            self.counts.rows += 1;
            let length = Micros::from(rows.granularity_s(row)) * 1_000_000;
            if (1..=HOUR).contains(&length) {
                let observation = self.observe(&rows, row)?;
                self.claim(&observation);
            } else {
                self.counts.odd_period_rows += 1;
            }
        }
        Ok(())
    }

    /// One row, not yet given to an entity.
    fn observe(&mut self, rows: &CounterRows, row: usize) -> Result<Observation> {
        let object = self.lookup.object(rows.element(row), rows.object(row));
        let plan = self.lookup.plan(rows.counter_set(row), rows.software(row))?;
        let (values, mut bits) = self.translate(plan, rows.values(row));
        if rows.is_suspect(row) {
            self.counts.suspect_rows += 1;
            bits |= quality::SUSPECT;
        }
        if rows.flags(row) & TRUNCATED != 0 {
            bits |= quality::PARTLY;
        }
        let known_at = rows.known_at(row);
        Ok(Observation {
            entity: 0,
            period_start: rows.start(row),
            granularity_s: rows.granularity_s(row),
            depth: 0,
            object,
            known: Known::since(known_at),
            row_known_at: known_at,
            file: self.lookup.file(rows.file(row)),
            bits,
            nulled: Vec::new(),
            values,
        })
    }

    /// Stores the canonical values of a row; values out of range become null and set a bit.
    fn translate(
        &mut self,
        plan: usize,
        value_at: impl Fn(usize) -> Option<f64>,
    ) -> ((u32, u32), i32) {
        let mut bits = 0;
        let first = number(self.values.len());
        let Some(plan) = self.lookup.plans.get_mut(plan) else {
            return ((first, first), bits);
        };
        plan.rows += 1;
        for (slot, value) in plan.plan.read(value_at) {
            let mut value = value.unwrap_or(f64::NAN);
            if let Some(counter) = self.catalogue.counters().get(slot)
                && !value.is_nan()
                && !counter.accepts(value)
            {
                bits |= quality::OUT_OF_RANGE;
                *self.counts.out_of_range.entry(counter.name.clone()).or_default() += 1;
                value = f64::NAN;
            }
            self.values.push((slot as u16, value));
        }
        ((first, number(self.values.len())), bits)
    }

    /// Adds the observation for every entity that the object was ever believed to belong to.
    fn claim(&mut self, observation: &Observation) {
        let Some(object) = self.lookup.objects.get(observation.object as usize) else {
            return;
        };
        let start = observation.period_start;
        let scopes = [object.element.as_str(), object.name.as_str()];
        let nulled = self.nulling.of(&scopes, start);
        self.counts.nulled_rows += u64::from(!nulled.is_empty());
        let believed = beliefs(&object.facts, start);
        if believed.is_empty() {
            self.counts.unmapped_rows += 1;
            if self.counts.unmapped_objects.len() < MOST_EXAMPLES {
                self.counts.unmapped_objects.insert(object.name.clone());
            }
        }
        for (entity, known) in believed {
            if let Some(known) = known.and(observation.known) {
                self.rows.push(Observation {
                    entity,
                    known,
                    depth: object.depth,
                    nulled: nulled.clone(),
                    ..observation.clone()
                });
            }
        }
    }

    /// The observations taken since the last call, sorted by entity, period, object and newest
    /// first, with the values they point into.
    pub(crate) fn take(&mut self) -> (Vec<Observation>, Values) {
        let mut rows = std::mem::take(&mut self.rows);
        let files = &self.lookup.files;
        let file = |row: &Observation| files.get(row.file as usize);
        rows.sort_unstable_by(|a, b| {
            (a.entity, a.period_start, a.granularity_s, a.depth, a.object)
                .cmp(&(b.entity, b.period_start, b.granularity_s, b.depth, b.object))
                .then_with(|| b.row_known_at.cmp(&a.row_known_at))
                .then_with(|| file(b).cmp(&file(a)))
        });
        (rows, Values(std::mem::take(&mut self.values)))
    }

    /// What was met so far.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        for plan in &self.lookup.plans {
            for name in &plan.plan.unknown {
                *counts.unknown_counters.entry(name.clone()).or_default() += plan.rows;
            }
        }
        counts
    }
}

/// Canonical values of many observations, NaN for null.
pub(crate) struct Values(Vec<(u16, f64)>);

impl Values {
    pub(crate) fn of(&self, observation: &Observation) -> &[(u16, f64)] {
        let (from, to) = observation.values;
        self.0.get(from as usize..to as usize).unwrap_or_default()
    }
}
