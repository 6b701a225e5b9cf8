"""The model service beside the usual ones: the same network, a core for the service and one for who asks, loopback alone.

`make -C bench serving` builds what it needs. FORESITE_BENCH_SHARE=0.1 tries it out with a tenth of the time.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measure
import serving_model

SHARE = float(os.environ.get("FORESITE_BENCH_SHARE", "1"))
SIZES = (1, 64)
# Requests that are open at once.
CONNECTIONS = 32
# Of a run as fast as answers come, and of one at half of that; so many of each, the services in turn.
SECONDS = max(0.5, 5 * SHARE)
RUNS = 3
STARTS = measure.scaled(5)
# The first import of torch reads gigabytes.
PATIENCE_SECONDS = 300
TOLERANCE = 1e-5
SERVICE_CORE, ASKING_CORE = 0, 1
TOOLS = Path(os.environ["FORESITE_SERVING_TOOLS"])

Run = dict[str, Any]
PEER = Path(__file__).with_name("peer_serving.py")


@dataclass(frozen=True)
class Service:
    """A command that serves on the ports it is given."""

    command: list[str]
    ports: tuple[int, ...]
    log: Path

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Starts it on its core, ends it at the end."""
        one = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {
            **os.environ,
            **dict.fromkeys(one, "1"),
            "FORESITE_LOG": "lines",
        }
        pinned = ["taskset", "--cpu-list", str(SERVICE_CORE), *self.command]
        with (
            self.log.open("wb") as log,
            subprocess.Popen(
                pinned, env=environment, stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until it says that it is ready."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_ready(self.ports[0]):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.command}: not ready\n{self.log.read_text()}")
            time.sleep(0.002)


def is_ready(port: int) -> bool:
    """Whether somebody answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def onnx_library() -> Path:
    """The shared library of the Python wheel."""
    import onnxruntime

    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*")
    return library


def services(model: serving_model.Trained, folder: Path) -> dict[str, Service]:
    """All of them, ours with the access log as it comes and without: no other writes one."""
    made: dict[str, Service] = {}
    for kind, name in (("torch", "torch"), ("onnx", "ONNX Runtime")):
        port = free_port()
        command = [sys.executable, PEER, kind, model.bundle, model.onnx, port]
        made[f"FastAPI + {name}"] = Service(
            [*map(str, command)], (port,), folder / kind
        )
    port = free_port()
    command = [TOOLS / "twin", onnx_library(), model.onnx, f"127.0.0.1:{port}"]
    made["axum + ONNX Runtime"] = Service(
        [*map(str, command)], (port,), folder / "twin"
    )
    for name, access_log in (("foresite-serve", False), ("with access log", True)):
        made[name] = ours(model.root, folder, access_log)
    return made


def ours(root: Path, folder: Path, access_log: bool) -> Service:
    """The service of this repository."""
    config = folder / f"serve-{access_log}.json"
    config.write_text(json.dumps({"access_log": access_log}))
    ports = tuple(free_port() for _ in range(3))
    listen = ("--listen", "--grpc-listen", "--metrics-listen")
    command = [
        measure.BINARIES / "foresite-serve",
        *("model", "--task", serving_model.TASK, "--data-root", root),
        *("--config", config),
    ]
    for flag, port in zip(listen, ports, strict=True):
        command += [flag, f"127.0.0.1:{port}"]
    return Service([*map(str, command)], ports, folder / f"ours-{access_log}")


@dataclass(frozen=True)
class Entrance:
    """A protocol of a running service."""

    protocol: str
    port: int
    process: int

    def load(self, what: str, request: Path, *more: object) -> Any:
        """What the load generator says."""
        address = f"127.0.0.1:{self.port}"
        command = [TOOLS / "load", what, self.protocol, address, serving_model.TASK]
        command = [*map(str, [*command, request, *more])]
        if what == "once":
            return json.loads(subprocess.check_output(command))
        before, began = cpu_seconds(self.process), time.monotonic()
        told = measure.told(command)
        wall = time.monotonic() - began
        spent = cpu_seconds(self.process) - before
        told["service_busy"] = spent / wall
        told["service_cpu_us"] = spent / told["requests"] * 1e6
        told["asking_busy"] = told["cpu_s"] / wall
        return told


def cpu_seconds(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def agree(entrances: dict[str, Entrance], request: Path) -> float:
    """The greatest difference between any two answers; too great a one ends this."""
    answers = {name: at.load("once", request) for name, at in entrances.items()}
    assert len({len(answer) for answer in answers.values()}) == 1, answers
    each = zip(*answers.values(), strict=True)
    worst = max(max(numbers) - min(numbers) for numbers in each)
    if not worst <= TOLERANCE:
        raise SystemExit(f"the services disagree by {worst}: {answers}")
    return worst


def under_load(entrances: dict[str, Entrance], request: Path) -> dict[str, Any]:
    """As fast as they answer, then at half of that; of each the run in the middle."""
    asked = ("run", request, CONNECTIONS)
    full = in_turn(entrances, lambda _, at: at.load(*asked, SECONDS))
    fastest = {name: middle(runs, "per_second") for name, runs in full.items()}
    rates = {name: run["per_second"] / 2 for name, run in fastest.items()}
    half = in_turn(
        entrances, lambda name, at: at.load(*asked, SECONDS, rates[name])
    )
    return {
        name: {
            "full": rounded(fastest[name]),
            "half": rounded(middle(runs, "p99_ms")),
            "half_p99_ms": [round(run["p99_ms"], 3) for run in runs],
        }
        for name, runs in half.items()
    }


def pauses() -> list[Run]:
    """How long the machine keeps two programs waiting that never wait, one on each core."""
    look = [TOOLS / "load", "pauses", str(SECONDS)]

    def seen(core: int) -> Run:
        told = subprocess.check_output(["taskset", "--cpu-list", str(core), *look])
        return {key: round(value, 4) for key, value in json.loads(told).items()}

    with ThreadPoolExecutor() as pool:
        return list(pool.map(seen, (SERVICE_CORE, ASKING_CORE)))


def in_turn(
    entrances: dict[str, Entrance], load: Callable[[str, Entrance], Run]
) -> dict[str, list[Run]]:
    """Several runs of each, so that a slow minute of the machine meets all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in entrances}
    for _ in range(RUNS):
        for name, at in entrances.items():
            runs[name].append(load(name, at))
    return runs


def middle(runs: list[Run], measure: str) -> Run:
    """The run whose measure is the median."""
    return sorted(runs, key=lambda run: run[measure])[len(runs) // 2]


def rounded(run: dict[str, Any]) -> dict[str, Any]:
    """What of a run is kept."""
    kept = (
        *("per_second", "p50_ms", "p99_ms", "max_ms"),
        *("service_cpu_us", "service_busy", "asking_busy"),
    )
    return {key: round(run[key], 3) for key in kept}


def start(service: Service) -> float:
    """Seconds until a new process is ready; its files are in the page cache."""
    began = time.monotonic()
    with service.running() as process:
        service.wait(process)
        return time.monotonic() - began


def main() -> None:
    """Trains, compares the answers, then measures."""
    os.sched_setaffinity(0, {ASKING_CORE})
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="foresite-bench-") as scratch:
        folder = Path(scratch)
        model = serving_model.trained(folder)
        requests = {
            size: serving_model.request(size, model.features, folder / f"{size}.json")
            for size in SIZES
        }
        every = services(model, folder)
        with ExitStack() as stack:
            entrances = {}
            for name, service in every.items():
                process = stack.enter_context(service.running())
                service.wait(process)
                entrances[name] = Entrance("rest", service.ports[0], process.pid)
                if name == "foresite-serve":
                    port, other = service.ports[:2]
                    entrances[f"{name}, bytes"] = Entrance("bytes", port, process.pid)
                    entrances[f"{name}, gRPC"] = Entrance("grpc", other, process.pid)
            worst = max(agree(entrances, request) for request in requests.values())
            seen = pauses()
            rows = {
                str(size): under_load(entrances, request)
                for size, request in requests.items()
            }
        starts = {
            name: round(statistics.median(start(of) for _ in range(STARTS)), 3)
            for name, of in every.items()
            if name != "with access log"
        }
    measure.record(
        "serving",
        {
            "features": model.features,
            "connections": CONNECTIONS,
            "largest_difference": worst,
            "load_average_before": round(load_average, 2),
            "pauses": seen,
            "rows": rows,
            "ready_s": starts,
        },
    )


if __name__ == "__main__":
    main()
