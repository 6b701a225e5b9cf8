"""A network for the services: trained by the stages on made-up measurements, served by its champion, and written once
more as ONNX from the same weights for the peers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measure
import numpy as np

TASK = "serving"
CHANNELS = [f"c{channel:02}" for channel in range(16)]
STATISTICS = ("last", "mean")
DEVICES = 24
DAYS = 60
START = "2026-01-01T00:00:00Z"
END = "2026-03-02T00:00:00Z"
# The files of the past land now; when their rows could be known is said by the mapping.
ALL_HAS_LANDED = "2100-01-01T00:00:00Z"
OPSET = 17

TASK_FILE: dict[str, Any] = {
    "task": TASK,
    "about": "A value that depends on sixteen channels, and on no line through them.",
    "entity_type": "device",
    "head": {"kind": "regression"},
    "cutoffs": {"step": "6h"},
    "look_back": "6h",
    "inputs": {
        "granularity": "1h",
        "wall_clock": False,
        "rolling": [
            {
                "channels": CHANNELS,
                "windows": ["6h"],
                "statistics": list(STATISTICS),
            }
        ],
    },
    "label": {"rule": "point", "channel": "y"},
    "slices": {"rule": {"by": "time", "fractions": [0.5, 0.1, 0.15, 0.15, 0.1]}},
    "metrics": ["rmse"],
    "baselines": ["mean", "linear"],
}
MAPPING: dict[str, Any] = {
    "name": TASK,
    "target": "kpis",
    "sources": [{"path": "measured.csv"}],
    "entity": {"type": {"constant": "device"}, "id": "device"},
    "time": {
        "from": {"stamp": {"value": "at"}},
        "cadence_seconds": 3600,
        "wall_clock": False,
    },
    "channels": [{"name": channel} for channel in [*CHANNELS, "y"]],
    "history": {},
}
# Chosen, not won: one network of a named architecture and no other candidate.
NETWORK = {"kind": "network", "options": {"architecture": "64-64-1"}}


@dataclass(frozen=True)
class Trained:
    """A data root with a champion."""

    root: Path
    bundle: Path
    onnx: Path

    @property
    def features(self) -> int:
        """Width of a row."""
        return len(CHANNELS) * len(STATISTICS)


def trained(folder: Path) -> Trained:
    """Runs the stages from a CSV file to a signed champion; a network, or this ends."""
    root, landing = folder / "root", folder / "landing"
    for made in (root, landing, folder / "tasks"):
        made.mkdir()
    measured(landing / "measured.csv")
    (folder / "tasks" / f"{TASK}.json").write_text(json.dumps(TASK_FILE))
    tasks = {"tasks": str(folder / "tasks")}
    taken = {
        "landing": str(landing),
        "settle_seconds": 0,
        "pm": [],
        "mappings": [MAPPING],
    }
    stage(root, "ingest", taken, "--as-of", ALL_HAS_LANDED)
    of = ("--task", TASK, "--as-of", END)
    stage(root, "featurize", tasks, *of, "--step", "samples")
    stage(root, "train", tasks | {"candidates": [NETWORK]}, *of)
    stage(root, "evaluate", {}, *of)
    stage(root, "promote", {}, *of)
    (bundle,) = (root / "models" / TASK).glob("*/bundle")
    if not (bundle / "network.pt").exists():
        raise SystemExit(f"no network ships:\n{(bundle / 'card.md').read_text()}")
    return Trained(root, bundle, as_onnx(bundle, folder / "network.onnx"))


def stage(root: Path, name: str, config: dict[str, Any], *arguments: str) -> None:
    """Runs a stage on a configuration of one's own."""
    path = root.parent / f"{name}.json"
    path.write_text(json.dumps(config))
    between = ("--interval-start", START, "--interval-end", END)
    measure.run(
        [
            measure.BINARIES / f"foresite-{name}",
            "--config",
            path,
            "--data-root",
            root,
            *between,
            *arguments,
        ]
    )


def measured(path: Path) -> None:
    """Hourly measurements of some devices, from a seed."""
    rng = np.random.default_rng(1)
    stamps = np.datetime64("2026-01-01T00") + np.arange(DAYS * 24)
    with path.open("w") as out:
        print("device", "at", *CHANNELS, "y", sep=",", file=out)
        for device in range(DEVICES):
            rows = rng.normal(size=(len(stamps), len(CHANNELS))).round(4)
            y = np.sin(2 * rows[:, 0]) * rows[:, 1] + np.abs(rows[:, 2])
            y += 0.5 * rows[:, 3] * rows[:, 4] + 0.2 * rows[:, 5:].mean(axis=1)
            for stamp, row, value in zip(stamps, rows, y.round(4), strict=True):
                print(
                    f"d{device:02}", f"{stamp}:00:00Z", *row, value, sep=",", file=out
                )


def model(bundle: Path) -> dict[str, Any]:
    """What a bundle holds, with its long arrays where they belong."""
    weights = (bundle / "weights.safetensors").read_bytes()
    size = int.from_bytes(weights[:8], "little")
    head, data = json.loads(weights[8 : 8 + size]), weights[8 + size :]
    kinds = {"F64": "<f8", "I64": "<i8"}

    def whole(value: Any) -> Any:
        match value:
            case {"tensor": str(name)}:
                begin, end = head[name]["data_offsets"]
                return np.frombuffer(data[begin:end], kinds[head[name]["dtype"]])
            case dict():
                return {key: whole(item) for key, item in value.items()}
            case list():
                return [whole(item) for item in value]
            case _:
                return value

    read: dict[str, Any] = whole(json.loads((bundle / "model.json").read_text()))
    return read


def scaling(bundle: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of every raw feature, as the feature kernel has them."""
    encodings = [
        fitted["scaled"] for fitted in bundle["fitted"]["kernel"]["encoder"]["fitted"]
    ]
    assert not any(of["logarithm"] or of["flag_missing"] for of in encodings)
    return (
        np.array([of["center"] for of in encodings]),
        np.array([of["scale"] for of in encodings]),
    )


def as_onnx(bundle: Path, path: Path) -> Path:
    """From raw features to the score, in single precision."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    read = model(bundle)
    fitted = read["fitted"]["model"]
    mlp = fitted["path"]["mlp"]
    assert fitted["path"]["kind"] == "network" and not mlp["residual"]
    assert len(fitted["encoder"]["flagged"]) == 0
    nodes, constants, last = [], [], "features"

    def constant(value: Any) -> str:
        name = f"constant_{len(constants)}"
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def then(kind: str, *inputs: Any, **attributes: Any) -> None:
        nonlocal last
        names = [last, *map(constant, inputs)]
        last = f"value_{len(nodes)}"
        nodes.append(helper.make_node(kind, names, [last], **attributes))

    center, scale = scaling(read)
    for mean, spread, most in (
        (center, scale, 10),
        (fitted["encoder"]["mean"], fitted["encoder"]["scale"], 6),
    ):
        then("Sub", mean)
        then("Div", spread)
        then("Clip", -most, most)
    for layer in mlp["layers"]:
        weights = np.asarray(layer["weights"]["data"])
        then(
            "Gemm",
            weights.reshape(-1, layer["weights"]["columns"]),
            layer["bias"],
            transB=1,
        )
        if layer["activation"] == "relu":
            then("Relu")
    then("Mul", mlp["scale"])
    then("Add", mlp["offset"])
    constants.append(numpy_helper.from_array(np.array([-1]), "rows"))
    nodes.append(helper.make_node("Reshape", [last, "rows"], ["score"]))
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        TASK,
        [helper.make_tensor_value_info("features", kind, ["rows", len(center)])],
        [helper.make_tensor_value_info("score", kind, ["rows"])],
        constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, path)
    return path


def request(rows: int, features: int, path: Path) -> Path:
    """A request for the scores of some rows."""
    values = np.random.default_rng(rows).normal(size=rows * features)
    asked = {
        "inputs": [
            {
                "name": "features",
                "shape": [rows, features],
                "datatype": "FP64",
                "data": values.tolist(),
            }
        ],
        "outputs": [{"name": "score"}],
    }
    path.write_text(json.dumps(asked, separators=(",", ":")))
    return path
