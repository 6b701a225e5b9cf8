//! Every way of writing when something happened.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn kpis(from: Json, more: Json) -> Mapping {
    let mut json = json!({
        "name": "m", "target": "kpis", "sources": [{"path": "*.csv"}, {"path": "{month:6}/*"}],
        "entity": {"type": {"constant": "cell"}, "id": "cell"},
        "time": {"from": from, "cadence_seconds": 3600},
        "channels": [{"name": "x"}]
    });
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    mapping(json)
}

fn starts(mapping: &Mapping, text: &str) -> Vec<Option<String>> {
    times(batch(&read(mapping, "f.csv", text), "kpis"), "period_start")
}

fn some(times: &[&str]) -> Vec<Option<String>> {
    times.iter().map(|time| Some((*time).to_owned())).collect()
}

#[test]
fn clocks_of_all_kinds() {
    let origin = "2020-01-01T00:00:00Z";
    let cases = [
        (
            json!({"stamp": {"value": "t", "zone": "Europe/Rome"}}),
            "2021-07-01 02:00",
            "2021-07-01T00:00:00Z",
        ),
        (
            json!({"stamp": {"value": "t", "zone": "Europe/Rome"}}),
            "2021-07-01T02:00:00Z",
            "2021-07-01T02:00:00Z",
        ),
        (
            json!({"stamp": {"value": "t", "format": "%m/%d/%Y %H:%M"}}),
            "7/1/2021 2:00",
            "2021-07-01T02:00:00Z",
        ),
        (
            json!({"epoch": {"value": "t", "unit": "milliseconds"}}),
            "1625104800000",
            "2021-07-01T02:00:00Z",
        ),
        (
            json!({"epoch": {"value": "t", "unit": "days", "origin": origin}}),
            "1.5",
            "2020-01-02T12:00:00Z",
        ),
        (
            json!({"step": {"value": "t", "seconds": 3600, "origin": origin}}),
            "26",
            "2020-01-02T02:00:00Z",
        ),
        (json!({"row_order": {"seconds": 3600, "origin": origin}}), "?", origin),
        (json!({"none": {"at": origin}}), "?", origin),
    ];
    for (clock, text, expected) in cases {
        let found = starts(&kpis(clock.clone(), json!({})), &format!("t,cell,x\n{text},a,1\n"));
        assert_eq!(found, some(&[expected]), "{clock}");
    }
}

#[test]
fn a_date_and_a_clock() {
    let clock = json!({"date_and_clock": {"date": "d", "clock": "c", "zone": "America/New_York"}});
    let found =
        starts(&kpis(clock, json!({})), "d,c,cell,x\n2021-01-01,24:00,a,1\n2021-01-01,13:30,a,1\n");
    assert_eq!(found, some(&["2021-01-02T05:00:00Z", "2021-01-01T18:30:00Z"]));
}

#[test]
fn rows_count_per_entity() {
    let clock = json!({"row_order": {"seconds": 3600, "origin": "2020-01-01T00:00:00Z"}});
    let found = starts(&kpis(clock, json!({})), "cell,x\na,1\nb,1\na,2\nb,2\n");
    let (first, second) = ("2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z");
    assert_eq!(found, some(&[first, first, second, second]));
}

#[test]
fn a_stamp_may_mark_the_end() {
    let mut json = serde_json::to_value(kpis(json!({"stamp": {"value": "t"}}), json!({}))).unwrap();
    json["time"]["marks"] = json!("end");
    let found = starts(&mapping(json), "t,cell,x\n2020-01-01 01:00,a,1\n");
    assert_eq!(found, some(&["2020-01-01T00:00:00Z"]));
}

#[test]
fn the_clocks_go_forward_and_back() {
    let mapping = kpis(json!({"stamp": {"value": "t", "zone": "Europe/Rome"}}), json!({}));
    let text = "t,cell,x\n\
        2021-03-28 01:00,a,1\n2021-03-28 02:00,a,1\n2021-03-28 03:00,a,1\n\
        2021-10-31 02:00,a,1\n2021-10-31 02:00,a,2\n2021-10-31 02:00,a,3\n2021-10-31 02:00,b,1\n";
    let mapped = read(&mapping, "f.csv", text);
    let found = times(batch(&mapped, "kpis"), "period_start");
    let expected = [
        "2021-03-28T00:00:00Z",
        "2021-03-28T01:00:00Z",
        "2021-10-31T00:00:00Z",
        "2021-10-31T01:00:00Z",
        "2021-10-31T00:00:00Z",
    ];
    assert_eq!(found, some(&expected));
    let gone = "line 3: local time 2021-03-28T02:00:00 does not exist: clocks went forward";
    assert_eq!(
        reasons(&mapped),
        [gone, "line 7: the same entity and period stands in the file before"]
    );
}

#[test]
fn known_by_plan_release_capture_or_delay() {
    let stamp = json!({"stamp": {"value": "t"}});
    let cases = [
        (json!({}), TAKEN),
        (json!({"history": {}}), "2020-01-01T01:00:00Z"),
        (json!({"history": {"delay_seconds": 1800}}), "2020-01-01T01:30:00Z"),
        (
            json!({"history": {"released": {"stamp": {"value": "out"}}, "delay_seconds": 60}}),
            "2020-01-02T00:01:00Z",
        ),
    ];
    for (more, expected) in cases {
        let mapped =
            read(&kpis(stamp.clone(), more), "f.csv", "t,cell,x,out\n2020-01-01,a,1,2020-01-02\n");
        assert_eq!(times(batch(&mapped, "kpis"), "known_at"), some(&[expected]));
    }
    let captured = json!({
        "sources": [{"path": "{month:6}/*"}],
        "history": {"released": {"stamp": {"value": {"capture": "month"}, "format": "%Y%m"}}}
    });
    let mapped = read(&kpis(stamp.clone(), captured), "202002/f.csv", "t,cell,x\n2020-01-01,a,1\n");
    assert_eq!(times(batch(&mapped, "kpis"), "known_at"), some(&["2020-02-01T00:00:00Z"]));
    let live = json!({"sources": [{"path": "*", "live": true}], "history": {}});
    let mapped = read(&kpis(stamp, live), "f.csv", "t,cell,x\n2020-01-01,a,1\n");
    assert_eq!(times(batch(&mapped, "kpis"), "known_at"), some(&[TAKEN]));
}

#[test]
fn a_correction_in_one_file_is_a_version() {
    let history = json!({"history": {"released": {"stamp": {"value": "out"}}}});
    let mapping = kpis(json!({"stamp": {"value": "t"}}), history);
    let text = "t,cell,x,out\n2020-01-01,a,1,2020-01-02\n2020-01-01,a,2,2020-01-03\n2020-01-01,a,3,2020-01-03\n";
    let mapped = read(&mapping, "f.csv", text);
    assert_eq!(numbers(batch(&mapped, "kpis"), "x"), [Some(1.0), Some(2.0)]);
    assert_eq!(mapped.rejected.len(), 1);
}

proptest! {
    /// Zones that shift by whole hours: half an hour gives an hourly series nothing to count.
    #[test]
    fn a_year_of_hours_keeps_its_order(zone in proptest::sample::select(vec![
        "Europe/Rome", "America/Sao_Paulo", "Australia/Sydney", "Asia/Kathmandu", "Africa/Casablanca",
    ]), start in 0_i64..8000) {
        let rules = jiff::tz::TimeZone::get(zone).unwrap();
        let hours: Vec<_> = (0..1500).map(|hour| micros("2023-01-01T00:00:00Z") + (start + hour) * 3_600_000_000).collect();
        let mut text = "t,cell,x\n".to_owned();
        for at in &hours {
            let local = rules.to_datetime(jiff::Timestamp::from_microsecond(*at).unwrap());
            text.push_str(&format!("{},a,1\n", local.strftime("%Y-%m-%d %H:%M:%S")));
        }
        let mapping = kpis(json!({"stamp": {"value": "t", "zone": zone}}), json!({}));
        let mapped = read(&mapping, "f.csv", &text);
        prop_assert!(mapped.rejected.is_empty(), "{:?}", reasons(&mapped));
        let column = batch(&mapped, "kpis").column_by_name("period_start").unwrap().clone();
        prop_assert_eq!(column.as_primitive::<TimestampMicrosecondType>().values().to_vec(), hours);
    }
}
