//! The mappings of our own landing folder, on files of the form that it has.

use super::*;

fn sample(name: &str) -> Mapping {
    super::samples::load(name)
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

const ALARMS: &str = "alarm_id,fact,at,entity_type,entity_id,alarm_type,probable_cause,specific_problem,severity,text,logged_at\n\
    A1,raised,2026-01-01T00:10:00Z,unit,north/N001/battery,Equipment,powerProblem,Battery low,MAJOR,\"U < 46 V, falling\",2026-01-01T00:10:20Z\n\
    A1,cleared,2026-01-01T02:10:00Z,unit,north/N001/battery,Equipment,powerProblem,Battery low,MAJOR,,2026-01-01T02:10:20Z\n\
    A2,raised,2026-01-01T03:00:00Z,,,,,Door open,,,2026-01-01T03:00:01Z\n";

#[test]
fn alarms_are_known_when_logged_or_when_taken() {
    let mapping = sample("alarms");
    let history = read(&mapping, "alarms/alarms_202601.csv", ALARMS);
    assert!(history.rejected.is_empty(), "{:?}", reasons(&history));
    let alarms = batch(&history, "alarms");
    assert_eq!(texts(alarms, "fact"), some(&["raised", "cleared", "raised"]));
    let logged = ["2026-01-01T00:10:20Z", "2026-01-01T02:10:20Z", "2026-01-01T03:00:01Z"];
    assert_eq!(times(alarms, "known_at"), some(&logged));
    assert_eq!(texts(alarms, "entity_id")[2], None);
    let live = read(&mapping, "alarms/alarms_20260101.0300.csv", ALARMS);
    assert_eq!(times(batch(&live, "alarms"), "known_at"), some(&[TAKEN; 3]));
}

#[test]
fn tickets() {
    let text = "ticket_id,fact,at,entity_type,entity_id,start_at,end_at,cause,text,recorded_at\n\
        T1,opened,2026-01-01T05:00:00Z,site,north/N001,2026-01-01T04:30:00Z,,,No service,2026-01-01T05:00:00Z\n\
        T1,closed,2026-01-01T09:00:00Z,site,north/N001,2026-01-01T04:30:00Z,2026-01-01T08:45:00Z,battery,,2026-01-01T09:00:00Z\n";
    let mapped = read(&sample("tickets"), "tickets/tickets_202601.csv", text);
    let tickets = batch(&mapped, "tickets");
    assert_eq!(texts(tickets, "cause"), [None, Some("battery".into())]);
    assert_eq!(times(tickets, "end_at"), [None, Some("2026-01-01T08:45:00Z".into())]);
}

#[test]
fn inventory_edges_and_objects() {
    let text = "entity_type,entity_id,parent_id,name,latitude,longitude,azimuth,technology,band,bandwidth_mhz,prb_count,vendor,hardware,software,commissioned_at,time_zone,holiday_calendar,valid_from,valid_to,recorded_at\n\
        cell,north/N001/1/n78,north/N001/1,N001-1,45.1,9.2,120,NR,n78,100,273,Acme,AAU,1.2,2020-01-01T00:00:00Z,Europe/Rome,it,2020-01-01T00:00:00Z,,2020-01-02T00:00:00Z\n";
    let mapped = read(&sample("inventory"), "inventory/inventory_20260101.csv", text);
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "parent_id"), some(&["north/N001/1"]));
    assert_eq!(texts(inventory, "prb_count"), some(&["273"]));
    assert_eq!(times(inventory, "known_at"), some(&["2020-01-02T00:00:00Z"]));

    let text = "a_id,b_id,kind,valid_from,valid_to,recorded_at\nnorth/N001,north/N002,backhaul,2020-01-01T00:00:00Z,,2020-01-01T00:00:00Z\n";
    let mapped = read(&sample("topology"), "inventory/topology_20260101.csv", text);
    assert_eq!(texts(batch(&mapped, "topology_edges"), "kind"), some(&["backhaul"]));

    let text = "ne_dn,ldn,mo_class,entity_type,entity_id,valid_from,valid_to,recorded_at\n\
        SubNetwork=north,,ManagedElement,site,north/N001,2020-01-01T00:00:00Z,,2020-01-01T00:00:00Z\n\
        SubNetwork=north,NRCellDU=1,NRCellDU,cell,north/N001/1/n78,2020-01-01T00:00:00Z,,2020-01-01T00:00:00Z\n";
    let mapped = read(&sample("objects"), "inventory/objects_20260101.csv", text);
    assert!(mapped.rejected.is_empty(), "{:?}", reasons(&mapped));
    assert_eq!(texts(batch(&mapped, "objects"), "ldn"), some(&["", "NRCellDU=1"]));
}

#[test]
fn history_needs_only_the_channels_that_are_there() {
    use arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray};
    let start = micros("2025-01-01T00:00:00Z");
    let stamp =
        |at| Arc::new(TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC")) as ArrayRef;
    let bytes = parquet(vec![
        ("entity_type", Arc::new(StringArray::from(vec!["cell"]))),
        ("entity_id", Arc::new(StringArray::from(vec!["north/N001/1/n78"]))),
        ("period_start", stamp(start)),
        ("released_at", stamp(start + 7_200_000_000)),
        ("prb_util_dl", Arc::new(Float64Array::from(vec![55.5]))),
    ]);
    let mapped =
        try_read(&sample("history-hourly"), "history/kpis_hourly_202501.parquet", bytes).unwrap();
    let kpis = batch(&mapped, "kpis");
    assert_eq!(numbers(kpis, "prb_util_dl"), [Some(55.5)]);
    assert_eq!(numbers(kpis, "rach_att"), [None]);
    assert_eq!(times(kpis, "known_at"), some(&["2025-01-01T02:00:00Z"]));
    assert_eq!(texts(kpis, "source"), some(&["history-hourly"]));
}
