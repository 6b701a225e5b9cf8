//! Rows of `pm_counters` by element and hour, with canonical values.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use foresite_kpi::{Catalogue, CounterPlan, CounterRows, CounterSets, HOUR, KpiError, Micros};

/// One row of `pm_counters`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Local name of the object.
    pub(crate) object: String,
    pub(crate) start: Micros,
    pub(crate) granularity_s: i32,
    /// Number of the counter set.
    pub(crate) set: usize,
    pub(crate) known_at: Micros,
    pub(crate) file: String,
    pub(crate) suspect: bool,
    pub(crate) flags: i32,
    /// Canonical values: slot of the counter, value where it is not null.
    pub(crate) values: Vec<(usize, f64)>,
}

impl Row {
    /// End of the period.
    pub(crate) fn end(&self) -> Micros {
        self.start + Micros::from(self.granularity_s) * 1_000_000
    }

    /// Whether both are about the same object and period.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        (self.start, self.granularity_s, &self.object)
            == (other.start, other.granularity_s, &other.object)
    }
}

/// The rows of one element and hour, sorted by period, object and counter set, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct ElementHour {
    pub(crate) vendor: String,
    pub(crate) rows: Vec<Row>,
}

impl ElementHour {
    /// The rows that were known at `moment`, all versions.
    pub(crate) fn known(&self, moment: Micros) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.known_at <= moment)
    }

    /// The rows that counted at `moment`: the newest of each object, period and counter set.
    pub(crate) fn current(&self, moment: Micros) -> Vec<&Row> {
        let mut rows: Vec<_> = self.known(moment).collect();
        rows.dedup_by(|later, first| first.is_beside(later) && first.set == later.set);
        rows
    }
}

/// Element name and start of the hour.
pub(crate) type Place = (String, Micros);

/// Sorts rows by element and hour.
///
/// **Errors** when a column or a counter set is missing.
pub(crate) fn collect(
    batch: &RecordBatch,
    sets: &CounterSets,
) -> Result<BTreeMap<Place, ElementHour>, KpiError> {
    let rows = CounterRows::new(batch)?;
    let mut plans = Plans::default();
    let mut found: BTreeMap<Place, ElementHour> = BTreeMap::new();
    for row in 0..rows.len() {
        let (set, plan) = plans.get(sets, rows.counter_set(row), rows.software(row))?;
        let values = plan.read(rows.values(row));
        let read = Row {
            object: rows.object(row).to_owned(),
            start: rows.start(row),
            granularity_s: rows.granularity_s(row),
            set,
            known_at: rows.known_at(row),
            file: rows.file(row).to_owned(),
            suspect: rows.is_suspect(row),
            flags: rows.flags(row),
            values: values.filter_map(|(slot, value)| Some((slot, value?))).collect(),
        };
        let hour = read.start.div_euclid(HOUR) * HOUR;
        let place = found.entry((rows.element(row).to_owned(), hour)).or_default();
        if place.vendor.is_empty() {
            sets.vendor(rows.counter_set(row))?.clone_into(&mut place.vendor);
        }
        place.rows.push(read);
    }
    for place in found.values_mut() {
        place.rows.sort_by(|a, b| {
            (a.start, a.granularity_s, &a.object, a.set)
                .cmp(&(b.start, b.granularity_s, &b.object, b.set))
                .then_with(|| b.known_at.cmp(&a.known_at))
                .then_with(|| b.file.cmp(&a.file))
        });
    }
    Ok(found)
}

/// Counter plans, each made once.
#[derive(Default)]
struct Plans {
    numbers: HashMap<String, HashMap<String, usize>>,
    plans: Vec<CounterPlan>,
}

impl Plans {
    fn get(
        &mut self,
        sets: &CounterSets,
        counter_set: &str,
        software: &str,
    ) -> Result<(usize, &CounterPlan), KpiError> {
        let known = self.numbers.get(counter_set);
        let number = match known.and_then(|of| of.get(software)) {
            Some(number) => *number,
            None => {
                let plan = sets.plan(Catalogue::built_in(), counter_set, software)?;
                self.plans.push(plan);
                let of_set = self.numbers.entry(counter_set.to_owned()).or_default();
                of_set.insert(software.to_owned(), self.plans.len() - 1);
                self.plans.len() - 1
            }
        };
        Ok((number, &self.plans[number]))
    }
}
