//! Every mapping in `docs/`: the samples and the blocks of the guide.

use std::path::{Path, PathBuf};

use super::*;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The sample `docs/samples/ingest/mapping-<name>.json`.
pub(super) fn load(name: &str) -> Mapping {
    let path = docs().join(format!("samples/ingest/mapping-{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut json = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut json).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

#[test]
fn samples_are_mappings_named_after_their_files() {
    let mut count = 0;
    for entry in std::fs::read_dir(docs().join("samples/ingest")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) =
            file.strip_prefix("mapping-").and_then(|name| name.strip_suffix(".json"))
        {
            assert_eq!(load(name).name(), name);
            count += 1;
        }
    }
    assert!(count >= 12, "found {count}");
}

#[test]
fn blocks_of_the_guide_are_mappings() {
    let text = std::fs::read_to_string(docs().join("bring_your_own_data.md")).unwrap();
    let blocks = text.split("```json").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for block in blocks {
        let mut json = serde_json::Deserializer::from_str(block);
        let parsed = serde_path_to_error::deserialize::<_, Mapping>(&mut json);
        assert!(parsed.is_ok(), "{}\n{block}", parsed.unwrap_err());
        count += 1;
    }
    assert!(count >= 3, "found {count}");
}

#[test]
fn the_guide_explains_every_key() {
    let text = std::fs::read_to_string(docs().join("bring_your_own_data.md")).unwrap();
    let source = [
        include_str!("../spec.rs"),
        include_str!("../spec/source.rs"),
        include_str!("../spec/entity.rs"),
        include_str!("../spec/time.rs"),
        include_str!("../spec/channel.rs"),
        include_str!("../spec/event.rs"),
        include_str!("../spec/label.rs"),
    ]
    .concat();
    let keys = source.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("pub ");
        let (name, _) = line.trim_end_matches(',').split_once(": ")?;
        let is_key = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        (is_key && line.ends_with(',')).then_some(name)
    });
    let missing: Vec<_> = keys
        .map(|key| if key == "kind" { "type" } else { key })
        .filter(|key| !text.contains(&format!("`{key}`")))
        .collect();
    assert!(missing.is_empty(), "not in the guide: {missing:?}");
}
