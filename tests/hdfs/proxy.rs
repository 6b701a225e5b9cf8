//! What stands between clients and daemons, told from here: see `cluster/proxy.py` and `cluster/tap.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What happens to the next calls of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the call gets through.
    LostRequest,
    /// The call gets through; the connection breaks before its answer.
    LostReply,
    /// The connection breaks at once, and the call gets through a while later.
    LateRequest,
    /// The call gets through, and its answer never comes; the connection stays open.
    Silence,
}

impl Fault {
    fn command(self) -> &'static str {
        match self {
            Self::LostRequest => "lose-request",
            Self::LostReply => "lose-reply",
            Self::LateRequest => "late-request",
            Self::Silence => "silence",
        }
    }
}

/// A proxy in front of the first NameNode, or a tap in front of the first DataNode; ends when
/// dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The configuration folder that leads through it.
    pub(crate) conf: String,
    /// Where it listens, `hdfs://host:port` in front of a NameNode.
    pub(crate) uri: String,
}

impl Proxy {
    /// In front of the first NameNode.
    pub(crate) fn start() -> Self {
        Self::run("proxy")
    }

    /// In front of the first NameNode: the first `times` calls of `method` meet the fault.
    pub(crate) fn losing(method: &str, fault: Fault, times: u32) -> Self {
        let mut proxy = Self::start();
        proxy.tell(&format!("{} {method} {times}", fault.command()));
        proxy
    }

    /// In front of the first DataNode, passing all on.
    pub(crate) fn tap() -> Self {
        Self::run("tap")
    }

    fn run(command: &str) -> Self {
        let program = std::env::var_os("FORESITE_TEST_HDFS").expect("a cluster is announced");
        let mut child = Command::new(program)
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the proxy");
        let input = child.stdin.take().expect("standard input is a pipe");
        let output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut proxy = Self { child, input, output, conf: String::new(), uri: String::new() };
        let place = proxy.answer();
        let (conf, uri) = place.rsplit_once(' ').expect("the proxy says where it listens");
        (proxy.conf, proxy.uri) = (conf.to_owned(), uri.to_owned());
        proxy
    }

    /// Gives a command; the answer.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("the proxy listens");
        let answer = self.answer();
        assert!(!answer.starts_with("error"), "{command}: {answer}");
        answer
    }

    /// Faults that nobody has met yet.
    pub(crate) fn left(&mut self) -> u32 {
        self.tell("left").parse().expect("a number")
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the proxy answers");
        line.trim().to_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
