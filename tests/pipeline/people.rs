//! People who mark predictions and suppress alerts: a site whose ingest gives them pseudonyms.

use std::path::{Path, PathBuf};

use foresite_tables::Root;
use foresite_testkit::{Binary, Run, Secrets};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::landing::{land, root, rows, texts};

/// Epochs of a month: the files of May are known in the first one.
pub(crate) const MAY_EPOCH: &str = "2024-05-01";
pub(crate) const MARKS: &str =
    "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text\n";
const SUPPRESSIONS: &str =
    "suppression_id,fact,at,entity_type,entity_id,owner,reason,start_at,end_at\n";

/// A data root, and beside it the folder of keys.
pub(crate) struct Site {
    root: TempDir,
    keys: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { root: root(), keys: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn opened(&self) -> Root {
        Root::open(self.path().to_str().unwrap()).unwrap()
    }

    pub(crate) fn key(&self, epoch: &str) -> PathBuf {
        self.keys.path().join(format!("{epoch}.key"))
    }

    /// The keys that lie there now, to be looked for where none may be.
    pub(crate) fn secrets(&self) -> Secrets {
        let entries = std::fs::read_dir(self.keys.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let keys = paths.filter(|path| path.extension().is_some_and(|end| end == "key"));
        let with = |secrets: Secrets, path: PathBuf| {
            let name = format!("the key {}", path.file_name().unwrap().display());
            secrets.with(&name, std::fs::read(&path).unwrap())
        };
        keys.fold(Secrets::default(), with)
    }

    /// Fails where one of the keys is in the data root or in what was said.
    #[track_caller]
    pub(crate) fn assert_kept(&self, keys: &Secrets, runs: &[Run]) {
        let mut found = keys.below(self.path());
        found.extend(runs.iter().flat_map(|run| keys.in_run(run)));
        assert_eq!(found, Vec::<String>::new(), "a key of pseudonyms got out");
    }

    /// Marks of the third hour of May.
    pub(crate) fn marked(&self, name: &str, marks: &[(&str, &str)]) {
        let line = |(id, person): &(&str, &str)| {
            format!("{id},missed,2024-05-01T03:00:00Z,site,north/N001,,,{person},\n")
        };
        let lines: String = marks.iter().map(line).collect();
        land(self.path(), &format!("feedback/{name}.csv"), format!("{MARKS}{lines}").as_bytes(), 3);
    }

    pub(crate) fn suppressed(&self, name: &str, lines: &str) {
        let path = format!("suppressions/{name}.csv");
        land(self.path(), &path, format!("{SUPPRESSIONS}{lines}").as_bytes(), 3);
    }

    /// Ingest without a folder of keys, at half past ten of a day.
    pub(crate) fn ingest_keyless(&self, day: &str, mappings: &[Json]) -> Binary {
        let config = json!({"mappings": mappings, "pseudonyms": {"epoch_months": 1}});
        Binary::stage("ingest")
            .root(self.path())
            .interval(&format!("{day}T09:00:00Z"), &format!("{day}T10:00:00Z"))
            .args(&format!("--as-of {day}T10:30:00Z"))
            .config(&config)
    }

    /// Ingest with the mappings of the samples.
    pub(crate) fn ingest(&self, day: &str) -> Binary {
        self.ingest_by(day, &mappings())
    }

    pub(crate) fn ingest_by(&self, day: &str, mappings: &[Json]) -> Binary {
        self.ingest_keyless(day, mappings).arg("--pseudonym-keys").arg(self.keys.path())
    }

    /// Where nothing is held.
    pub(crate) fn erase(&self, epoch: &str) -> Binary {
        self.erase_by(epoch).config(&json!({}))
    }

    pub(crate) fn erase_by(&self, epoch: &str) -> Binary {
        let stage = Binary::stage("maintain").root(self.path());
        let stage = stage.args("--step erase --person Ada --epoch").arg(epoch);
        let stage = stage.arg("--reason").arg("asked by letter");
        stage.arg("--pseudonym-keys").arg(self.keys.path())
    }

    pub(crate) fn people(&self) -> Vec<String> {
        texts(&rows(self.path(), "feedback"), "person")
    }

    pub(crate) fn has_erasures(&self) -> bool {
        self.path().join("tables/erasures").exists()
    }
}

/// The mappings of marks and of suppressions.
pub(crate) fn mappings() -> [Json; 2] {
    [
        include_str!("../../docs/samples/ingest/mapping-feedback.json"),
        include_str!("../../docs/samples/ingest/mapping-suppressions.json"),
    ]
    .map(|sample| serde_json::from_str(sample).unwrap())
}
