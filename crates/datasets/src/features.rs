//! Rows of `features_<task>`.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_features::task::{HOUR, Micros, Task};
use foresite_schema::catalog::derived;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Read;

use crate::Reader;
use crate::reader::bad_data;

/// The raw features of an entity at a cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// The entity.
    pub entity: String,
    /// The cutoff.
    pub cutoff: Micros,
    /// In the order that was asked for, NaN = missing.
    pub values: Vec<f64>,
}

impl Reader<'_> {
    /// Feature rows of the cutoffs, as known as of the run, sorted by entity and cutoff.
    ///
    /// # Errors
    /// `Missing` where the table is not there, `BadData` where it lacks a feature.
    pub fn features(
        &mut self,
        task: &Task,
        names: &[String],
        cutoffs: &[Micros],
    ) -> Result<Vec<FeatureRow>> {
        // The period of a row is the last hour before the end that its cutoff describes.
        let hour = HOUR.min(task.cutoffs.step.micros());
        let start_of = |cutoff: Micros| task.cutoffs.period_end(cutoff) - hour;
        let (Some(&first), Some(&last)) = (cutoffs.first(), cutoffs.last()) else {
            return Ok(Vec::new());
        };
        let def = derived::features(&task.task);
        let table = self
            .root()
            .existing(def)
            .map_err(|error| StageError::from(error).hint("run foresite-featurize first"))?;
        if let Some(name) = names.iter().find(|name| table.def().column(name).is_none()) {
            let message = format!("table `features_{}`: no feature `{name}`", task.task);
            return Err(StageError::new(ErrorKind::BadData, message)
                .hint("the model was fitted for another version of the task: train a new one"));
        }
        let keys = ["entity_id", "period_start", "lineage_id", "known_at"].map(str::to_owned);
        let read = Read::all()
            .columns(keys.iter().chain(names))
            .period(start_of(first), start_of(last) + 1)
            .as_of(self.as_of());
        let batch = table.read(&read)?;
        self.inputs().add_rows(&table.def().name, &batch, "lineage_id")?;
        let mut rows = rows(&batch, names).map_err(bad_data)?;
        rows.iter_mut().for_each(|row| row.cutoff += hour + task.cutoffs.offset.micros());
        rows.retain(|row| cutoffs.binary_search(&row.cutoff).is_ok());
        rows.sort_by(|a, b| (&a.entity, a.cutoff).cmp(&(&b.entity, b.cutoff)));
        Ok(rows)
    }
}

fn rows(batch: &RecordBatch, names: &[String]) -> Result<Vec<FeatureRow>, String> {
    let column = |name: &str| {
        batch.column_by_name(name).ok_or_else(|| format!("features: no column `{name}`"))
    };
    let ids = column("entity_id")?.as_string::<i32>();
    let starts = column("period_start")?.as_primitive::<TimestampMicrosecondType>();
    let features: Vec<_> = names
        .iter()
        .map(|name| column(name).map(|array| array.as_primitive::<Float64Type>()))
        .collect::<Result<_, _>>()?;
    Ok((0..batch.num_rows())
        .map(|row| FeatureRow {
            entity: ids.value(row).to_owned(),
            cutoff: starts.value(row),
            values: features
                .iter()
                .map(|array| if array.is_valid(row) { array.value(row) } else { f64::NAN })
                .collect(),
        })
        .collect())
}
