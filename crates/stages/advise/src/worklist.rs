//! Rows of the tables `incidents` and `worklist`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use foresite_stage::Result;

use crate::advice::{Advice, Entry};
use crate::clock::Micros;
use crate::incidents::Incident;
use crate::statements::Statement;

/// What every row of a run carries.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The run's cutoff.
    pub cutoff: Micros,
    /// When the newest input could be known.
    pub known_at: Micros,
    /// When the rows are written.
    pub ingested_at: Micros,
    /// Lineage of the run.
    pub lineage_id: &'a str,
}

/// The source that rows of this stage carry.
pub const SOURCE: &str = "derived";

/// The team of lists that are not split.
pub const EVERYBODY: &str = "*";

/// One row per incident, closed ones included.
///
/// # Errors
/// None for columns of equal length.
pub fn incident_rows(advice: &Advice, stamp: Stamp<'_>) -> Result<RecordBatch> {
    let rows: Vec<(&Incident, Option<&str>)> =
        advice.lists.iter().flat_map(|list| list.incidents()).collect();
    let each = || rows.iter().map(|(incident, _)| *incident);
    let mut columns = Columns::stamped(rows.len(), stamp);
    columns.text("incident_id", each().map(|incident| Some(incident.incident_id.as_str())));
    columns.text("task", each().map(|incident| Some(incident.task.as_str())));
    columns.text("entity_type", each().map(|incident| Some(incident.entity_type.as_str())));
    columns.text("entity_id", each().map(|incident| Some(incident.entity_id.as_str())));
    columns.texts("members", each().map(|incident| incident.prediction_ids.iter()));
    columns.texts("member_entities", each().map(|incident| incident.member_entities.iter()));
    columns.times("first_seen_at", each().map(|incident| Some(incident.first_seen_at)));
    columns.text("state", each().map(|incident| Some(incident.change.word())));
    columns.text("known_cause", rows.iter().map(|(_, cause)| *cause));
    columns.numbers("level", each().map(|incident| Some(incident.level)));
    columns.numbers("inclusion", each().map(|incident| incident.inclusion));
    columns.batch()
}

/// One row per open incident: the listed ones with their place, the others with the reason.
///
/// # Errors
/// None for columns of equal length.
pub fn worklist_rows(advice: &Advice, stamp: Stamp<'_>) -> Result<RecordBatch> {
    let rows: Vec<&Entry> =
        advice.lists.iter().flat_map(|list| list.listed.iter().chain(&list.left_out)).collect();
    let items = || rows.iter().map(|entry| &entry.item);
    let incidents = || items().map(|item| &item.incident);
    let evidence = || rows.iter().map(|entry| &entry.evidence);
    let mut columns = Columns::stamped(rows.len(), stamp);
    columns.text("incident_id", incidents().map(|incident| Some(incident.incident_id.as_str())));
    columns.ranks("rank", items().map(|item| item.rank));
    columns.text("task", incidents().map(|incident| Some(incident.task.as_str())));
    columns.text("entity_type", incidents().map(|incident| Some(incident.entity_type.as_str())));
    columns.text("entity_id", incidents().map(|incident| Some(incident.entity_id.as_str())));
    columns.text("title", evidence().map(|evidence| Some(evidence.title.as_str())));
    columns.texts("evidence", evidence().map(|evidence| evidence.sentences.iter()));
    columns.numbers("urgency", items().map(|item| Some(item.urgency)));
    columns.numbers("probability", incidents().map(probability));
    columns.numbers("traffic_at_risk_gb", items().map(|item| item.exposure.traffic_gb));
    columns.numbers("users_at_risk", items().map(|item| item.exposure.users));
    columns.times("act_before", evidence().map(|evidence| evidence.act_before));
    columns.text("change", incidents().map(|incident| Some(incident.change.word())));
    columns.times("first_seen_at", incidents().map(|incident| Some(incident.first_seen_at)));
    let resource = evidence().map(|evidence| evidence.limiting_resource.as_deref());
    columns.text("limiting_resource", resource);
    for (at, name) in ["event_low_at", "event_at", "event_high_at"].into_iter().enumerate() {
        columns.times(name, evidence().map(|evidence| evidence.event[at]));
    }
    columns.text("model_role", rows.iter().map(|entry| Some(entry.role.word())));
    columns.text("left_out", items().map(|item| item.left_out.as_deref()));
    let codes = items().map(|item| item.left_out.as_ref().map(|reason| reason.code.word()));
    columns.text("left_out_code", codes);
    columns.text("team", items().map(|item| item.team.as_deref()));
    columns.texts("children", incidents().map(Incident::children));
    columns.numbers("inclusion", incidents().map(|incident| incident.inclusion));
    columns.batch()
}

/// One row per list and team, empty lists included.
///
/// # Errors
/// None for columns of equal length.
pub fn statement_rows(advice: &Advice, stamp: Stamp<'_>) -> Result<RecordBatch> {
    let lists = advice.lists.iter();
    let rows: Vec<(&str, &Statement)> = lists
        .flat_map(|list| list.statements.iter().map(|said| (list.list.task.as_str(), said)))
        .collect();
    let each = || rows.iter().map(|(_, said)| *said);
    let mut columns = Columns::stamped(rows.len(), stamp);
    columns.text("task", rows.iter().map(|(task, _)| Some(*task)));
    columns.text("team", each().map(|said| Some(said.team.as_deref().unwrap_or(EVERYBODY))));
    columns.times("shift_start", each().map(|said| Some(said.shift?.0)));
    columns.times("shift_end", each().map(|said| Some(said.shift?.1)));
    columns.ranks("budget", each().map(|said| Some(said.budget)));
    for (name, of) in [
        ("used", (|said| said.used) as fn(&Statement) -> usize),
        ("listed", |said| said.listed),
        ("left_out", |said| said.left_out),
    ] {
        columns.ranks(name, each().map(|said| u32::try_from(of(said)).ok()));
    }
    columns.numbers("hits", each().map(|said| said.hits));
    columns.numbers("left_out_hits", each().map(|said| said.left_out_hits));
    columns.numbers("misses", each().map(|said| said.misses));
    columns.ranks("within_s", each().map(|said| said.within_s));
    columns.batch()
}

/// The probability, where members are there to have one.
fn probability(incident: &Incident) -> Option<f64> {
    incident.lead().map(|lead| lead.probability)
}

/// A batch in the making.
struct Columns {
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Columns {
    /// The columns that do not depend on the row.
    fn stamped(rows: usize, stamp: Stamp<'_>) -> Self {
        let mut columns = Self { columns: Vec::new() };
        let texts = |value: &str| StringArray::from(vec![value; rows]);
        columns.push("source", texts(SOURCE));
        columns.push("bucket", Int32Array::from(vec![0; rows]));
        columns.push("tombstone", BooleanArray::from(vec![false; rows]));
        columns.push("lineage_id", texts(stamp.lineage_id));
        let times = [
            ("cutoff", stamp.cutoff),
            ("known_at", stamp.known_at),
            ("ingested_at", stamp.ingested_at),
        ];
        for (name, at) in times {
            columns.times(name, std::iter::repeat_n(Some(at), rows));
        }
        columns
    }

    fn push(&mut self, name: &'static str, array: impl arrow::array::Array + 'static) {
        self.columns.push((name, Arc::new(array)));
    }

    fn text<'t>(&mut self, name: &'static str, values: impl Iterator<Item = Option<&'t str>>) {
        self.push(name, values.collect::<StringArray>());
    }

    fn numbers(&mut self, name: &'static str, values: impl Iterator<Item = Option<f64>>) {
        self.push(name, values.collect::<Float64Array>());
    }

    fn ranks(&mut self, name: &'static str, values: impl Iterator<Item = Option<u32>>) {
        let ranks = values.map(|rank| rank.and_then(|rank| i32::try_from(rank).ok()));
        self.push(name, ranks.collect::<Int32Array>());
    }

    fn times(&mut self, name: &'static str, values: impl Iterator<Item = Option<Micros>>) {
        let array: TimestampMicrosecondArray = values.collect();
        self.push(name, array.with_timezone("UTC"));
    }

    fn texts<'t>(
        &mut self,
        name: &'static str,
        rows: impl Iterator<Item = impl Iterator<Item = &'t String>>,
    ) {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in rows {
            lists.append_value(row.map(Some));
        }
        self.push(name, lists.finish());
    }

    fn batch(self) -> Result<RecordBatch> {
        let columns = self.columns.into_iter().map(|(name, array)| (name, array, true));
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}
