//! The console as a process: who may leave marks, and where they land; what Prometheus reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use foresite_schema::catalog::watch;
use foresite_tables::{Micros, Root};
use foresite_testkit::Rows;

/// Bound of every wait.
const PATIENCE: Duration = Duration::from_secs(30);

struct Console {
    _process: Process,
    /// Where people ask.
    address: SocketAddr,
    /// Where Prometheus asks, if somewhere.
    metrics: Option<SocketAddr>,
}

/// Ends with whoever holds it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foresite-serve"));
    command.arg("console").arg("--data-root").arg(root).args(arguments);
    command.env("FORESITE_LOG", "lines").stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts one and waits until it says where it listens.
fn started(root: &Path, arguments: &[&str]) -> Console {
    let listeners = if arguments.contains(&"--metrics-listen") { 2 } else { 1 };
    let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
    let mut process = Process(command(root, &arguments).spawn().unwrap());
    let mut log = BufReader::new(process.0.stderr.take().unwrap()).lines();
    let begin = Instant::now();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    while begin.elapsed() < PATIENCE {
        let Some(line) = log.next() else { break };
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("address=") {
            let address = address.split_whitespace().next().unwrap().trim_matches('"');
            addresses.push(address.parse().unwrap());
        }
        if addresses.len() == listeners {
            // What it says later must find a reader.
            std::thread::spawn(move || log.for_each(drop));
            let (address, metrics) = (addresses[0], addresses.get(1).copied());
            return Console { _process: process, address, metrics };
        }
    }
    panic!("the console did not say where it listens");
}

/// Status and body of a mark that is sent.
fn post(console: &Console, token: &str, body: &str) -> (u16, String) {
    let size = body.len();
    let request = format!(
        "POST /console/v1/feedback HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {size}\r\n\r\n{body}"
    );
    exchange(console.address, &request)
}

/// What Prometheus gets once the tables were read: a slow disk costs the first scrapes their numbers.
fn scraped(console: &Console) -> String {
    let begin = Instant::now();
    loop {
        let (status, page) = get(console.metrics.unwrap(), "/metrics");
        assert_eq!(status, 200, "{page}");
        if page.contains("foresite_monitor_left_out_series") {
            return page;
        }
        assert!(begin.elapsed() < PATIENCE, "the tables were not read:\n{page}");
    }
}

/// Status and body of a page that is asked for without a token.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\r\n");
    exchange(address, &request)
}

fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn a_mark_lands_in_the_name_of_its_token() {
    let root = tempfile::tempdir().unwrap();
    let tokens = root.path().join("tokens");
    std::fs::write(&tokens, "s3cret as K. Brandt\nprogram\n").unwrap();
    let console =
        started(root.path(), &["--accept-feedback", "--token-file", tokens.to_str().unwrap()]);
    let mark = r#"{"mark": "missed", "entity_type": "cell", "entity_id": "r/A/1",
                   "at": "2026-03-09T14:00:00Z"}"#;
    assert_eq!(post(&console, "unknown", mark).0, 401);
    let (status, answer) = post(&console, "program", mark);
    assert_eq!((status, answer.contains("`person` is missing")), (422, true), "{answer}");
    assert!(!root.path().join("landing").exists());

    let (status, answer) = post(&console, "s3cret", mark);
    assert_eq!(status, 202, "{answer}");
    let files: Vec<_> = std::fs::read_dir(root.path().join("landing/feedback")).unwrap().collect();
    let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    assert!(text.contains(",missed,2026-03-09T14:00:00Z,cell,r/A/1,,,K. Brandt,"), "{text}");
    assert_eq!(files.len(), 1);
}

#[test]
fn credentials_in_a_data_root_are_refused_and_not_repeated() {
    let root = Path::new("hdfs://kim:correct-horse@namenode:8020/foresite");
    let ended = command(root, &[]).output().unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{log}");
    assert!(log.contains("credentials do not belong in the URI"), "{log}");
    assert!(!log.contains("correct-horse"), "{log}");
}

#[test]
fn marks_of_anybody_are_not_accepted() {
    let root = tempfile::tempdir().unwrap();
    let arguments = ["--accept-feedback", "--listen", "0.0.0.0:0"];
    let ended = command(root.path(), &arguments).output().unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{log}");
    assert!(log.contains("--accept-feedback") && log.contains("give --token-file"), "{log}");
}

#[test]
fn prometheus_reads_what_monitor_found_without_a_token() {
    const END: Micros = 1_773_100_800_000_000;
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "s3cret\n").unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    Rows::new(2)
        .text("task", [Some("anomaly"); 2].into_iter())
        .text("channel", [Some("traffic"), Some("users")].into_iter())
        .times("window_end", [Some(END); 2].into_iter())
        .text("cause", [Some("unknown"), None].into_iter())
        .flags("confirmed", [true, false].into_iter())
        .write(&root, watch::drift(), END);
    Rows::new(1)
        .text("task", [Some("data")].into_iter())
        .text("model_id", [Some("")].into_iter())
        .text("role", [Some("")].into_iter())
        .text("kind", [Some("data")].into_iter())
        .text("metric", [Some("completeness")].into_iter())
        .text("scope", [Some("files")].into_iter())
        .text("state", [Some("broken")].into_iter())
        .numbers("value", [Some(0.75)].into_iter())
        .times("window_end", [Some(END)].into_iter())
        .write(&root, watch::performance(), END);
    Rows::new(1)
        .text("task", [Some("anomaly")].into_iter())
        .text("decision", [Some("retrain")].into_iter())
        .text("reason", [Some("drift")].into_iter())
        .times("window_end", [Some(END)].into_iter())
        .write(&root, watch::retrain_decisions(), END);
    let tokens = tokens.to_str().unwrap();
    let arguments = ["--token-file", tokens, "--metrics-listen", "127.0.0.1:0"];
    let console = started(folder.path(), &arguments);

    let page = scraped(&console);
    for expected in [
        r#"foresite_monitor_day_end_timestamp_seconds{step="measure"} 1773100800"#,
        r#"foresite_monitor_day_end_timestamp_seconds{step="retrain"} 1773100800"#,
        r#"foresite_monitor_drift_confirmed{task="anomaly",cause="unknown"} 1"#,
        r#"foresite_monitor_performance_value{task="data",role="",kind="data",metric="completeness",scope="files"} 0.75"#,
        r#"foresite_monitor_retrain_decision{task="anomaly",decision="retrain",reason="drift"} 1"#,
    ] {
        assert!(page.contains(&format!("{expected}\n")), "{expected}\nis not in\n{page}");
    }
    // What people read is not there, and what Prometheus reads is not where people ask.
    assert_eq!(get(console.metrics.unwrap(), "/console/v1/worklist").0, 404);
    assert_eq!(get(console.address, "/metrics").0, 401);
}
