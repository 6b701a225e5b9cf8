//! Secrets are nowhere: whatever a stage is given to keep is neither in the data root afterwards,
//! nor in what it said.

use std::path::Path;

use foresite_testkit::{Binary, Run, Secrets, base64};
use serde_json::json;
use tempfile::TempDir;

const TOKEN: &str = "api-token~0f3a7c5e9b1d2468";
const PASSWORD: &str = "correct~horse~battery~staple";
const KEYTAB: &[u8] = b"\x05\x02\0\0 keytab of the test \x8c\x01\xfe";
/// Of an ed25519 key any 32 bytes will do.
const SEED: &[u8; 32] = b"signing~key~of~the~tests~0123456";
/// What stands before the seed in PKCS#8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Secrets in the places where stages are given them, outside of any data root.
pub(crate) struct Vault {
    folder: TempDir,
    secrets: Secrets,
}

impl Vault {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = base64(&[&PKCS8[..], &SEED[..]].concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
        std::fs::write(folder.path().join("promote.pem"), pem).unwrap();
        std::fs::write(folder.path().join("foresite.keytab"), KEYTAB).unwrap();
        std::fs::write(folder.path().join("tokens"), format!("{TOKEN} as K. Brandt\n")).unwrap();
        let secrets = Secrets::default()
            .with("the token", TOKEN)
            .with("the password", PASSWORD)
            .with("the keytab", KEYTAB)
            .with("the signing key", SEED);
        Self { folder, secrets }
    }

    /// The binary with all of them in its environment: values, and files by their paths.
    pub(crate) fn given_to(&self, mut binary: Binary) -> Binary {
        let files = [
            ("FORESITE_SIGNING_KEY", "promote.pem"),
            ("KRB5_CLIENT_KTNAME", "foresite.keytab"),
            ("HADOOP_TOKEN_FILE_LOCATION", "tokens"),
        ];
        for (name, file) in files {
            binary = binary.env(name, self.folder.path().join(file).to_str().unwrap());
        }
        // What a worker of Airflow has, and its stages inherit.
        let database = format!("postgresql://airflow:{PASSWORD}@db/airflow");
        binary
            .env("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", &database)
            .env("FORESITE_CONSOLE_TOKEN", TOKEN)
    }

    /// Fails where one of them is in the root or in what was said.
    #[track_caller]
    pub(crate) fn assert_kept(&self, root: &Path, runs: &[Run]) {
        let mut found = self.secrets.below(root);
        found.extend(runs.iter().flat_map(|run| self.secrets.in_run(run)));
        assert_eq!(found, Vec::<String>::new(), "secrets got out");
    }
}

fn landing() -> TempDir {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("landing")).unwrap();
    std::fs::write(root.path().join("landing/a.csv"), "a,0,1\nb,1,2\n").unwrap();
    root
}

/// `tiny-sum` over the hours of the file, with a credential in its configuration.
fn sum(root: &Path) -> Binary {
    let config = json!({"api_token": TOKEN, "scale": 2.0});
    let hours = ["1970-01-01T00:00:00Z", "1970-01-01T02:00:00Z"];
    Binary::stage("tiny-sum").root(root).interval(hours[0], hours[1]).config(&config)
}

#[test]
fn what_a_stage_is_given_to_keep_is_written_nowhere() {
    let (root, vault) = (landing(), Vault::new());
    let count = || vault.given_to(Binary::stage("tiny-count").root(root.path()));
    let mut runs = vec![count().args("--as-of 1970-01-01T02:00:00Z").exits(0)];
    for form in ["text", "lines", "json"] {
        let sum = vault.given_to(sum(root.path())).args("--force");
        runs.push(sum.env("FORESITE_LOG", form).env("FORESITE_LOG_LEVEL", "trace").exits(0));
    }
    for run in &runs[1..] {
        assert!(run.stderr.contains("***"), "the start line names the key: {}", run.stderr);
    }
    let lineage = std::fs::read_dir(root.path().join("lineage")).unwrap();
    let documents = lineage.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let hidden = documents.filter(|text| text.contains(r#""api_token": "***""#)).count();
    assert_eq!(hidden, 2, "one document for each hour says that there was one");

    // Whatever goes wrong.
    for fail in ["usage", "internal", "panic"] {
        runs.push(count().config(&json!({"fail": fail})).run());
    }
    let wrong = [json!({"api_token": [TOKEN]}), json!({"api_token": TOKEN, "scale": "x"})];
    runs.extend(wrong.map(|config| {
        vault.given_to(Binary::stage("tiny-sum").root(root.path()).config(&config)).exits(2)
    }));
    let uri = format!("hdfs://kim:{PASSWORD}@namenode:8020/foresite");
    let stage = Binary::stage("tiny-count").arg("--data-root").arg(uri);
    runs.push(vault.given_to(stage).exits(2));
    vault.assert_kept(root.path(), &runs);
}

#[test]
#[should_panic(expected = "secrets got out")]
fn a_secret_that_gets_out_is_found() {
    let (root, vault) = (landing(), Vault::new());
    let plan = json!({"authorization": format!("Basic {}", base64(PASSWORD.as_bytes()))});
    std::fs::create_dir(root.path().join("plans")).unwrap();
    std::fs::write(root.path().join("plans/p1.json"), plan.to_string()).unwrap();
    vault.assert_kept(root.path(), &[]);
}
