//! Entities: composite keys, parents, exposure, statics; and states over time.

use serde_json::json;

use super::*;

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn composite_and_constant_keys_and_parents() {
    let mapping = mapping(json!({
        "name": "m", "target": "kpis", "sources": [{"path": "{region}/*.csv"}],
        "entity": {
            "type": {"constant": "cell"},
            "id": {"template": "{region}/{Site Name}/{Cell}"},
            "parent": {"template": "{region}/{Site Name}"}
        },
        "time": {"from": {"stamp": {"value": "t"}}, "cadence_seconds": 3600},
        "channels": [{"name": "x"}]
    }));
    let text = "t,Site Name,Cell,x\n2020-01-01 01:00,S1,1,5\n2020-01-01,S1,1,5\n2020-01-01,S1,2,5\n2020-01-01,,2,5\n";
    let mapped = read(&mapping, "north/a.csv", text);
    let ids = some(&["north/S1/1", "north/S1/1", "north/S1/2"]);
    assert_eq!(texts(batch(&mapped, "kpis"), "entity_id"), ids);
    assert_eq!(reasons(&mapped), ["line 5: a part of the composite key is missing"]);
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "entity_id"), some(&["north/S1/1", "north/S1/2"]));
    assert_eq!(texts(inventory, "parent_id"), some(&["north/S1", "north/S1"]));
    assert_eq!(times(inventory, "valid_from"), some(&["2020-01-01T00:00:00Z"; 2]));
}

#[test]
fn an_entity_without_events_still_has_a_row() {
    let mapping = mapping(json!({
        "name": "m", "target": "alarms", "sources": [{"path": "*.csv"}],
        "entity": {
            "type": {"constant": "device"}, "id": "device", "also": ["d1", "d9"],
            "exposure": {"start": {"none": {"at": "2020-01-01T00:00:00Z"}}, "end": {"none": {"at": "2020-12-31T00:00:00Z"}}}
        },
        "time": {"from": {"stamp": {"value": "t"}}},
        "fields": {"specific_problem": "kind"},
        "facts": [{"fact": {"constant": "raised"}}],
        "history": {}
    }));
    let mapped = read(&mapping, "a.csv", "device,t,kind\nd1,2020-05-01,fan\nd2,2020-05-01,fan\n");
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "entity_id"), some(&["d1", "d2", "d9"]));
    assert_eq!(texts(inventory, "entity_type"), some(&["device"; 3]));
    assert_eq!(times(inventory, "valid_from"), some(&["2020-01-01T00:00:00Z"; 3]));
    assert_eq!(times(inventory, "valid_to"), some(&["2020-12-31T00:00:00Z"; 3]));
    assert_eq!(times(inventory, "known_at"), some(&["2020-01-01T00:00:00Z"; 3]));
}

#[test]
fn a_rejected_first_row_does_not_hide_its_entity() {
    let mapping = mapping(json!({
        "name": "m", "target": "alarms", "sources": [{"path": "*.csv"}],
        "entity": {
            "type": {"constant": "device"}, "id": "device",
            "exposure": {"start": {"stamp": {"value": "since"}}}
        },
        "time": {"from": {"stamp": {"value": "t"}}},
        "fields": {"specific_problem": "kind"},
        "facts": [{"fact": {"constant": "raised"}}]
    }));
    let text = "device,t,kind,since\nd1,never,fan,\nd1,2020-05-02,fan,\nd2,2020-05-03,fan,2020-01-01\n,2020-05-04,door,\n";
    let mapped = read(&mapping, "a.csv", text);
    assert_eq!((mapped.rows_written, mapped.rejected.len()), (3, 1));
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "entity_id"), some(&["d1", "d2"]));
    let from = some(&["2020-05-02T00:00:00Z", "2020-01-01T00:00:00Z"]);
    assert_eq!(times(inventory, "valid_from"), from);
    assert_eq!(times(inventory, "known_at"), some(&[TAKEN; 2]));
}

#[test]
fn statics_and_classes_of_a_table_without_time() {
    let mapping = mapping(json!({
        "name": "m", "target": "inventory", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "machine"}, "id": "id"},
        "time": {"from": {"none": {"at": "2015-01-01T00:00:00Z"}}},
        "statics": [
            {"name": "hardware", "from": {"text": "model"}},
            {"name": "height_m", "from": {"number": "height"}},
            {"name": "commissioned_at", "from": {"age": {"value": "age", "unit": "days", "as_of": {"none": {"at": "2015-01-01T00:00:00Z"}}}}},
            {"name": "painted_at", "from": {"since": {"stamp": {"value": "painted"}}}}
        ],
        "labels": [{"name": "fault", "from": {"class": "severity"}}]
    }));
    let mapped = read(
        &mapping,
        "a.csv",
        "id,model,height,age,painted,severity\n1,m3,4.5,31,2014-01-01,high\n2,m4,,,,\n",
    );
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "hardware"), some(&["m3", "m4"]));
    assert_eq!(numbers(inventory, "height_m"), [Some(4.5), None]);
    assert_eq!(
        times(inventory, "commissioned_at"),
        [Some("2014-12-01T00:00:00Z".to_owned()), None]
    );
    assert_eq!(times(inventory, "painted_at"), [Some("2014-01-01T00:00:00Z".to_owned()), None]);
    assert_eq!(texts(batch(&mapped, "labels"), "class"), some(&["high"]));
}

#[test]
fn fields_have_the_types_of_the_table() {
    let mapping = mapping(json!({
        "name": "m", "target": "inventory", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "cell"}, "id": "id"},
        "time": {"from": {"stamp": {"value": "from", "zone": "Europe/Rome"}}},
        "fields": {"prb_count": "prb", "latitude": "lat", "valid_to": "to"}
    }));
    let text = "id,from,to,prb,lat\na,2020-01-01,2020-02-01,273,45.5\nb,2020-01-01,,27.5,45\nc,2020-01-01,,x,45\n";
    let mapped = read(&mapping, "a.csv", text);
    let inventory = batch(&mapped, "inventory");
    assert_eq!(texts(inventory, "prb_count"), some(&["273"]));
    assert_eq!(times(inventory, "valid_to"), some(&["2020-01-31T23:00:00Z"]));
    assert_eq!(
        reasons(&mapped),
        [
            "line 3: `prb_count`: 27.5 is not a whole number",
            "line 4: `prb_count`: `x` is not a number"
        ]
    );
}

#[test]
fn edges_have_no_entity() {
    let mapping = mapping(json!({
        "name": "m", "target": "topology_edges", "sources": [{"path": "*.csv"}],
        "time": {"from": {"stamp": {"value": "from"}}},
        "fields": {"a_id": "a", "b_id": "b", "kind": {"constant": "power"}}
    }));
    let mapped = read(&mapping, "e.csv", "a,b,from\nx,y,2020-01-01\n,y,2020-01-01\n");
    assert_eq!(texts(batch(&mapped, "topology_edges"), "a_id"), some(&["x"]));
    assert_eq!(reasons(&mapped), ["line 3: `a_id` is empty"]);
}
