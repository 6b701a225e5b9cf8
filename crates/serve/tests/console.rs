//! The console as a process: who may leave marks, and where they land.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bound of every wait.
const PATIENCE: Duration = Duration::from_secs(30);

struct Console {
    _process: Process,
    address: SocketAddr,
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
    let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
    let mut process = Process(command(root, &arguments).spawn().unwrap());
    let mut log = BufReader::new(process.0.stderr.take().unwrap()).lines();
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let Some(line) = log.next() else { break };
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("address=") {
            let address = address.split_whitespace().next().unwrap().trim_matches('"');
            let address = address.parse().unwrap();
            // What it says later must find a reader.
            std::thread::spawn(move || log.for_each(drop));
            return Console { _process: process, address };
        }
    }
    panic!("the console did not say where it listens");
}

/// Status and body of a mark that is sent.
fn post(console: &Console, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(console.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let size = body.len();
    write!(
        stream,
        "POST /console/v1/feedback HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {size}\r\n\r\n{body}"
    )
    .unwrap();
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
