//! Every sample configuration is accepted by its stage and says everything that can be set.

use std::path::{Path, PathBuf};

use foresite_testkit::Binary;
use serde_json::Value as Json;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples")
}

fn stages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/stages");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn printed(stage: &str, config: &Path) -> Json {
    let run = Binary::stage(stage).arg("--config").arg(config).args("--print-config").exits(0);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn default_samples_show_the_whole_configuration() {
    for stage in stages() {
        let path = samples().join(&stage).join("default.json");
        let sample: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(printed(&stage, &path), sample, "{stage}: the sample leaves something out");
    }
}

#[test]
fn every_sample_is_accepted() {
    for stage in stages() {
        for entry in std::fs::read_dir(samples().join(&stage)).unwrap() {
            let path = entry.unwrap().path();
            // Mappings lie beside ingest's configurations that name them.
            if !path.file_name().unwrap().to_string_lossy().starts_with("mapping-") {
                printed(&stage, &path);
            }
        }
    }
}

#[test]
fn without_a_configuration_the_default_sample_holds() {
    // Ingest's sample names the mappings of the simulator's files; by itself it assumes none.
    for stage in stages().into_iter().filter(|stage| stage != "ingest") {
        let run = Binary::stage(&stage).args("--print-config").exits(0);
        let defaults: Json = serde_json::from_str(&run.stdout).unwrap();
        let sample = samples().join(&stage).join("default.json");
        assert_eq!(defaults, printed(&stage, &sample), "{stage}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_every_stage() {
    for stage in stages() {
        let config = serde_json::json!({"no_such_key": 1});
        let run = Binary::stage(&stage).config(&config).args("--print-config").exits(2);
        assert!(run.error_line().contains("no_such_key"), "{stage}: {}", run.stderr);
    }
}

#[test]
fn help_names_the_stage_and_its_steps() {
    for stage in stages() {
        let run = Binary::stage(&stage).args("--help").exits(0);
        assert!(run.stdout.contains(&format!("foresite-{stage}")), "{stage}: {}", run.stdout);
        assert!(run.stdout.contains("--interval-start"), "{stage}: {}", run.stdout);
    }
}
