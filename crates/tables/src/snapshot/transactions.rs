//! Which slots a table holds: the newest transaction of every application id.
//!
//! The kernel looks one id up by reading the checkpoint each time; a slot that is not filled yet is
//! never found, so each commit would pay for all the slots before it. They are read once instead.

use std::collections::HashMap;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use delta_kernel::actions::LOG_TXN_SCHEMA;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::snapshot::SnapshotRef;
use delta_kernel::table_properties::TableProperties;
use serde_json::Value as Json;

use crate::root::Engine;
use crate::{Error, ErrorKind, Result, time};

/// A transaction of an application id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    version: i64,
    updated_millis: Option<i64>,
}

impl Recorded {
    /// Its version, unless the table forgets transactions of that age.
    pub(super) fn unexpired(self, properties: &TableProperties) -> Option<i64> {
        let kept = properties.set_transaction_retention_duration;
        let is_expired = kept.zip(self.updated_millis).is_some_and(|(kept, updated)| {
            let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
            updated <= time::now_millis().saturating_sub(kept)
        });
        (!is_expired).then_some(self.version)
    }
}

/// Reads the newest transaction of every application id.
pub(super) fn read(kernel: &SnapshotRef, engine: &Engine) -> Result<HashMap<String, Recorded>> {
    let mut newest = HashMap::new();
    for batch in kernel.log_segment().read_actions(engine, LOG_TXN_SCHEMA.clone())? {
        let batch: RecordBatch = (*ArrowEngineData::try_from_engine_data(batch?.actions)?).into();
        collect(&batch, &mut newest)?;
    }
    Ok(newest)
}

/// Batches come newest first: the first of an id stays.
fn collect(batch: &RecordBatch, newest: &mut HashMap<String, Recorded>) -> Result<()> {
    let bad = |name| Error::new(ErrorKind::BadData, format!("delta log without column `{name}`"));
    let transactions = batch
        .column_by_name("txn")
        .and_then(|column| column.as_struct_opt())
        .ok_or_else(|| bad("txn"))?;
    let column = |name| transactions.column_by_name(name).ok_or_else(|| bad(name));
    let ids = column("appId")?.as_string::<i32>();
    let versions = column("version")?.as_primitive::<Int64Type>();
    let updates = column("lastUpdated")?.as_primitive::<Int64Type>();
    for row in (0..batch.num_rows()).filter(|row| transactions.is_valid(*row) && ids.is_valid(*row))
    {
        let updated_millis = updates.is_valid(row).then(|| updates.value(row));
        let recorded = Recorded { version: versions.value(row), updated_millis };
        newest.entry(ids.value(row).to_owned()).or_insert(recorded);
    }
    Ok(())
}

/// Notes the transaction of an action of the next commit; `None` for one that is not understood.
pub(super) fn apply(newest: &mut HashMap<String, Recorded>, action: &Json) -> Option<()> {
    if let Some(transaction) = action.get("txn") {
        let version = transaction["version"].as_i64()?;
        let recorded = Recorded { version, updated_millis: transaction["lastUpdated"].as_i64() };
        newest.insert(transaction["appId"].as_str()?.to_owned(), recorded);
    }
    Some(())
}
