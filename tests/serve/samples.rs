//! Sample configurations are accepted, and the default one says everything that can be set.

use std::path::Path;
use std::process::Command;

use foresite_testkit::binary_path;
use serde_json::Value as Json;

fn printed(config: Option<&Path>) -> Json {
    let mut command = Command::new(binary_path("foresite-serve"));
    command.args(["model", "--task", "toy", "--data-root", "unused", "--print-config"]);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn samples_are_accepted_and_the_default_one_is_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples/serve");
    let path = folder.join("default.json");
    let default: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(printed(None), default);
    for entry in std::fs::read_dir(&folder).unwrap() {
        printed(Some(&entry.unwrap().path()));
    }
}
