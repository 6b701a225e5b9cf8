//! The table of results: what `evaluations` holds of each set.

use std::path::Path;

use anyhow::{Context as _, Result};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use foresite_schema::catalog::outcome;
use foresite_tables::{Read, Root};

use super::set::PublicSet;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    set: String,
    heading: String,
    slice: String,
    metric: String,
    model: String,
    value: String,
}

/// The rows of the gate and test slices that speak of the whole set, not of a group in it.
pub(crate) fn rows(root: &Path, set: &PublicSet) -> Result<Vec<Row>> {
    let root = Root::open(&root.display().to_string())?;
    let table = root.find(outcome::evaluations())?.context("no table `evaluations`")?;
    let mut rows = Vec::new();
    for batch in table.scan(&Read::all().text("task", &set.task))? {
        read(&batch?, set, &mut rows)?;
    }
    Ok(rows)
}

fn read(batch: &RecordBatch, set: &PublicSet, rows: &mut Vec<Row>) -> Result<()> {
    let column = |name: &str| {
        batch.column_by_name(name).with_context(|| format!("evaluations: no column `{name}`"))
    };
    let text = |name| column(name).map(|column| column.as_string::<i32>());
    let number = |name| column(name).map(|column| column.as_primitive::<Float64Type>());
    let (models, slices, metrics) = (text("model_id")?, text("slice")?, text("metric")?);
    let (baselines, verdicts) = (text("baseline")?, text("verdict")?);
    let (values, lows, highs) = (number("value")?, number("low")?, number("high")?);
    for row in 0..batch.num_rows() {
        let mut value = String::from("-");
        if values.is_valid(row) {
            value = format!("{:.4}", values.value(row));
        }
        if lows.is_valid(row) && highs.is_valid(row) {
            value.push_str(&format!(" [{:.4}, {:.4}]", lows.value(row), highs.value(row)));
        }
        if verdicts.is_valid(row) {
            value.push_str(&format!(" {}", verdicts.value(row)));
        }
        let model = if baselines.is_valid(row) { baselines.value(row) } else { models.value(row) };
        rows.push(Row {
            set: set.name.clone(),
            heading: format!("{}\n  reference: {}", set.protocol, set.reference),
            slice: slices.value(row).to_owned(),
            metric: metrics.value(row).to_owned(),
            model: model.to_owned(),
            value,
        });
    }
    Ok(())
}

/// Prints the table, a heading per set.
pub(crate) fn print(rows: &[Row]) {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let widths = [width(|row| &row.slice), width(|row| &row.metric), width(|row| &row.model)];
    let mut set = "";
    for row in rows {
        if row.set != set {
            set = &row.set;
            println!("\n{set}: {}", row.heading);
        }
        println!(
            "  {:a$}  {:b$}  {:c$}  {}",
            row.slice,
            row.metric,
            row.model,
            row.value,
            a = widths[0],
            b = widths[1],
            c = widths[2]
        );
    }
}
