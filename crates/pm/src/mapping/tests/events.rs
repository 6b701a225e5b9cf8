//! Event logs, labels and segments.

use serde_json::json;

use super::*;

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn an_end_is_known_at_the_end() {
    let mapping = mapping(json!({
        "name": "log", "target": "alarms", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "device"}, "id": "device"},
        "time": {"from": {"epoch": {"value": "start"}}},
        "fields": {
            "specific_problem": "kind",
            "severity": {"map": {"of": "level", "to": {"1": "CRITICAL", "2": "MAJOR"}}}
        },
        "facts": [
            {"fact": {"constant": "raised"}},
            {"fact": {"constant": "cleared"}, "at": {"epoch": {"value": "end"}}}
        ],
        "history": {"delay_seconds": 5}
    }));
    let mapped = read(
        &mapping,
        "a.csv",
        "device,kind,level,start,end\nd1,fan,1,0,60\nd2,fan,2,10,\nd3,fan,1,20,10\nd4,fan,9,20,30\n",
    );
    let alarms = batch(&mapped, "alarms");
    assert_eq!(texts(alarms, "fact"), some(&["raised", "cleared", "raised"]));
    assert_eq!(texts(alarms, "entity_id"), some(&["d1", "d1", "d2"]));
    assert_eq!(texts(alarms, "severity"), some(&["CRITICAL", "CRITICAL", "MAJOR"]));
    let known = some(&["1970-01-01T00:00:05Z", "1970-01-01T00:01:05Z", "1970-01-01T00:00:15Z"]);
    assert_eq!(times(alarms, "known_at"), known);
    assert_eq!(
        reasons(&mapped),
        [
            "line 4: the event ends before it starts",
            "line 5: `9` is not among the words of the mapping"
        ]
    );
}

#[test]
fn made_identifiers_do_not_depend_on_the_end() {
    let mapping = mapping(json!({
        "name": "log", "target": "tickets", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "device"}, "id": "device"},
        "time": {"from": {"stamp": {"value": "start"}}},
        "fields": {"end_at": "end"},
        "facts": [{"fact": {"constant": "opened"}}]
    }));
    let open = read(&mapping, "a.csv", "device,start,end\nd1,2020-01-01,\n");
    let closed =
        read(&mapping, "b.csv", "device,start,end\nd1,2020-01-01,2020-01-02\nd1,2020-01-03,\n");
    let ids = texts(batch(&closed, "tickets"), "ticket_id");
    assert_eq!(texts(batch(&open, "tickets"), "ticket_id")[0], ids[0]);
    assert_ne!(ids[0], ids[1]);
}

fn repairs(more: Json) -> Mapping {
    let mut json = json!({
        "name": "work", "target": "tickets", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "machine"}, "id": "machine"},
        "time": {"from": {"stamp": {"value": "time"}}},
        "fields": {"cause": "part"},
        "facts": [{"fact": "what", "resets": true}],
        "repairs": {"repair": ["repaired"], "failure": ["failed"], "hidden_seconds": 86400},
        "history": {}
    });
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    mapping(json)
}

#[test]
fn a_repair_at_its_failure_is_hidden() {
    let text = "machine,time,what,part\n\
        1,2020-01-01,failed,fan\n1,2020-01-01,repaired,fan\n1,2020-03-01,repaired,fan\n2,2020-01-01,repaired,fan\n";
    let mapped = read(&repairs(json!({})), "a.csv", text);
    let tickets = batch(&mapped, "tickets");
    let facts: Vec<_> =
        texts(tickets, "fact").into_iter().zip(times(tickets, "known_at")).collect();
    let fact =
        |word: &str, known: &str| (Some(word.to_owned()), Some(format!("{known}T00:00:00Z")));
    assert_eq!(
        facts,
        [
            fact("failed", "2020-01-01"),
            fact("reset", "2020-01-02"),
            fact("repaired", "2020-01-02"),
            fact("reset", "2020-01-02"),
            fact("repaired", "2020-03-01"),
            fact("reset", "2020-03-01"),
            fact("repaired", "2020-01-01"),
            fact("reset", "2020-01-01"),
        ]
    );
}

#[test]
fn a_failure_in_another_file_hides_its_repair() {
    let joined = json!({
        "sources": [{"path": "*.csv", "joins": [{
            "path": "failures/all.txt", "on": {"machine": "machine", "time": "time"}, "take": {"failed": "failure"}
        }]}],
        "facts": [{"fact": {"constant": "repaired"}}],
        "repairs": {"repair": ["repaired"], "answers": "failed", "hidden_seconds": 3600}
    });
    let mapping = repairs(joined);
    let matched = mapping.matches("work.csv").unwrap();
    assert_eq!(matched.joined, ["failures/all.txt"]);
    let failures = Bytes::from_static(b"machine,time,failure\n1,2020-01-01,fan\n");
    let text = "machine,time,part\n1,2020-01-01,fan\n1,2020-02-01,fan\n";
    let input = Input {
        path: "work.csv",
        bytes: text.into(),
        joined: &[failures],
        limits: Limits::default(),
    };
    let mapped = mapping.read(&matched, &input, &provenance()).unwrap();
    let known = times(batch(&mapped, "tickets"), "known_at");
    assert_eq!(known, some(&["2020-01-01T01:00:00Z", "2020-02-01T00:00:00Z"]));
}

fn runs(labels: Json, more: Json) -> Mapping {
    let mut json = json!({
        "name": "runs", "target": "kpis",
        "sources": [{"path": "train.csv", "role": "train"}, {"path": "test.csv", "role": "test", "origin": "2021-01-01T00:00:00Z"}],
        "entity": {"type": {"constant": "unit"}, "id": "unit"},
        "time": {"from": {"step": {"value": "n", "seconds": 3600, "origin": "2020-01-01T00:00:00Z"}}, "cadence_seconds": 3600, "wall_clock": false},
        "channels": [{"name": "x"}], "labels": labels
    });
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    mapping(json)
}

/// Label, entity, start, end, value and class of each row.
fn label_rows(mapped: &Mapped) -> Vec<String> {
    let batch = batch(mapped, "labels");
    let columns = [
        texts(batch, "label"),
        texts(batch, "entity_id"),
        times(batch, "at"),
        times(batch, "end_at"),
        texts(batch, "value"),
        texts(batch, "class"),
        texts(batch, "role"),
    ];
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column[row].clone().unwrap_or_default())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .map(|line| line.replace("2020-01-01T", "").replace(":00:00Z", "h"))
        .collect()
}

#[test]
fn marked_points_become_intervals() {
    let mapping =
        runs(json!([{"name": "bad", "from": {"points": "mark"}, "role": "train"}]), json!({}));
    let text = "unit,n,x,mark\nb,0,1,1\na,3,1,1\na,0,1,0\na,1,1,1\na,2,1,1\na,5,1,1\na,6,1,2\n";
    let mapped = read(&mapping, "train.csv", text);
    assert_eq!(
        label_rows(&mapped),
        [
            "bad b 00h 01h 1.0  train",
            "bad a 01h 04h 1.0  train",
            "bad a 05h 06h 1.0  train",
            "bad a 06h 07h 2.0  train",
            "segment b 00h 01h  separate train",
            "segment a 00h 07h  separate train",
        ]
    );
    let test = read(&mapping, "test.csv", "unit,n,x\na,0,1\n");
    assert_eq!(label_rows(&test), ["segment a 2021-01-01T00h 2021-01-01T01h  separate test"]);
}

#[test]
fn a_number_at_the_last_row_and_the_meaning_of_ends() {
    let ends =
        json!({"segments": {"continuous": false, "end": {"train": "event", "test": "censored"}}});
    let mapping = runs(json!([{"name": "rul", "from": {"last_row": "left"}}]), ends);
    let text = "unit,n,x,left\na,1,1,7\na,0,1,8\nb,0,1,3\n";
    assert_eq!(
        label_rows(&read(&mapping, "train.csv", text)),
        [
            "rul a 01h  7.0  train",
            "rul b 00h  3.0  train",
            "segment a 00h 02h 1.0 separate train",
            "segment b 00h 01h 1.0 separate train",
        ]
    );
    let test = label_rows(&read(&mapping, "test.csv", "unit,n,x,left\na,0,1,20\n"));
    assert_eq!(test[1], "segment a 2021-01-01T00h 2021-01-01T01h 0.0 separate test");
}

#[test]
fn segments_by_a_run_number() {
    let by = json!({"segments": {"by": "run", "continuous": true}, "sources": [{"path": "*"}]});
    let mapped = read(&runs(json!([]), by), "f.csv", "unit,n,x,run\na,0,1,1\na,1,1,1\na,2,1,2\n");
    assert_eq!(
        label_rows(&mapped),
        ["segment a 00h 02h  continuous ", "segment a 02h 03h  continuous "]
    );
}

#[test]
fn labels_in_a_file_of_their_own() {
    let mapping = mapping(json!({
        "name": "marks", "target": "labels", "sources": [{"path": "*.csv"}],
        "entity": {"type": {"constant": "server"}, "id": "server"},
        "time": {"from": {"stamp": {"value": "from"}}},
        "labels": [{"name": "anomaly", "from": {"interval": {"start": {"stamp": {"value": "from"}}, "end": {"stamp": {"value": "to"}}}}}]
    }));
    let text = "server,from,to\ns,2020-01-01 01:00,2020-01-01 02:00\ns,2020-01-01 03:00,2020-01-01 02:00\ns,2020-01-01 03:00,\n";
    let mapped = read(&mapping, "a.csv", text);
    assert_eq!(label_rows(&mapped), ["anomaly s 01h 02h 1.0  "]);
    assert_eq!(mapped.rejected.len(), 2);
}

#[test]
fn a_bad_label_takes_its_row_out_of_every_table() {
    let mapping = runs(json!([{"name": "bad", "from": {"points": "mark"}}]), json!({}));
    let mapped = read(&mapping, "train.csv", "unit,n,x,mark\na,0,1,0\na,1,1,oops\n");
    assert_eq!(batch(&mapped, "kpis").num_rows(), 1);
    assert_eq!(reasons(&mapped), ["line 3: `bad`: `oops` is not a number"]);
    assert_eq!(label_rows(&mapped), ["segment a 00h 01h  separate train"]);
}
