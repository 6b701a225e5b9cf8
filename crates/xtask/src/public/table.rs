//! The table of results: what `evaluations` holds of each set.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use foresite_schema::catalog::outcome;
use foresite_tables::{Read, Root};

use super::set::PublicSet;

/// The column of the judged model.
const MODEL: &str = "model";

/// Results of one set: the test slice, and what the gate slice decided.
#[derive(Debug)]
pub(crate) struct Results {
    heading: String,
    verdict: String,
    metrics: Vec<String>,
    /// By metric and model or baseline.
    values: BTreeMap<(String, String), String>,
}

/// Reads the results of a set.
pub(crate) fn results(root: &Path, set: &PublicSet, metrics: Vec<String>) -> Result<Results> {
    let heading = format!("{}: {}\n  reference: {}", set.name, set.protocol, set.reference);
    // Without labels in the gate slice there is nothing to compare.
    let (verdict, values) = (String::from("INSUFFICIENT"), BTreeMap::new());
    let mut results = Results { heading, verdict, metrics, values };
    let root = Root::open(&root.display().to_string())?;
    let table = root.find(outcome::evaluations())?.context("no table `evaluations`")?;
    for batch in table.scan(&Read::all().text("task", &set.task))? {
        results.add(&batch?)?;
    }
    Ok(results)
}

impl Results {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let column = |name: &str| {
            batch.column_by_name(name).with_context(|| format!("evaluations: no column `{name}`"))
        };
        let text = |name| column(name).map(|column| column.as_string::<i32>());
        let number = |name| column(name).map(|column| column.as_primitive::<Float64Type>());
        let (slices, metrics) = (text("slice")?, text("metric")?);
        let (baselines, verdicts) = (text("baseline")?, text("verdict")?);
        let (values, lows, highs) = (number("value")?, number("low")?, number("high")?);
        for row in 0..batch.num_rows() {
            if verdicts.is_valid(row) {
                self.verdict = verdicts.value(row).to_owned();
            }
            if slices.value(row) != "test" || values.is_null(row) {
                continue;
            }
            let mut value = format!("{:.3}", values.value(row));
            if lows.is_valid(row) && highs.is_valid(row) {
                value.push_str(&format!(" [{:.3}, {:.3}]", lows.value(row), highs.value(row)));
            }
            let of = if baselines.is_valid(row) { baselines.value(row) } else { MODEL };
            self.values.insert((metrics.value(row).to_owned(), of.to_owned()), value);
        }
        Ok(())
    }

    /// The model, then every baseline that one of the metrics was computed for.
    fn columns(&self) -> Vec<&str> {
        let named = self.values.keys().filter(|(metric, _)| self.metrics.contains(metric));
        let mut baselines: Vec<&str> =
            named.map(|(_, of)| of.as_str()).filter(|of| *of != MODEL).collect();
        baselines.sort_unstable();
        baselines.dedup();
        [vec![MODEL], baselines].concat()
    }

    /// Prints the set as a table: a metric a line, the model and its baselines side by side.
    pub(crate) fn print(&self) {
        println!("\n{}\n  gate slice: {}; test slice:", self.heading, self.verdict);
        let columns = self.columns();
        let line = |first: &str, cells: &[&str]| {
            let cells: String = cells.iter().map(|cell| format!("{cell:<24}")).collect();
            println!("{}", format!("  {first:<24}{cells}").trim_end());
        };
        line("", &columns);
        for metric in &self.metrics {
            let cell = |of: &&str| {
                let value = self.values.get(&(metric.clone(), (*of).to_owned()));
                value.map_or("", String::as_str)
            };
            line(metric, &columns.iter().map(cell).collect::<Vec<_>>());
        }
    }
}
