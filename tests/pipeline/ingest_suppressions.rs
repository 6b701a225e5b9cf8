//! Ingest of suppressions: a file of an operator becomes facts, and what nobody answers for is set aside.

use serde_json::{Value as Json, json};

use crate::landing::{counted, hours, ingest, land, root, rows, texts};

/// The configuration with the mapping that people copy.
fn config() -> Json {
    let sample = include_str!("../../docs/samples/ingest/mapping-suppressions.json");
    json!({"mappings": [serde_json::from_str::<Json>(sample).unwrap()]})
}

#[test]
fn a_suppression_has_an_owner_a_reason_and_an_end() {
    let root = root();
    let lines = "suppression_id,fact,at,entity_type,entity_id,owner,reason,start_at,end_at\n\
                 a,set,2024-05-01T09:10:00Z,site,north/N001,Kim,festival,,2024-05-04T00:00:00Z\n\
                 b,set,2024-05-01T09:10:00Z,site,north/N001,,festival,,2024-05-04T00:00:00Z\n\
                 c,set,2024-05-01T09:10:00Z,site,north/N001,Kim,,,2024-05-04T00:00:00Z\n\
                 d,set,2024-05-01T09:10:00Z,site,north/N001,Kim,festival,,\n\
                 e,set,2024-05-01T09:10:00Z,,,Kim,festival,,2024-05-04T00:00:00Z\n\
                 f,lifted,2024-05-01T09:20:00Z,,,Lee,,,\n";
    land(root.path(), "suppressions/kim.csv", lines.as_bytes(), 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!([counted(&run, "rows_written"), counted(&run, "rows_quarantined")], [2, 4]);
    let kept = rows(root.path(), "suppressions");
    assert_eq!(texts(&kept, "suppression_id"), ["f", "a"]);
    assert_eq!(texts(&kept, "owner"), ["Lee", "Kim"]);
    assert_eq!(hours(&kept, "known_at"), [10.5; 2], "with its file");
    let aside = rows(root.path(), "quarantine");
    let places = texts(&aside, "place");
    assert_eq!(places, ["b", "c", "d", "e"].map(|id| format!("suppression_id {id}")));
    let reasons = texts(&aside, "reason");
    for (reason, said) in reasons.iter().zip(["`owner`", "`reason`", "`end_at`", "`entity_id`"]) {
        assert!(reason.contains(said), "{reason}");
    }
}
