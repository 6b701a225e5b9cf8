"""The usual service: FastAPI, with the network in torch or in ONNX Runtime.

python peer_serving.py torch|onnx BUNDLE ONNX PORT
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Tensor(BaseModel):
    """An input."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Name(BaseModel):
    """An output that is wanted."""

    name: str


class Request(BaseModel):
    """What is asked."""

    inputs: list[Tensor]
    outputs: list[Name] | None = None


class Answer(BaseModel):
    """What is said."""

    model_name: str
    outputs: list[Tensor]


Scores = Callable[[list[float], list[int]], list[float]]


def with_torch(bundle: Path) -> Scores:
    """The exported module, as docs/model_architecture.md shows its use."""
    import serving_model
    import torch

    torch.set_num_threads(1)
    center, scale = map(
        torch.from_numpy, serving_model.scaling(serving_model.model(bundle))
    )
    network = torch.jit.freeze(torch.jit.load(bundle / "network.pt").eval())

    def scores(data: list[float], shape: list[int]) -> list[float]:
        with torch.inference_mode():
            rows = torch.tensor(data, dtype=torch.float64).reshape(shape)
            encoded = ((rows - center) / scale).clamp(-10, 10)
            return network(encoded).flatten().tolist()

    return scores


def with_onnx(path: Path) -> Scores:
    """ONNX Runtime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )

    def scores(data: list[float], shape: list[int]) -> list[float]:
        rows = np.array(data, np.float32).reshape(shape)
        return session.run(["score"], {"features": rows})[0].tolist()

    return scores


def app(scores: Scores) -> FastAPI:
    """The service."""
    service = FastAPI()

    @service.get("/v2/health/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @service.post("/v2/models/{model}/infer")
    async def infer(model: str, request: Request) -> Answer:
        (rows,) = request.inputs
        data = scores(rows.data, rows.shape)
        output = Tensor(name="score", shape=[len(data)], datatype="FP64", data=data)
        return Answer(model_name=model, outputs=[output])

    return service


def main(kind: str, bundle: str, onnx: str, port: str) -> Any:
    """Serves until it is ended."""
    scores = with_torch(Path(bundle)) if kind == "torch" else with_onnx(Path(onnx))
    uvicorn.run(
        app(scores),
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
