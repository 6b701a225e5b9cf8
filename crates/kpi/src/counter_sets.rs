//! The table `counter_sets`: which counters a row of `pm_counters` holds.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};

use crate::catalogue::Catalogue;
use crate::columns::Columns;
use crate::error::{KpiError, Result};
use crate::resolve::CounterPlan;

/// The table `counter_sets`.
#[derive(Debug, Clone, Default)]
pub struct CounterSets(HashMap<String, CounterSet>);

/// One ordered set of counter names.
#[derive(Debug, Clone)]
pub(crate) struct CounterSet {
    pub(crate) vendor: String,
    pub(crate) names: Vec<String>,
}

impl CounterSets {
    /// Reads rows of `counter_sets`.
    pub fn new(batches: &[RecordBatch]) -> Result<Self> {
        let mut sets = HashMap::new();
        for batch in batches {
            let columns = Columns(batch);
            let (keys, vendors) = (columns.text("counter_set")?, columns.text("vendor")?);
            let lists = columns.lists("counters")?;
            for row in 0..batch.num_rows() {
                let list = lists.value(row);
                let names = list.as_string_opt::<i32>().ok_or_else(|| KpiError::Column {
                    column: "counters".into(),
                    expected: "list of text",
                    got: lists.data_type().to_string(),
                })?;
                let set = CounterSet {
                    vendor: vendors.value(row).to_owned(),
                    names: names.iter().flatten().map(str::to_owned).collect(),
                };
                sets.insert(keys.value(row).to_owned(), set);
            }
        }
        Ok(Self(sets))
    }

    pub(crate) fn get(&self, counter_set: &str) -> Result<&CounterSet> {
        self.0.get(counter_set).ok_or_else(|| KpiError::UnknownCounterSet(counter_set.to_owned()))
    }

    /// The plan for one counter set and software release.
    pub fn plan(
        &self,
        catalogue: &Catalogue,
        counter_set: &str,
        software: &str,
    ) -> Result<CounterPlan> {
        let set = self.get(counter_set)?;
        Ok(CounterPlan::new(catalogue, &set.vendor, software, &set.names))
    }

    /// The vendor that writes a counter set.
    pub fn vendor(&self, counter_set: &str) -> Result<&str> {
        Ok(&self.get(counter_set)?.vendor)
    }
}
