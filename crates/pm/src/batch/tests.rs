//! Batches of parsed files.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

use super::*;
use crate::PmReader;

const FILE: &str = r#"<measCollecFile><fileHeader vendorName="V" dnPrefix="SubNetwork=S"/><measData>
<managedElement localDn="ManagedElement=N1" swVersion="R1"/>
<measInfo measInfoId="m"><job jobId="j"/><granPeriod duration="PT900S" endTime="2022-04-18T19:15:00Z"/>
<measType p="1">a</measType><measType p="2">hist</measType><measType p="3">b</measType>
<measValue measObjLdn="GNBDUFunction=1,NRCellDU=1"><r p="1">1.5</r><r p="2">1,,3</r><r p="3"> </r></measValue>
<measValue measObjLdn="GNBDUFunction=1,NRCellDU=2"><r p="3">4</r><r p="2"> , </r><suspect>true</suspect></measValue>
<measValue measObjLdn="GNBCUCPFunction=1,NRCellCU=1"><r p="1">9</r></measValue>
</measInfo></measData></measCollecFile>"#;

fn load() -> Load {
    Load {
        source: "pm".into(),
        plan: "p1".into(),
        file_id: "f1".into(),
        lineage_id: "l1".into(),
        known_at: 20,
        ingested_at: 30,
        buckets: 4,
    }
}

fn batches() -> (Batches, Written) {
    let file = PmReader::default().read(FILE.as_bytes()).unwrap();
    let mut batcher = Batcher::default();
    let written = batcher.push(&file, &load());
    assert_eq!((written.scalars, written.lists), (file.counts.scalars, file.counts.lists));
    (batcher.finish().unwrap(), written)
}

#[test]
fn rows_hold_the_values_in_the_order_of_their_set() {
    let (batches, written) = batches();
    assert_eq!(written, Written { objects: 3, scalars: 3, lists: 2 });
    let rows = &batches.pm_counters;
    assert_eq!(rows.num_rows(), 3);
    let list = |row: usize| {
        let values = rows.column_by_name("values").unwrap().as_list::<i32>().value(row);
        values.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()
    };
    assert_eq!(list(0), [Some(1.5), None]);
    assert_eq!(list(1), [None, Some(4.0)]);
    assert_eq!(list(2), [Some(9.0), None]);
    let text = |name: &str, row: usize| {
        rows.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
    };
    assert_eq!(text("ne_dn", 0), "SubNetwork=S,ManagedElement=N1");
    assert_eq!(text("ldn", 1), "GNBDUFunction=1,NRCellDU=2");
    assert_eq!((text("mo_class", 0), text("mo_class", 2)), ("NRCellDU".into(), "NRCellCU".into()));
    assert_eq!(
        (text("sw_version", 0), text("plan", 2), text("file_id", 2)),
        ("R1".into(), "p1".into(), "f1".into())
    );
    assert!(rows.column_by_name("suspect").unwrap().as_boolean().value(1));
    let start = rows
        .column_by_name("period_start")
        .unwrap()
        .as_primitive::<TimestampMicrosecondType>()
        .value(0);
    assert_eq!(start, 1_650_308_400_000_000); // date -u -d 2022-04-18T19:00:00Z +%s
    let granularity =
        rows.column_by_name("granularity_s").unwrap().as_primitive::<Int32Type>().value(0);
    assert_eq!(granularity, 900);
}

#[test]
fn sets_are_keyed_by_vendor_class_and_names() {
    let (batches, _) = batches();
    let sets = &batches.counter_sets;
    let keys = sets.column_by_name("counter_set").unwrap().as_string::<i32>();
    // printf 'V\nNRCellDU\na\nb\n' | sha256sum | cut -c1-16; the same with NRCellCU
    assert_eq!((keys.value(0), keys.value(1)), ("97369c2284977a59", "ece67bde16532dc0"));
    let names = sets.column_by_name("counters").unwrap().as_list::<i32>().value(0);
    assert_eq!(names.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn lists_keep_blanks_and_text() {
    let (batches, _) = batches();
    let rows = &batches.pm_histograms;
    let bins = rows.column_by_name("bins").unwrap().as_list::<i32>();
    let first = bins.value(0);
    assert_eq!(
        first.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(1.0), None, Some(3.0)]
    );
    assert!(bins.is_null(1));
    let raw = rows.column_by_name("raw").unwrap().as_string::<i32>();
    assert_eq!((raw.value(0), raw.value(1)), ("1,,3", " , "));
}

#[test]
fn nothing_gives_empty_batches_of_the_right_schema() {
    let batches = Batcher::default().finish().unwrap();
    let schemas = [
        (batches.pm_counters, foresite_schema::catalog::raw::pm_counters()),
        (batches.counter_sets, foresite_schema::catalog::raw::counter_sets()),
        (batches.pm_histograms, foresite_schema::catalog::raw::pm_histograms()),
    ];
    for (batch, table) in schemas {
        assert_eq!((batch.num_rows(), batch.schema()), (0, table.schema()));
    }
}
