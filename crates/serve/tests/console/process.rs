//! A console as a process, and how it is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Bound of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Console {
    process: Process,
    log: Arc<Mutex<Vec<String>>>,
    /// Where people ask.
    pub(crate) address: SocketAddr,
    /// Where Prometheus asks, if somewhere.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Ends with whoever holds it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Console {
    /// What it said so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Ends it as a cluster does.
    pub(crate) fn terminate(mut self) {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.0.wait().unwrap().success());
    }
}

/// A console under a umask that gives a group nothing to write to, whatever that of the tests is.
pub(crate) fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"umask 027 && exec "$0" "$@""#, env!("CARGO_BIN_EXE_foresite-serve")]);
    command.arg("console").arg("--data-root").arg(root).args(arguments);
    command.env("FORESITE_LOG", "lines").stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts one and waits until it says where it listens.
pub(crate) fn started(root: &Path, arguments: &[&str]) -> Console {
    let listeners = if arguments.contains(&"--metrics-listen") { 2 } else { 1 };
    let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
    let mut process = Process(command(root, &arguments).spawn().unwrap());
    let mut lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
    let begin = Instant::now();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut said = Vec::new();
    while begin.elapsed() < PATIENCE {
        let Some(line) = lines.next() else { break };
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("address=") {
            let address = address.split_whitespace().next().unwrap().trim_matches('"');
            addresses.push(address.parse().unwrap());
        }
        said.push(line);
        if addresses.len() == listeners {
            let log = Arc::new(Mutex::new(said));
            let kept = Arc::clone(&log);
            // What it says later must find a reader.
            std::thread::spawn(move || {
                lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line));
            });
            let (address, metrics) = (addresses[0], addresses.get(1).copied());
            return Console { process, log, address, metrics };
        }
    }
    panic!("the console did not say where it listens");
}

/// Status and body of a mark that is sent.
pub(crate) fn post(console: &Console, token: &str, body: &str) -> (u16, String) {
    let size = body.len();
    let request = format!(
        "POST /console/v1/feedback HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {size}\r\n\r\n{body}"
    );
    exchange(console.address, &request)
}

/// What Prometheus gets once the tables were read: a slow disk costs the first scrapes their numbers.
pub(crate) fn scraped(console: &Console) -> String {
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
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
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
