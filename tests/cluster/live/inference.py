"""A model service as its clients see it: the Open Inference Protocol by REST, and by gRPC with its makers' client.

Both give the rows of an answer in one form, in which equal means equal to the last bit.
"""

from __future__ import annotations

import http.client
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc

from live.commands import ROOT

sys.path.append(str(ROOT / "crates" / "inference" / "proto"))
#: Compiled here from the text that the service is compiled from.
messages, services = grpc.protos_and_services("inference.proto")

PATIENCE = 30.0
NUMBERS = {"score", "p_value", "probability", "low", "median", "high", "values"}
TIMES = {"cutoff", "event_low_at", "event_at", "event_high_at"}

#: One statement: output → value.
Row = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A request, whoever carries it."""

    texts: Mapping[str, list[str]] = field(default_factory=dict)
    #: Rows of numbers; None is missing.
    numbers: Mapping[str, list[list[float | None]]] = field(default_factory=dict)
    parameters: Mapping[str, str | bool] = field(default_factory=dict)

    def json(self) -> bytes:
        inputs = [
            {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": values}
            for name, values in self.texts.items()
        ] + [
            {"name": name, "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": rows}
            for name, rows in self.numbers.items()
        ]
        return json.dumps({"parameters": dict(self.parameters), "inputs": inputs}).encode()

    def message(self, model: str) -> Any:
        made = messages.ModelInferRequest(model_name=model)
        for name, value in {**self.parameters, "nan_is_missing": True}.items():
            kind = "bool_param" if isinstance(value, bool) else "string_param"
            setattr(made.parameters[name], kind, value)
        for name, values in self.texts.items():
            tensor = made.inputs.add(name=name, datatype="BYTES", shape=[len(values)])
            tensor.contents.bytes_contents.extend(value.encode() for value in values)
        for name, rows in self.numbers.items():
            tensor = made.inputs.add(name=name, datatype="FP64", shape=[len(rows), len(rows[0])])
            tensor.contents.fp64_contents.extend(math.nan if value is None else value for row in rows for value in row)
        return made


def call(address: str, method: str, path: str, body: bytes | None = None, token: str = "") -> tuple[int, str]:
    """One request on a connection of its own; status and text."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def by_rest(address: str, model: str, ask: Ask) -> list[Row]:
    status, text = call(address, "POST", f"/v2/models/{model}/infer", ask.json())
    assert status == http.HTTPStatus.OK, f"{status}: {text}"
    return rows((output["name"], output["shape"], output["data"]) for output in json.loads(text)["outputs"])


def by_grpc(address: str, model: str, ask: Ask) -> list[Row]:
    with grpc.insecure_channel(address) as channel:
        answer = services.GRPCInferenceServiceStub(channel).ModelInfer(ask.message(model), timeout=PATIENCE)
    return rows((output.name, output.shape, contents(output)) for output in answer.outputs)


def contents(output: Any) -> list[Any]:
    held = output.contents
    if output.datatype == "BYTES":
        return [text.decode() for text in held.bytes_contents]
    return list(held.fp64_contents if output.datatype == "FP64" else held.int64_contents)


def metadata(address: str, model: str) -> dict[str, Any]:
    status, text = call(address, "GET", f"/v2/models/{model}")
    assert status == http.HTTPStatus.OK, f"{status}: {text}"
    found: dict[str, Any] = json.loads(text)
    return found


def rows(outputs: Iterable[tuple[str, list[int], list[Any]]]) -> list[Row]:
    """The outputs of an answer, row by row."""
    columns: dict[str, list[Any]] = {}
    for name, shape, data in outputs:
        wide = shape[1] if len(shape) > 1 else None
        columns[name] = data if wide is None else [data[at * wide : (at + 1) * wide] for at in range(shape[0])]
    return [exact(dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]


def exact(row: Mapping[str, Any]) -> Row:
    """A row in which nothing is rounded: numbers by their bits, absent as None, lists without what fills them up."""
    return {name: exact_value(name, value) for name, value in row.items()}


def exact_value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        found = [exact_value(name, each) for each in value]
        while found and found[-1] is None:
            found.pop()
        return found or None
    if value is None or value == "":
        return None
    if name in NUMBERS:
        return None if math.isnan(value) else float(value).hex()
    if name in TIMES and isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value
