//! One prediction, three ways to it: the batch table, REST and gRPC say the same to the last bit.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Float64Type;
use foresite_inference::proto::model_infer_request::InferInputTensor;
use foresite_inference::proto::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelMetadataRequest,
    ServerMetadataRequest, ServerReadyRequest, infer_parameter::ParameterChoice,
};
use foresite_schema::catalog::{derived, outcome};
use foresite_tables::{Read, Root};
use serde_json::{Value as Json, json};

use crate::client::{block, grpc, infer, infer_bytes};
use crate::said::{as_json, batch, behind_as_json, raw, raw_as_json, rest};
use crate::server::{Server, copy};
use crate::toy::{self, DEVICES, END};

fn devices() -> Vec<String> {
    (0..DEVICES).map(|device| format!("device-{device:02}")).collect()
}

fn bytes(name: &str, values: &[String]) -> InferInputTensor {
    InferInputTensor {
        name: name.into(),
        datatype: "BYTES".into(),
        shape: vec![values.len() as i64],
        contents: Some(InferTensorContents {
            bytes_contents: values.iter().map(|value| value.clone().into_bytes()).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn by_entity() -> ModelInferRequest {
    let explain = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    ModelInferRequest {
        model_name: "toy".into(),
        id: "7".into(),
        parameters: [("explain".to_owned(), explain)].into(),
        inputs: vec![bytes("entity", &devices()), bytes("cutoff", &[END.to_owned()])],
        ..Default::default()
    }
}

/// Raw features as the batch stage read them.
fn features(root: &Root) -> (Vec<String>, Json) {
    let table = root.existing(derived::features("toy")).unwrap();
    let rows = table.read(&Read::all()).unwrap();
    let names: Vec<String> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| name.starts_with("x_"))
        .collect();
    let ids = rows.column_by_name("entity_id").unwrap().as_string::<i32>();
    let row = |row: usize| {
        let value = |name: &String| {
            let column = rows.column_by_name(name).unwrap().as_primitive::<Float64Type>();
            (name.clone(), column.is_valid(row).then(|| column.value(row)))
        };
        (ids.value(row).to_owned(), names.iter().map(value).collect::<BTreeMap<_, _>>())
    };
    let all: BTreeMap<String, _> = (0..rows.num_rows()).map(row).collect();
    (names, json!(all))
}

#[test]
fn the_table_rest_and_grpc_agree_to_the_last_bit() {
    let root = copy();
    toy::predict(root.path()).exits(0);
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    let expected = batch(&table.read(&Read::all()).unwrap());
    assert_eq!(expected.len(), devices().len());
    assert!(expected.values().any(|said| !said.drivers.is_empty()));
    let server = Server::ready(root.path(), &json!({}), &[]);

    let request = json!({
        "id": "7",
        "parameters": { "explain": true },
        "inputs": [
            { "name": "entity", "shape": [DEVICES], "datatype": "BYTES", "data": devices() },
            { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
        ],
    });
    let answer = infer(server.rest(), &request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!((&answer["model_name"], &answer["id"]), (&json!("toy"), &json!("7")));
    assert_eq!(rest(&answer), expected);

    let values = [devices(), vec![END.to_owned()]].map(|values| raw(&values));
    let input = |name: &str, rows: i64, behind: &[u8]| {
        let parameters = json!({ "binary_data_size": behind.len() });
        json!({ "name": name, "shape": [rows], "datatype": "BYTES", "parameters": parameters })
    };
    let request = json!({
        "parameters": { "explain": true, "binary_data_output": true },
        "inputs": [input("entity", DEVICES, &values[0]), input("cutoff", 1, &values[1])],
    });
    let by_bytes = infer_bytes(server.rest(), &request, &values.concat());
    assert_eq!(rest(&behind_as_json(by_bytes)), expected);

    let mut raw_request = by_entity();
    for (input, values) in raw_request.inputs.iter_mut().zip(values) {
        input.contents = None;
        raw_request.raw_input_contents.push(values);
    }
    let (typed, by_raw) = block(async {
        let mut client = grpc(server.address("grpc"));
        let typed = client.model_infer(by_entity()).await.unwrap().into_inner();
        (typed, client.model_infer(raw_request).await.unwrap().into_inner())
    });
    assert_eq!(
        (typed.id.as_str(), json!(typed.model_version)),
        ("7", answer["model_version"].clone())
    );
    assert_eq!(rest(&as_json(&typed)), expected);
    assert_eq!(rest(&raw_as_json(&by_raw)), expected);
    let id = &expected["device-00"].prediction_id;
    assert!(server.line(id).unwrap().contains("protocol=\"rest\" code=200"), "the access log");
}

#[test]
fn without_a_cutoff_the_newest_one_by_the_clock_counts() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    let request = json!({
        "parameters": { "as_of": END },
        "inputs": [{ "name": "entity", "shape": [1], "datatype": "BYTES", "data": ["device-00"] }],
        "outputs": [{ "name": "cutoff" }],
    });
    let answer = infer(server.rest(), &request).json();
    assert_eq!(answer["outputs"][0]["data"], json!([END]), "{answer}");
}

/// A request for the scores of some devices whose features are at hand.
fn with_features(columns: &[Json], values: &Json, ids: &[String], explain: bool) -> Json {
    let row = |id: &String| -> Vec<Json> {
        columns.iter().map(|name| values[id][name.as_str().unwrap()].clone()).collect()
    };
    let wanted = ["entity_id", "prediction_id", "score", "probability", "values", "drivers"];
    json!({
        "inputs": [
            { "name": "entity", "shape": [ids.len()], "datatype": "BYTES", "data": ids },
            { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
            {
                "name": "features", "shape": [ids.len(), columns.len()], "datatype": "FP64",
                "data": ids.iter().map(row).collect::<Vec<_>>(),
            },
        ],
        "outputs": wanted.iter().filter(|name| explain || **name != "drivers")
            .map(|name| json!({ "name": name })).collect::<Vec<_>>(),
    })
}

/// The champion of a root says of features at hand what the table says, of all rows at once and of
/// each alone, explained or not.
fn features_at_hand_agree(root: &std::path::Path) {
    toy::predict(root).exits(0);
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    let expected = batch(&table.read(&Read::all()).unwrap());
    let server = Server::ready(root, &json!({}), &[]);
    let metadata = server.get("/v2/models/toy-service").json();
    let columns = metadata["parameters"]["features"].as_array().unwrap().clone();
    let (names, values) = features(&store);
    assert_eq!(columns.len(), names.len(), "{columns:?} {names:?}");
    let said = |ids: &[String], explain| {
        let answer = infer(server.rest(), &with_features(&columns, &values, ids, explain));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    assert_eq!(rest(&said(&devices(), true)), expected);
    let scores = |answer: Json| answer["outputs"][2]["data"].clone();
    let together = scores(said(&devices(), false));
    for (at, id) in devices().into_iter().enumerate() {
        let (score, alone) = (expected[&id].score, scores(said(&[id], false)));
        let bits = |score: &Json| score.as_f64().unwrap().to_bits();
        assert_eq!((bits(&together[at]), bits(&alone[0])), (score, score));
    }
    let row = |id: &String| -> Vec<f64> {
        let value = |name: &Json| values[id][name.as_str().unwrap()].as_f64().unwrap_or(f64::NAN);
        columns.iter().map(value).collect()
    };
    let expected: Vec<u64> = devices().iter().map(|id| expected[id].score).collect();
    many_rows_behind_the_json_agree(
        &server,
        &devices().iter().map(row).collect::<Vec<_>>(),
        &expected,
    );
}

/// As many rows as one request may bring, the given ones over and over: a large body.
fn many_rows_behind_the_json_agree(server: &Server, given: &[Vec<f64>], scores: &[u64]) {
    const ROWS: usize = 4096;
    let numbers: Vec<u8> =
        given.iter().cycle().take(ROWS).flatten().flat_map(|value| value.to_le_bytes()).collect();
    let request = json!({
        "model_name": "toy",
        "parameters": { "nan_is_missing": true },
        "inputs": [{
            "name": "features", "shape": [ROWS, given[0].len()], "datatype": "FP64",
            "parameters": { "binary_data_size": numbers.len() },
        }],
        "outputs": [
            { "name": "model_id" },
            { "name": "score", "parameters": { "binary_data": true } },
        ],
    });
    let (answer, behind) = infer_bytes(server.rest(), &request, &numbers);
    let texts = answer["outputs"][0]["data"].as_array().unwrap();
    assert_eq!((texts.len(), behind.len()), (ROWS, 8 * ROWS));
    let said = behind.as_chunks::<8>().0.iter().map(|score| f64::from_le_bytes(*score).to_bits());
    assert!(said.eq(scores.iter().copied().cycle().take(ROWS)), "another score than the table's");
}

#[test]
fn features_at_hand_give_the_same_scores() {
    features_at_hand_agree(copy().path());
}

#[test]
fn a_network_gives_the_same_scores() {
    // Trouble at both ends: no line tells it apart.
    let root = toy::prepared(|x| (x - 0.5).abs() > 0.3);
    toy::featurized(root.path());
    let options = json!({ "architecture": "residual", "learning_rate": 0.01 });
    let config = json!({
        "tasks": root.path().join("tasks"),
        "candidates": [{ "kind": "network", "options": options }],
    });
    let train = toy::stage(root.path(), "train").config(&config).exits(0);
    let bundle = root.path().join(format!("models/toy/{}/bundle", toy::model(&train)));
    assert!(bundle.join("network.pt").exists(), "no network ships");
    toy::stage(root.path(), "evaluate").exits(0);
    toy::stage(root.path(), "promote").exits(0);
    features_at_hand_agree(root.path());
}

#[test]
fn metadata_say_the_same_by_both_protocols() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    let metadata = server.get("/v2/models/toy").json();
    let version = metadata["versions"][0].as_str().unwrap().to_owned();
    for path in [
        "/v2/models/toy/ready".to_owned(),
        format!("/v2/models/toy/versions/{version}/ready"),
        format!("/v2/models/toy/versions/{version}"),
        "/v2/models/toy/versions/champion".to_owned(),
        "/v2".to_owned(),
        "/v2/health/live".to_owned(),
    ] {
        assert_eq!(server.get(&path).status, 200, "{path}");
    }
    assert_eq!(server.get("/v2").json()["extensions"], json!(["binary_tensor_data"]));
    assert_eq!(server.get("/v2/models/toy/ready").json(), json!({ "name": "toy", "ready": true }));
    let (wire, server_says, is_ready) = block(async {
        let mut client = grpc(server.address("grpc"));
        let request = ModelMetadataRequest { name: "toy".into(), version: version.clone() };
        let wire = client.model_metadata(request).await.unwrap().into_inner();
        let says = client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner();
        let ready = client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner();
        (wire, says, ready.ready)
    });
    assert!(is_ready);
    assert_eq!(server_says.extensions, ["binary_tensor_data"]);
    let inputs = |name: &str| metadata[name].as_array().unwrap().clone();
    for (have, expected) in [(&wire.inputs, inputs("inputs")), (&wire.outputs, inputs("outputs"))] {
        let have: Vec<Json> = have
            .iter()
            .map(|tensor| {
                json!({ "name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape })
            })
            .collect();
        assert_eq!(have, expected);
    }
}
