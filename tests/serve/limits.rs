//! Slow clients, idle ones, strangers, and the end of the process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use foresite_inference::proto::{ModelMetadataRequest, ServerLiveRequest};
use foresite_testkit::Secrets;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::{answer, block, connect, endless_call, get, get_with, grpc, infer};
use crate::server::{Server, copy};
use crate::toy::END;

/// Path of a call by gRPC.
const MODEL_INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

fn request() -> Json {
    json!({ "inputs": [
        { "name": "entity", "shape": [1], "datatype": "BYTES", "data": ["device-00"] },
        { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
    ] })
}

/// The head of a request and the first half of its body; the second half is returned.
fn half_sent(stream: &mut TcpStream) -> Vec<u8> {
    let body = request().to_string().into_bytes();
    let head = format!(
        "POST /v2/models/toy/infer HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (first, rest) = body.split_at(body.len() / 2);
    stream.write_all(first).unwrap();
    rest.to_vec()
}

/// Whether the other side closes, with or without a word.
fn is_closed(mut stream: TcpStream) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let read = stream.read_to_end(&mut Vec::new());
    !read.is_err_and(|error| [TimedOut, WouldBlock].contains(&error.kind()))
}

#[test]
fn slow_clients_are_let_go() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({ "limits": { "receive_seconds": 0.5 } }), &[]);
    let mut slow = connect(server.rest());
    half_sent(&mut slow);
    assert_eq!(answer(&mut slow).refusal(408), "the request took longer than 0.5 s");
    let mut head = connect(server.rest());
    head.write_all(b"POST /v2/models/toy/infer HT").unwrap();
    assert!(is_closed(head), "half a head");
    // The code of gRPC that is not the service's: DEADLINE_EXCEEDED.
    let ended = block(endless_call(server.address("grpc"), MODEL_INFER));
    assert_eq!(ended, ["4", "the request took longer than 0.5 s"]);
}

#[test]
fn a_call_that_there_is_not_is_refused() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    let refused = |path| block(endless_call(server.address("grpc"), path));
    // UNIMPLEMENTED.
    let said = ["12", "no such method of inference.GRPCInferenceService"];
    assert_eq!(refused("/other.Service/ModelInfer"), said);
    assert_eq!(refused("/inference.GRPCInferenceService/Other")[0], "12");
}

#[test]
fn on_one_core_it_answers_and_ends_as_ever() {
    let root = copy();
    let mut server = on_one_core(|| Server::ready(root.path(), &json!({}), &[]));
    assert_eq!(infer(server.rest(), &request()).status, 200);
    let client = grpc(server.address("grpc"));
    block(async {
        let calls = (0..40).map(|_| {
            let mut client = client.clone();
            async move { client.server_live(ServerLiveRequest {}).await }
        });
        for answer in futures::future::join_all(calls).await {
            assert!(answer.unwrap().into_inner().live);
        }
    });
    server.terminate();
    assert!(server.ended().success(), "{}", server.log());
}

/// Runs something on a thread that keeps, with the processes it starts, to one core.
pub(crate) fn on_one_core<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let pinned = || {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        let core = of("Cpus_allowed_list:").split([',', '-']).next().unwrap().to_owned();
        let mut pin = std::process::Command::new("taskset");
        let set = pin.args(["--cpu-list", "--pid", &core, &of("Pid:")]).output().unwrap();
        assert!(set.status.success(), "{set:?}");
        run()
    };
    std::thread::scope(|scope| scope.spawn(pinned).join().unwrap())
}

#[test]
fn a_thousand_idle_connections_leave_room_for_a_request() {
    let root = copy();
    let limits = json!({ "limits": { "receive_seconds": 60.0, "connections": 1100 } });
    let server = Server::ready(root.path(), &limits, &[]);
    let idle: Vec<TcpStream> = (0..1000).map(|_| connect(server.rest())).collect();
    server.wait("all of them", |server| {
        let open = server.metrics();
        let open = open.lines().find_map(|l| l.strip_prefix("foresite_serve_connections "));
        open.unwrap().parse::<usize>().unwrap() >= idle.len()
    });
    assert_eq!(infer(server.rest(), &request()).status, 200);
    assert!(server.metrics().contains("foresite_serve_refused_connections_total 0\n"));
    // Who was idle may ask as well.
    let mut last = idle.into_iter().next_back().unwrap();
    let rest = half_sent(&mut last);
    last.write_all(&rest).unwrap();
    assert_eq!(answer(&mut last).status, 200);
}

#[test]
fn a_thousand_idle_connections_are_bounded_and_let_go() {
    let root = copy();
    let limits = json!({ "limits": {
        "receive_seconds": 3.0, "idle_seconds": 0.5, "connections": 40,
    } });
    let server = Server::ready(root.path(), &limits, &[]);
    let idle: Vec<TcpStream> = (0..1000).map(|_| connect(server.rest())).collect();
    let calls: Vec<TcpStream> = (0..20).map(|_| connect(server.address("grpc"))).collect();
    // How many are refused depends on how fast they came.
    server.wait("the limit", |server| {
        let none = "foresite_serve_refused_connections_total 0\n";
        !server.metrics().contains(none)
    });
    assert!(idle.into_iter().chain(calls).all(is_closed));
    server.wait("room", |server| get(server.rest(), "/v2/health/live").status == 200);
    assert_eq!(infer(server.rest(), &request()).status, 200);
}

/// A token that would be known again.
const RIGHT: &str = "right-2f6d1c9e84b07a35";

#[test]
fn only_who_has_a_token_is_answered() {
    let (root, kept) = (copy(), TempDir::new().unwrap());
    let tokens = kept.path().join("tokens");
    std::fs::write(&tokens, format!("{RIGHT}\nold 2020-01-01T00:00:00Z\n")).unwrap();
    let server =
        Server::ready(root.path(), &json!({}), &["--token-file", tokens.to_str().unwrap()]);
    let rest = server.rest();
    let with = |token: &str| {
        get_with(rest, "/v2/models/toy", &format!("authorization: Bearer {token}\r\n"))
    };
    assert_eq!(get(rest, "/v2/models/toy").refusal(401), "no bearer token is given");
    assert_eq!(with("wrong").refusal(401), "the token is not known");
    assert_eq!(with("old").refusal(401), "the token has expired");
    assert_eq!(with(RIGHT).status, 200);
    assert!(get(rest, "/v2/models/toy").head.contains("www-authenticate: Bearer"));
    block(async {
        let mut client = grpc(server.address("grpc"));
        assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
        let request = || ModelMetadataRequest { name: "toy".into(), version: String::new() };
        let status = client.model_metadata(request()).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status}");
        let with = |token: &str| {
            let mut request = tonic::Request::new(request());
            request.metadata_mut().insert("authorization", token.parse().unwrap());
            request
        };
        let status = client.model_metadata(with("Bearer old")).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status}");
        assert_eq!(status.message(), "the token has expired");
        assert!(client.model_metadata(with(&format!("Bearer {RIGHT}"))).await.is_ok());
    });
    std::fs::write(&tokens, format!("next\n{RIGHT} 2021-01-01T00:00:00Z\n")).unwrap();
    server.wait("the new token", |_| with("next").status == 200);
    assert_eq!(with(RIGHT).refusal(401), "the token has expired");
    let secrets = Secrets::default().with("the token", RIGHT);
    let said = secrets.in_bytes("log", server.log().as_bytes());
    let shown = secrets.in_bytes("metrics", server.metrics().as_bytes());
    assert_eq!([said, shown, secrets.below(root.path())].concat(), Vec::<String>::new());
    assert!(server.log().contains("reason=\"the token is not known\""), "{}", server.log());
    let page = server.metrics();
    let refused = |protocol: &str| -> u64 {
        let name =
            format!("foresite_serve_requests_total{{protocol=\"{protocol}\",code=\"401\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{name} in {page}")).parse().unwrap()
    };
    // Also those that asked with the new token before it was read.
    assert!(refused("rest") >= 5);
    assert_eq!(refused("grpc"), 2);
}

#[test]
fn sigterm_ends_it_after_the_open_requests() {
    let root = copy();
    let mut server = Server::ready(root.path(), &json!({}), &[]);
    let mut open = connect(server.rest());
    let rest = half_sent(&mut open);
    server.wait("the request", |server| server.metrics().contains("in_flight 1"));
    server.terminate();
    server.wait("the notice", |server| server.line("not ready any more").is_some());
    assert_eq!(get(server.address("metrics"), "/v2/health/ready").status, 503);
    server.wait("the closed socket", |server| TcpStream::connect(server.rest()).is_err());
    open.write_all(&rest).unwrap();
    assert_eq!(answer(&mut open).status, 200, "what was open is answered");
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

#[test]
fn whoever_keeps_a_connection_is_told_that_it_ends() {
    let root = copy();
    let limits = json!({ "limits": { "notice_seconds": 5.0 } });
    let mut server = Server::ready(root.path(), &limits, &[]);
    let mut connection = connect(server.rest());
    let request = b"GET /v2/health/live HTTP/1.1\r\nhost: test\r\n\r\n";
    connection.write_all(request).unwrap();
    let mut first = [0; 12];
    connection.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.terminate();
    server.wait("the notice", |server| server.line("not ready any more").is_some());
    connection.write_all(request).unwrap();
    let mut both = String::new();
    connection.read_to_string(&mut both).unwrap();
    let (first, second) = both.split_once("HTTP/1.1 200 OK").unwrap();
    assert!(!first.contains("connection: close"), "{both}");
    assert!(second.contains("connection: close"), "{both}");
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

#[test]
fn what_is_wrong_with_the_arguments_is_said_before_anything_else() {
    let root = copy();
    let said = |arguments: &[&str], code: i32| {
        let mut command =
            std::process::Command::new(foresite_testkit::binary_path("foresite-serve"));
        let output = command
            .args(["model", "--task", "toy", "--listen", "127.0.0.1:0"])
            .args(["--grpc-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args(arguments)
            .env("FORESITE_LOG", "lines")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{text}");
        text
    };
    let path = root.path().to_str().unwrap();
    assert!(said(&["--data-root", "/nowhere"], 66).contains("no such directory"));
    let refused = said(&["--data-root", "hdfs://kim:correct-horse@namenode/x"], 2);
    assert!(refused.contains("credentials do not belong"), "{refused}");
    assert!(!refused.contains("correct-horse"), "{refused}");
    let config = root.path().join("serve.json");
    std::fs::write(&config, r#"{"limits": {"row": 1}}"#).unwrap();
    let wrong = said(&["--data-root", path, "--config", config.to_str().unwrap()], 2);
    assert!(wrong.contains("at `limits.row`: unknown field `row`"), "{wrong}");
    let token = root.path().join("nothing");
    let wrong = said(&["--data-root", path, "--token-file", token.to_str().unwrap()], 2);
    assert!(wrong.contains("No such file"), "{wrong}");
    let wrong =
        said(&["--data-root", path, "--token-file", config.to_str().unwrap(), "--tls-key", "k"], 2);
    assert!(wrong.contains("--tls-certificate"), "{wrong}");
}
