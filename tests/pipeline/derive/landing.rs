//! A small network: measurement files, its description, and the tables that come out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int32Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use flate2::Compression;
use flate2::write::GzEncoder;
use foresite_schema::{TableDef, catalog};
use foresite_tables::{Commit, Read, Root, Slot};
use foresite_testkit::Binary;
use serde_json::Value as Json;

const HOUR: i64 = 3_600_000_000;
/// 2024-05-01T00:00:00Z in hours since the epoch (`date -u -d 2024-05-01 +%s` / 3600).
const MAY: i64 = 1_714_521_600 / 3600;

/// Start of an hour of 1 May 2024.
pub(super) fn stamp(hour: i64) -> String {
    format!("2024-05-01T{hour:02}:00:00Z")
}

fn micros(hour: i64) -> i64 {
    (MAY + hour) * HOUR
}

/// The file of an element and hour: one cell, four quarters.
#[derive(Debug, Clone)]
pub(super) struct Hour {
    element: String,
    hour: i64,
    landed: i64,
    gigabytes: [f64; 4],
    suspect: bool,
    is_empty: bool,
}

impl Hour {
    pub(super) fn new(element: &str, hour: i64) -> Self {
        Self {
            element: element.into(),
            hour,
            landed: hour,
            gigabytes: [1.0; 4],
            suspect: false,
            is_empty: false,
        }
    }

    /// Names its counters, and no object.
    pub(super) fn without_values(self) -> Self {
        Self { is_empty: true, ..self }
    }

    /// It landed a minute after the end of that hour.
    pub(super) fn landed(self, hour: i64) -> Self {
        Self { landed: hour, ..self }
    }

    pub(super) fn values(self, gigabytes: [f64; 4]) -> Self {
        Self { gigabytes, ..self }
    }

    /// Whether the element marks its second quarter as suspect.
    pub(super) fn suspect(self, suspect: bool) -> Self {
        Self { suspect, ..self }
    }

    fn text(&self) -> String {
        let quarters: String = (0..4).map(|quarter| self.quarter(quarter)).collect();
        let quarters = match self.is_empty {
            true => "<measInfo><measType p=\"1\">pmOwn</measType></measInfo>".to_owned(),
            false => quarters,
        };
        format!(
            "<measCollecFile><fileHeader vendorName=\"Acme\" dnPrefix=\"SubNetwork=S\">\
             <measCollec beginTime=\"{}\"/></fileHeader><measData>\
             <managedElement localDn=\"ManagedElement={}\" swVersion=\"1\"/>{quarters}</measData>\
             <fileFooter><measCollec endTime=\"{}\"/></fileFooter></measCollecFile>",
            stamp(self.hour),
            self.element,
            stamp(self.hour + 1),
        )
    }

    fn quarter(&self, quarter: usize) -> String {
        let end = match quarter {
            3 => stamp(self.hour + 1),
            other => format!("2024-05-01T{:02}:{}:00Z", self.hour, 15 * (other + 1)),
        };
        let suspect = if self.suspect && quarter == 1 { "<suspect>true</suspect>" } else { "" };
        format!(
            "<measInfo measInfoId=\"cu\"><granPeriod duration=\"PT900S\" endTime=\"{end}\"/>\
             <measType p=\"1\">RRC.ConnEstabAtt.Sum</measType>\
             <measType p=\"2\">RRC.ConnEstabSucc.Sum</measType>\
             <measType p=\"3\">DRB.PdcpSduVolumeDL</measType><measType p=\"4\">pmOwn</measType>\
             <measValue measObjLdn=\"ManagedElement={},GNBCUCPFunction=1,NRCellCU=1\">\
             <r p=\"1\">100</r><r p=\"2\">95</r><r p=\"3\">{}</r><r p=\"4\">1</r>{suspect}\
             </measValue></measInfo>",
            self.element,
            8000.0 * self.gigabytes[quarter],
        )
    }
}

/// Writes a file into the landing folder.
pub(super) fn land(root: &Path, file: &Hour) {
    let folder = root.join("landing/pm");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}_{:02}_{:02}.xml.gz", file.element, file.hour, file.landed));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(file.text().as_bytes()).unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    settle(&path, file.landed);
}

/// Lets a file have landed a minute after the end of an hour.
pub(super) fn settle(path: &Path, hour: i64) {
    let landed = Duration::from_secs(((MAY + hour + 1) * 3600 + 60) as u64);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + landed).unwrap();
}

/// Ingest as of half an hour after `as_of`.
pub(super) fn ingest(root: &Path, hours: [i64; 2], as_of: i64) -> Binary {
    let clock = stamp(as_of).replace(":00:00Z", ":30:00Z");
    Binary::stage("ingest")
        .root(root)
        .interval(&stamp(hours[0]), &stamp(hours[1]))
        .args(&format!("--as-of {clock}"))
}

fn open(root: &Path) -> Root {
    Root::open(root.to_str().unwrap()).unwrap()
}

fn texts<S: Into<String>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.into_iter().map(Into::into)))
}

fn times(value: i64, count: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_value(value, count).with_timezone("UTC"))
}

fn commit(hour: i64) -> Commit {
    Commit {
        lineage_id: format!("{:032x}", hour + 1),
        as_of: micros(hour),
        ingested_at: micros(hour),
        force: false,
        note: Json::Null,
    }
}

/// Writes `objects`: cell 1 of each element is cell n78 of the site of that name.
pub(super) fn describe(root: &Path, elements: &[&str]) {
    std::fs::create_dir_all(root.join("landing")).unwrap();
    let count = elements.len();
    let time_type = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let rows = RecordBatch::try_from_iter_with_nullable([
        (
            "ne_dn",
            texts(elements.iter().map(|e| format!("SubNetwork=S,ManagedElement={e}"))),
            false,
        ),
        ("ldn", texts(vec!["GNBCUCPFunction=1,NRCellCU=1"; count]), false),
        ("mo_class", texts(vec!["NRCellCU"; count]), false),
        ("entity_type", texts(vec!["cell"; count]), false),
        ("entity_id", texts(elements.iter().map(|e| format!("north/{e}/1/n78"))), false),
        ("valid_from", times(0, count), false),
        ("valid_to", new_null_array(&time_type, count), true),
        ("known_at", times(0, count), false),
        ("ingested_at", times(0, count), false),
        ("lineage_id", texts(vec!["0a"; count]), false),
    ])
    .unwrap();
    let table = open(root).table(catalog::raw::objects()).unwrap();
    table.append(&Slot::plan("objects", "p"), &rows, &commit(0)).unwrap();
}

/// Writes one imported hour of `kpis`.
pub(super) fn import(root: &Path, cell: &str, hour: i64, channels: &[(&str, f64)]) {
    let one = |value: &str| texts([value]);
    let int = |value| Arc::new(Int32Array::from(vec![value])) as ArrayRef;
    let mut columns = vec![
        ("source", one("history")),
        ("bucket", int(0)),
        ("entity_type", one("cell")),
        ("entity_id", one(cell)),
        ("period_start", times(micros(hour), 1)),
        ("granularity_s", int(3600)),
        ("quality", int(32)),
        ("tombstone", Arc::new(BooleanArray::from(vec![false])) as ArrayRef),
        ("known_at", times(micros(hour + 1), 1)),
        ("ingested_at", times(micros(hour + 1), 1)),
        ("lineage_id", one("0b")),
    ];
    for (name, value) in channels {
        columns.push((name, Arc::new(Float64Array::from(vec![*value]))));
    }
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let table = open(root).existing(catalog::derived::kpis()).unwrap();
    let slot = Slot::derived("history", 0, micros(hour), micros(hour + 1));
    table.replace(&slot, &rows, &commit(hour)).unwrap();
}

fn def(table: &str) -> TableDef {
    catalog::find(table).unwrap()
}

/// Rows of `kpis` or `kpi_groups` as known at a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kpis(BTreeMap<(String, i64, i32), BTreeMap<String, f64>>);

/// Reads a table as of half an hour after `as_of`.
pub(super) fn kpis(root: &Path, table: &str, as_of: i64) -> Kpis {
    let table = open(root).existing(def(table)).unwrap();
    let batch = table.read(&Read::all().as_of(micros(as_of) + HOUR / 2)).unwrap();
    let column = |name: &str| Arc::clone(batch.column_by_name(name).unwrap());
    let (ids, starts, lengths) =
        (column("entity_id"), column("period_start"), column("granularity_s"));
    let mut rows = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let mut values = BTreeMap::new();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if let Some(column) = column.as_primitive_opt::<Float64Type>()
                && column.is_valid(row)
            {
                values.insert(field.name().clone(), column.value(row));
            }
        }
        let id = ids.as_string::<i32>().value(row).to_owned();
        let start = starts.as_primitive::<TimestampMicrosecondType>().value(row);
        rows.insert((id, start, lengths.as_primitive::<Int32Type>().value(row)), values);
    }
    Kpis(rows)
}

impl Kpis {
    /// A channel of an hour, null or not; the row has to be there.
    pub(super) fn find(&self, id: &str, hour: i64, channel: &str) -> Option<f64> {
        let key = (id.to_owned(), micros(hour), 3600);
        let row = self.0.get(&key).unwrap_or_else(|| panic!("no row {key:?}"));
        row.get(channel).copied()
    }

    pub(super) fn hourly(&self, id: &str, hour: i64, channel: &str) -> f64 {
        self.find(id, hour, channel).unwrap_or_else(|| panic!("{channel} of {id} is null"))
    }

    /// Rows of an entity at the native granularity.
    pub(super) fn native(&self, id: &str) -> usize {
        self.0.keys().filter(|key| key.0 == id && key.2 == 900).count()
    }

    /// The rows of some hours.
    pub(super) fn of_hours(&self, wanted: impl Fn(i64) -> bool) -> Self {
        let of_hour = |start: i64| start.div_euclid(HOUR) - MAY;
        let rows = self.0.iter().filter(|(key, _)| wanted(of_hour(key.1)));
        Self(rows.map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}

/// All versions of all rows, one text each, without the columns that differ from run to run.
pub(super) fn rows_without_stamps(root: &Path, table: &str) -> Vec<String> {
    let table = open(root).existing(def(table)).unwrap();
    let stamps = ["ingested_at", "lineage_id"];
    let columns: Vec<_> = table.def().columns.iter().map(|column| column.name.clone()).collect();
    let columns = columns.into_iter().filter(|name| !stamps.contains(&name.as_str()));
    let batch = table.read_all(&Read::all().columns(columns)).unwrap();
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let text = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>();
    let mut rows: Vec<_> = (0..batch.num_rows()).map(|row| text(row).join(" ")).collect();
    rows.sort();
    rows
}

/// Scope, verdict and detail of a rule's newest findings.
pub(super) fn quality(root: &Path, rule: &str) -> Vec<String> {
    let table = open(root).existing(catalog::derived::quality()).unwrap();
    let batch = table.read(&Read::all().text("rule", rule)).unwrap();
    let column = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (scopes, verdicts, details) = (column("scope"), column("verdict"), column("detail"));
    (0..batch.num_rows())
        .map(|row| format!("{} {} {}", scopes.value(row), verdicts.value(row), details.value(row)))
        .collect()
}

/// States in the list of stale hours.
pub(super) fn stale_states(root: &Path) -> Vec<String> {
    let table = open(root).existing(catalog::raw::stale()).unwrap();
    let batch = table.read_all(&Read::all().columns(["state"])).unwrap();
    let mut states: Vec<_> =
        batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    states.sort();
    states
}
