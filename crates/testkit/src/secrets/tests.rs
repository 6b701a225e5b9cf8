//! The scanner finds what is planted, wherever and in whichever form.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use foresite_schema::catalog::derived;
use foresite_tables::Root;
use tempfile::TempDir;

use super::*;
use crate::Rows;

const SECRET: &str = "correct~horse~battery~staple";

fn secrets() -> Secrets {
    Secrets::default().with("the password", SECRET)
}

/// Findings in a folder with one file.
fn planted(name: &str, bytes: &[u8]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join(name), bytes).unwrap();
    let found = secrets().below(folder.path());
    let start = folder.path().join("a/b").join(name).display().to_string();
    for finding in &found {
        assert!(finding.starts_with(&start), "{finding}: the place is not named");
    }
    found.into_iter().map(|finding| finding[start.len()..].to_owned()).collect()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn base64_is_that_of_the_standard() {
    // RFC 4648, section 10.
    for (plain, text) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), text);
    }
    assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
}

#[test]
fn a_planted_secret_is_found_as_it_is() {
    let text = format!("{{\"token\": \"{SECRET}\"}}");
    assert_eq!(planted("lineage.json", text.as_bytes()), [": the password as it is"]);
    assert_eq!(planted(SECRET, b"nothing"), [": the password as it is"], "a name");
    let clean = SECRET.replace("horse", "house");
    assert_eq!(planted("lineage.json", clean.as_bytes()), Vec::<String>::new());
}

#[test]
fn a_planted_secret_is_found_in_base64_wherever_it_begins() {
    for before in ["", "u", "us", "use", "user:"] {
        for behind in ["", "\n", "@h"] {
            let text = base64(format!("{before}{SECRET}{behind}").as_bytes());
            for text in [text.replace('+', "-").replace('/', "_"), text] {
                let found = planted("header", format!("Basic {text}").as_bytes());
                assert_eq!(found, [": the password in base64"], "{text}");
            }
        }
    }
}

#[test]
fn a_planted_secret_is_found_in_hexadecimal() {
    let hex = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for text in [hex.to_uppercase(), hex] {
        assert_eq!(planted("dump", text.as_bytes()), [": the password in hexadecimal"]);
    }
}

#[test]
fn a_planted_secret_is_found_behind_compression() {
    let bytes = zipped(format!("<x>{SECRET}{SECRET}</x>").as_bytes());
    assert_eq!(planted("pm.xml.gz", &bytes), [": the password as it is"]);

    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    // So many that the file is worth compressing.
    let ids: Vec<String> = (0..500).map(|n| format!("{n} {SECRET}")).collect();
    Rows::new(ids.len()).text("entity_id", ids.iter().map(|id| Some(id.as_str()))).write(
        &root,
        derived::kpis(),
        0,
    );
    let found = secrets().below(folder.path());
    let is_named = |finding: &String| finding.contains(".parquet column entity_id: the password");
    assert!(found.iter().any(is_named), "{found:?}");
}

#[test]
fn a_planted_secret_is_found_in_what_a_process_said() {
    let quiet = || Run {
        code: Some(0),
        stdout: "done".into(),
        stderr: "INFO start".into(),
        result: serde_json::json!({"stage": "tiny"}),
    };
    assert_eq!(secrets().in_run(&quiet()), Vec::<String>::new());
    let hint = serde_json::json!({"stage": "tiny", "hint": base64(SECRET.as_bytes())});
    let loud = [
        (Run { stdout: SECRET.into(), ..quiet() }, "stdout of tiny: the password as it is"),
        (Run { stderr: SECRET.into(), ..quiet() }, "stderr of tiny: the password as it is"),
        (Run { result: hint, ..quiet() }, "result of tiny: the password in base64"),
    ];
    for (run, said) in loud {
        assert_eq!(secrets().in_run(&run), [said]);
    }
}

#[test]
#[should_panic(expected = "the pin: under 12 bytes")]
fn a_secret_that_chance_would_find_is_refused() {
    drop(Secrets::default().with("the pin", "1234"));
}
