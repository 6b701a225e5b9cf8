//! Requests that wait for a worker go through the model together, and each gets its own answer.

use serde_json::{Value as Json, json};

use crate::client::{Answer, infer};
use crate::server::{Server, copy};

/// So many rows about `x`, with what drives each: more work than is done at once.
fn explained(x: f64, rows: usize) -> Json {
    let data: Vec<f64> = (0..rows).flat_map(|row| [x, row as f64 / rows as f64]).collect();
    json!({
        "inputs": [{ "name": "features", "shape": [rows, 2], "datatype": "FP64", "data": data }],
        "parameters": { "explain": true },
    })
}

fn batches(server: &Server) -> usize {
    let page = server.metrics();
    let count =
        page.lines().find_map(|line| line.strip_prefix("foresite_serve_batch_rows_count{} "));
    count.unwrap().parse().unwrap()
}

#[test]
fn what_waits_goes_through_the_model_together_and_is_answered_one_by_one() {
    const WAITING: usize = 8;
    const ROWS: usize = 40;
    /// A second and more of work, during which all others come.
    const LONG: usize = 200_000;
    let root = copy();
    let limits = json!({ "workers": 1, "rows": LONG, "body_bytes": 64 << 20 });
    let server = Server::ready(root.path(), &json!({ "limits": limits }), &[]);
    let rest = server.rest();
    let asked: Vec<Json> = (0..WAITING).map(|at| explained(0.1 * at as f64, ROWS)).collect();
    let outputs = |answer: Answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["outputs"].clone()
    };
    let alone: Vec<Json> = asked.iter().map(|body| outputs(infer(rest, body))).collect();
    let before = batches(&server);
    std::thread::scope(|scope| {
        let long = scope.spawn(move || infer(rest, &explained(0.5, LONG)).status);
        server.wait("the worker is busy", |server| batches(server) == before + 1);
        let others: Vec<_> =
            asked.iter().map(|body| scope.spawn(|| outputs(infer(rest, body)))).collect();
        let all_wait = format!("foresite_serve_waiting{{pool=\"scoring\"}} {WAITING}\n");
        server.wait("all wait", |server| server.metrics().contains(&all_wait));
        assert_eq!(long.join().unwrap(), 200);
        let together: Vec<Json> = others.into_iter().map(|other| other.join().unwrap()).collect();
        assert_eq!(together, alone);
    });
    assert_eq!(batches(&server), before + 2, "the long one, and all others in one go");
}
