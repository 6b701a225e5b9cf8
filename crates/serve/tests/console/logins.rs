//! Who is on record: in files that outlive the process, in the log, and nowhere a token.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foresite_testkit::certificates;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::process::{Console, PATIENCE, get, post, started};

/// How often a caller was let in, or refused for a reason, by the lines of all files.
type Counts = BTreeMap<(String, String), u64>;

fn on_record(root: &Path) -> Counts {
    let Ok(days) = std::fs::read_dir(root.join("logins")) else { return Counts::new() };
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    let mut counts = Counts::new();
    // Others are on their way to their names.
    for path in paths.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl")) {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let count = counts.entry((text("caller"), text("refused"))).or_default();
            *count += line["count"].as_u64().unwrap();
            assert_eq!(line["addresses"][0], "127.0.0.1");
        }
    }
    counts
}

fn counts<const N: usize>(rows: [(&str, &str, u64); N]) -> Counts {
    rows.map(|(caller, refused, count)| ((caller.to_owned(), refused.to_owned()), count)).into()
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_asked_is_on_record_after_the_end_and_after_a_kill() {
    let root = tempfile::tempdir().unwrap();
    let tokens = root.path().join("tokens");
    std::fs::write(&tokens, "s3cret as K. Brandt\nprogram\nold 2020-01-01T00:00:00Z\n").unwrap();
    let arguments = ["--record-logins", "--token-file", tokens.to_str().unwrap()];
    let console = started(root.path(), &arguments);
    for token in ["s3cret", "program", "s3cret", "wrong", "wrong", "old"] {
        // Let in, and told that no marks are taken; or not let in.
        let status = if ["wrong", "old"].contains(&token) { 401 } else { 403 };
        assert_eq!(post(&console, token, "{}").0, status, "{token}");
    }
    assert_eq!(get(console.address, "/console/v1/worklist").0, 401);
    assert_eq!(get(console.address, "/v2/health/live").0, 200, "a probe is nobody");
    // Not at the end alone.
    wait("somebody is on record", || !on_record(root.path()).is_empty());
    let log = console.log();
    console.terminate();
    let expected = counts([
        ("", "no bearer token is given", 1),
        ("", "the token is not known", 2),
        ("K. Brandt", "", 2),
        ("token of line 2", "", 1),
        ("token of line 3", "the token has expired", 1),
    ]);
    assert_eq!(on_record(root.path()), expected);
    let is_said = |words: [&str; 2]| log.iter().any(|line| words.iter().all(|w| line.contains(w)));
    assert!(is_said(["log-in", "caller=\"K. Brandt\""]), "{log:?}");
    assert!(is_said(["log-in refused", "reason=\"the token is not known\""]), "{log:?}");
    for holder in ["holder=\"K. Brandt\"", "holder=\"token of line 2\""] {
        assert!(is_said(["a bearer token is too short", holder]), "{log:?}");
    }
    assert!(!log.iter().any(|line| line.contains("s3cret")), "{log:?}");

    let again = started(root.path(), &arguments);
    assert_eq!(post(&again, "program", "{}").0, 403);
    let expected = [expected, counts([("token of line 2", "", 2)])];
    let expected: Counts = expected.into_iter().flatten().collect();
    wait("a process that is killed has its own files", || on_record(root.path()) == expected);
    drop(again);
    assert_eq!(on_record(root.path()), expected);
}

#[test]
fn a_group_that_may_write_to_the_folder_may_delete_what_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let logins = root.path().join("logins");
    std::fs::create_dir(&logins).unwrap();
    std::fs::set_permissions(&logins, Permissions::from_mode(0o775)).unwrap();
    let console = started(root.path(), &["--record-logins"]);
    assert_eq!(get(console.address, "/console/v1/health").0, 200);
    console.terminate();
    let first_in = |folder: &Path| -> PathBuf {
        std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    };
    let day = first_in(&logins);
    for path in [first_in(&day), day] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0o020, "the umask alone is 027; {}: {mode:o}", path.display());
    }
}

#[test]
fn what_is_not_asked_for_is_not_written() {
    let root = tempfile::tempdir().unwrap();
    let console = started(root.path(), &[]);
    assert_eq!(get(console.address, "/console/v1/health").0, 200);
    wait("the log knows", || console.log().iter().any(|line| line.contains("log-in")));
    console.terminate();
    assert!(!root.path().join("logins").exists());
}

/// What Prometheus is told: when no log-in waited for storage last.
fn written_at(console: &Console) -> f64 {
    let (status, page) = get(console.metrics.unwrap(), "/metrics");
    let name = "foresite_console_logins_written_timestamp_seconds ";
    let number = page.lines().find_map(|line| line.strip_prefix(name));
    number.unwrap_or_else(|| panic!("{name}is not in {status}: {page}")).parse().unwrap()
}

#[test]
fn prometheus_sees_that_log_ins_wait_for_storage() {
    let root = tempfile::tempdir().unwrap();
    let in_the_way = root.path().join("logins");
    std::fs::write(&in_the_way, "a file where the folder should be").unwrap();
    let console = started(root.path(), &["--record-logins", "--metrics-listen", "127.0.0.1:0"]);
    let begun = written_at(&console);
    assert!(begun > 0.0, "nothing waited when it began");
    assert_eq!(get(console.address, "/console/v1/health").0, 200);
    wait("the log knows", || console.log().iter().any(|line| line.contains("log-ins wait")));
    let stuck = written_at(&console);
    std::fs::remove_file(&in_the_way).unwrap();
    wait("what waited is on record", || written_at(&console) > stuck);
    assert_eq!(on_record(root.path()), counts([("", "", 1)]));
}

fn connector(folder: &Path, is_known: bool) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let pem = |name: &str| CertificateDer::from_pem_file(folder.join(name)).unwrap();
    roots.add(pem("ca.pem")).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let key = || PrivateKeyDer::from_pem_file(folder.join("client.key")).unwrap();
    let config = match is_known {
        true => config.with_client_auth_cert(vec![pem("client.pem")], key()).unwrap(),
        false => config.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

/// Whether something is answered.
fn is_answered(address: SocketAddr, connector: &TlsConnector) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, tcp).await.ok()?;
        let head = "GET /console/v1/health HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    });
    answer.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 OK"))
}

#[test]
fn a_client_certificate_names_its_subject() {
    let root = tempfile::tempdir().unwrap();
    certificates(root.path(), "Kim Brandt");
    let file = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let own = ["--tls-certificate", &certificate, "--tls-key", &key, "--client-ca", &ca];
    let console = started(root.path(), &[&own[..], &["--record-logins"]].concat());
    assert!(is_answered(console.address, &connector(root.path(), true)));
    assert!(!is_answered(console.address, &connector(root.path(), false)));
    wait("both are known", || console.log().iter().any(|line| line.contains("log-in refused")));
    console.terminate();
    let expected =
        counts([("", "no client certificate is shown", 1), ("certificate CN=Kim Brandt", "", 1)]);
    assert_eq!(on_record(root.path()), expected);
}
