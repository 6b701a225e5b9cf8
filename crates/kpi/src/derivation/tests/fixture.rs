//! Small tables of counters, objects, inventory and quality, and rows of output to look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Float64Builder, Int32Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type};

use crate::columns::Columns;
use crate::derivation::{Derivation, Derived, Inputs, Settings};
use crate::{Catalogue, CounterSets, Counts, HOUR, Hierarchy, Micros, Nulling, ObjectMap, Stamp};

pub(super) const MINUTE: Micros = 60_000_000;
pub(super) const QUARTER: Micros = 15 * MINUTE;
/// 2026-03-29 00:00 UTC: the night in which Europe's clocks jump, which must not matter here.
pub(super) const T0: Micros = 1_774_742_400_000_000;
pub(super) const LATENESS: Micros = 20 * MINUTE;

/// One row of `pm_counters`.
#[derive(Debug, Clone)]
pub(super) struct Counters {
    pub(super) ldn: String,
    pub(super) start: Micros,
    pub(super) granularity_s: i32,
    pub(super) values: Vec<(String, Option<f64>)>,
    pub(super) suspect: bool,
    pub(super) software: String,
    pub(super) file: String,
    pub(super) known_at: Micros,
}

/// A quarter of an hour of `ldn`, number `quarter` after [`T0`], known when its hour closed.
pub(super) fn counters(ldn: &str, quarter: i64, values: &[(&str, f64)]) -> Counters {
    let start = T0 + quarter * QUARTER;
    Counters {
        ldn: ldn.into(),
        start,
        granularity_s: 900,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), Some(*value))).collect(),
        suspect: false,
        software: "1.0".into(),
        file: "f".into(),
        known_at: start.div_euclid(HOUR) * HOUR + HOUR + LATENESS,
    }
}

pub(super) fn times(values: impl IntoIterator<Item = Option<Micros>>) -> ArrayRef {
    let times: TimestampMicrosecondArray = values.into_iter().collect();
    Arc::new(times.with_timezone("UTC"))
}

pub(super) fn texts<S: Into<String>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.into_iter().map(Into::into)))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The network: what belongs where.
pub(super) struct Network {
    pub(super) catalogue: &'static Catalogue,
    pub(super) vendor: &'static str,
    /// ldn, kind, id, valid from, valid to, known at.
    pub(super) objects: Vec<(String, String, String, Micros, Option<Micros>, Micros)>,
    /// kind, id, parent, valid from, valid to, known at.
    pub(super) inventory: Vec<(String, String, String, Micros, Option<Micros>, Micros)>,
    /// rule, scope, start, end, severity, known at.
    pub(super) quality: Vec<(String, String, Micros, Micros, String, Micros)>,
    pub(super) native_rows: bool,
}

impl Network {
    /// Objects that make entities, all valid and known since ever.
    pub(super) fn new(objects: &[(&str, &str, &str)]) -> Self {
        let object = |(ldn, kind, id): &(&str, &str, &str)| {
            ((*ldn).into(), (*kind).into(), (*id).into(), 0, None, 0)
        };
        Self {
            catalogue: Catalogue::built_in(),
            vendor: "Acme",
            objects: objects.iter().map(object).collect(),
            inventory: Vec::new(),
            quality: Vec::new(),
            native_rows: true,
        }
    }

    fn object_map(&self, as_of: Micros) -> ObjectMap {
        let rows: Vec<_> = self.objects.iter().filter(|row| row.5 <= as_of).collect();
        let one = batch(vec![
            ("ne_dn", texts(rows.iter().map(|_| "NE=1"))),
            ("ldn", texts(rows.iter().map(|row| row.0.clone()))),
            ("entity_type", texts(rows.iter().map(|row| row.1.clone()))),
            ("entity_id", texts(rows.iter().map(|row| row.2.clone()))),
            ("valid_from", times(rows.iter().map(|row| Some(row.3)))),
            ("valid_to", times(rows.iter().map(|row| row.4))),
            ("known_at", times(rows.iter().map(|row| Some(row.5)))),
        ]);
        ObjectMap::new(&[one]).unwrap()
    }

    fn hierarchy(&self, as_of: Micros) -> Hierarchy {
        let rows: Vec<_> = self.inventory.iter().filter(|row| row.5 <= as_of).collect();
        let one = batch(vec![
            ("entity_type", texts(rows.iter().map(|row| row.0.clone()))),
            ("entity_id", texts(rows.iter().map(|row| row.1.clone()))),
            ("parent_id", texts(rows.iter().map(|row| row.2.clone()))),
            ("valid_from", times(rows.iter().map(|row| Some(row.3)))),
            ("valid_to", times(rows.iter().map(|row| row.4))),
            ("known_at", times(rows.iter().map(|row| Some(row.5)))),
        ]);
        Hierarchy::new(&[one]).unwrap()
    }

    fn nulling(&self, as_of: Micros) -> Nulling {
        let rows: Vec<_> = self.quality.iter().filter(|row| row.5 <= as_of).collect();
        let one = batch(vec![
            ("rule", texts(rows.iter().map(|row| row.0.clone()))),
            ("scope", texts(rows.iter().map(|row| row.1.clone()))),
            ("period_start", times(rows.iter().map(|row| Some(row.2)))),
            ("period_end", times(rows.iter().map(|row| Some(row.3)))),
            ("severity", texts(rows.iter().map(|row| row.4.clone()))),
            ("verdict", texts(rows.iter().map(|_| "fail"))),
            ("known_at", times(rows.iter().map(|row| Some(row.5)))),
            ("tombstone", Arc::new(BooleanArray::from(vec![false; rows.len()]))),
        ]);
        Nulling::new(&[one]).unwrap()
    }

    /// Derives `[start, end)` as of `as_of` from everything that was known then.
    pub(super) fn derive(
        &self,
        rows: &[Counters],
        (start, end): (Micros, Micros),
        as_of: Micros,
    ) -> (Derived, Counts) {
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.known_at <= as_of && (start..end).contains(&row.start))
            .cloned()
            .collect();
        let sets = counter_sets(&rows, self.vendor);
        let (objects, hierarchy) = (self.object_map(as_of), self.hierarchy(as_of));
        let nulling = self.nulling(as_of);
        let inputs = Inputs {
            catalogue: self.catalogue,
            counter_sets: &sets,
            objects: &objects,
            hierarchy: &hierarchy,
            nulling: &nulling,
        };
        let settings = Settings { gap_after: LATENESS, native_rows: self.native_rows };
        let mut derivation = Derivation::new(inputs, settings);
        derivation.push(&pm_counters(&rows)).unwrap();
        let stamp = Stamp {
            source: "derived".into(),
            buckets: 1,
            ingested_at: as_of,
            lineage_id: "0f".into(),
        };
        let derived = derivation.finish(start, end, as_of, &stamp).unwrap();
        (derived, derivation.counts())
    }

    /// The output of the first hour with everything known.
    pub(super) fn hour(&self, rows: &[Counters]) -> Rows {
        Rows::new(&self.derive(rows, (T0, T0 + HOUR), T0 + 100 * HOUR).0)
    }
}

/// Counter sets are named by their counters.
fn set_of(row: &Counters) -> String {
    let names: Vec<_> = row.values.iter().map(|(name, _)| name.as_str()).collect();
    names.join("|")
}

fn counter_sets(rows: &[Counters], vendor: &str) -> CounterSets {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        lists.append_value(row.values.iter().map(|(name, _)| Some(name)));
    }
    let one = batch(vec![
        ("counter_set", texts(rows.iter().map(set_of))),
        ("vendor", texts(rows.iter().map(|_| vendor))),
        ("counters", Arc::new(lists.finish())),
    ]);
    CounterSets::new(&[one]).unwrap()
}

fn pm_counters(rows: &[Counters]) -> RecordBatch {
    let mut lists = ListBuilder::new(Float64Builder::new());
    for row in rows {
        lists.append_value(row.values.iter().map(|(_, value)| *value));
    }
    let lengths = rows.iter().map(|row| row.granularity_s);
    let suspect: Vec<_> = rows.iter().map(|row| row.suspect).collect();
    batch(vec![
        ("ne_dn", texts(rows.iter().map(|_| "NE=1"))),
        ("ldn", texts(rows.iter().map(|row| row.ldn.clone()))),
        ("period_start", times(rows.iter().map(|row| Some(row.start)))),
        ("granularity_s", Arc::new(Int32Array::from_iter_values(lengths))),
        ("counter_set", texts(rows.iter().map(set_of))),
        ("values", Arc::new(lists.finish())),
        ("suspect", Arc::new(BooleanArray::from(suspect))),
        ("flags", Arc::new(Int32Array::from_iter_values(rows.iter().map(|_| 0)))),
        ("sw_version", texts(rows.iter().map(|row| row.software.clone()))),
        ("file_id", texts(rows.iter().map(|row| row.file.clone()))),
        ("known_at", times(rows.iter().map(|row| Some(row.known_at)))),
    ])
}

/// kind, id, period start, granularity, known at.
pub(super) type Key = (String, String, Micros, i32, Micros);

/// Output rows by key: quality bits and channels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows(pub(super) BTreeMap<Key, (i32, BTreeMap<String, f64>)>);

impl Rows {
    pub(super) fn new(derived: &Derived) -> Self {
        let mut rows = Self::default();
        rows.take(&derived.kpis, "");
        rows.take(&derived.groups, "group ");
        rows
    }

    fn take(&mut self, batch: &RecordBatch, prefix: &str) {
        let columns = Columns(batch);
        let kinds = columns.text("entity_type").unwrap();
        let ids = columns.text("entity_id").unwrap();
        let (starts, known) =
            (columns.times("period_start").unwrap(), columns.times("known_at").unwrap());
        let lengths = columns.ints("granularity_s").unwrap();
        let bits = columns.ints("quality").unwrap();
        for row in 0..batch.num_rows() {
            let mut channels = BTreeMap::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if let Some(values) = column.as_primitive_opt::<Float64Type>()
                    && values.is_valid(row)
                {
                    channels.insert(field.name().clone(), values.value(row));
                }
                if field.name() == "members" {
                    let members = column.as_primitive::<Int32Type>().value(row);
                    channels.insert("members".into(), members.into());
                }
            }
            let key = (
                format!("{prefix}{}", kinds.value(row)),
                ids.value(row).to_owned(),
                starts.value(row),
                lengths.value(row),
                known.value(row),
            );
            let before = self.0.insert(key, (bits.value(row), channels));
            assert!(before.is_none(), "two rows of one key");
        }
    }

    /// Value of a channel of an entity's hour number `hour`, newest version.
    pub(super) fn hourly(&self, id: &str, hour: i64, channel: &str) -> Option<f64> {
        self.find(id, T0 + hour * HOUR, 3600).1.get(channel).copied()
    }

    /// Quality bits of an entity's hour, newest version.
    pub(super) fn bits(&self, id: &str, hour: i64) -> i32 {
        self.find(id, T0 + hour * HOUR, 3600).0
    }

    pub(super) fn find(
        &self,
        id: &str,
        start: Micros,
        granularity_s: i32,
    ) -> &(i32, BTreeMap<String, f64>) {
        let (kind, id) = id.split_once(':').unwrap_or(("", id));
        self.0
            .iter()
            .rfind(|((have_kind, have, at, length, _), _)| {
                have_kind.starts_with(kind)
                    && have == id
                    && (*at, *length) == (start, granularity_s)
            })
            .map(|(_, row)| row)
            .unwrap_or_else(|| panic!("no row of {id} at {start}"))
    }
}

pub(super) fn close(got: Option<f64>, expected: f64) {
    let got = got.expect("a value");
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "expected {expected}, got {got}"
    );
}
