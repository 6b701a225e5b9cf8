//! Landed files that say which counter objects make which cell.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::landing::{settle, stamp};

/// Lands an `objects` file: cell 1 of an element is in service since an hour, entered in another.
pub(super) fn enter(root: &Path, element: &str, since: i64, hour: i64) {
    let folder = root.join("landing/objects");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("objects_{hour:02}.csv"));
    let text = format!(
        "ne_dn,ldn,mo_class,entity_type,entity_id,valid_from,recorded_at\n\
         \"SubNetwork=S,ManagedElement={element}\",\"GNBCUCPFunction=1,NRCellCU=1\",NRCellCU,cell,\
         north/{element}/1/n78,{},{}\n",
        stamp(since),
        stamp(hour + 1),
    );
    std::fs::write(&path, text).unwrap();
    settle(&path, hour);
}

/// The configuration of ingest that takes such files.
pub(super) fn with_objects() -> Json {
    json!({"mappings": [{
        "name": "objects", "target": "objects",
        "sources": [{"path": "objects/*.csv"}],
        "entity": {"type": "entity_type", "id": "entity_id"},
        "time": {"from": {"stamp": {"value": "valid_from"}}},
        "fields": {"ne_dn": "ne_dn", "ldn": "ldn", "mo_class": "mo_class"},
        "history": {"released": {"stamp": {"value": "recorded_at"}}}
    }]})
}
