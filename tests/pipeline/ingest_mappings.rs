//! Ingest of tabular files as a process.

use serde_json::{Value as Json, json};

use crate::landing::{counted, hours, ingest, land, pm, root, rows, texts};

const ALARMS: &str = "alarm_id,fact,at,entity_type,entity_id,specific_problem,logged_at\n\
    A1,raised,2024-05-01T09:00:00Z,site,north/N001,LINK DOWN,2024-05-01T09:01:00Z\n\
    A1,cleared,2024-05-01T09:30:00Z,site,north/N001,LINK DOWN,2024-05-01T09:31:00Z\n\
    A2,raised,yesterday,site,north/N001,LINK DOWN,2024-05-01T09:31:00Z\n";

fn alarms_mapping(column: &str) -> Json {
    json!({
        "name": "alarms", "target": "alarms",
        "sources": [{"path": "alarms/*.csv"}],
        "entity": {"type": "entity_type", "id": "entity_id"},
        "time": {"from": {"stamp": {"value": "at"}}},
        "fields": {"alarm_id": "alarm_id", "fact": "fact", "specific_problem": column},
        "history": {"released": {"stamp": {"value": "logged_at"}}}
    })
}

#[test]
fn tabular_files_go_through_their_mapping() {
    let root = root();
    land(root.path(), "alarms/alarms_202405.csv", ALARMS.as_bytes(), 9);
    let config = json!({"mappings": [alarms_mapping("specific_problem")]});
    let run = ingest(root.path(), [9, 10]).config(&config).exits(0);
    assert_eq!(
        ["rows_read", "rows_written", "rows_quarantined"].map(|n| counted(&run, n)),
        [3, 2, 1]
    );
    let alarms = rows(root.path(), "alarms");
    assert_eq!(texts(&alarms, "fact"), ["raised", "cleared"]);
    assert_eq!(texts(&alarms, "source"), ["alarms"; 2]);
    let known: Vec<_> =
        hours(&alarms, "known_at").iter().map(|hour| (hour * 60.0).round()).collect();
    assert_eq!(known, [541.0, 571.0]);
    assert_eq!(texts(&rows(root.path(), "ingest_ledger"), "kind"), ["alarms"]);
    assert_eq!(texts(&rows(root.path(), "quarantine"), "path"), ["alarms/alarms_202405.csv"]);
}

#[test]
fn a_mapping_that_never_fitted_is_refused_before_anything_is_taken() {
    let root = root();
    land(root.path(), "alarms/a.csv", ALARMS.as_bytes(), 9);
    land(root.path(), "pm/1.xml.gz", &pm("N1", 9, ["1", "2", "3", "4"]), 9);
    let wrong = json!({"mappings": [alarms_mapping("problem")]});
    let run = ingest(root.path(), [9, 10]).config(&wrong).exits(65);
    assert!(
        run.error_line()
            .starts_with("ERROR mapping `alarms` does not fit alarms/a.csv: column `problem`"),
        "{}",
        run.stderr
    );
    let right = json!({"mappings": [alarms_mapping("specific_problem")]});
    assert_eq!(counted(&ingest(root.path(), [9, 10]).config(&right).exits(0), "taken"), 2);
    // Later the same fault is a damaged file, which must not stop the others.
    land(root.path(), "alarms/b.csv", b"nonsense\n1\n", 10);
    let run = ingest(root.path(), [10, 11]).config(&right).exits(0);
    assert_eq!(counted(&run, "quarantined"), 1);
}
