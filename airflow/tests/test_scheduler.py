"""The chain of DAGs under a real scheduler: an hour closes, its worklist is made, and lineage is told."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from foresite_airflow.clock import rfc3339
from foresite_airflow.environment import one_machine
from tests.harness import Stages, alive
from tests.receiver import receiving

LIMIT_SECONDS = 240
CHAIN = ("telecom_simulator", "telecom_data_pipeline", "telecom_inference")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_airflow(home: Path, environment: dict[str, str]) -> Iterator[None]:
    """Scheduler, DAG processor and API server: what an hourly chain needs."""
    program = Path(sys.executable).with_name("airflow")
    subprocess.run([program, "db", "migrate"], env=environment, check=True, capture_output=True)
    processes = []
    with (home / "airflow.log").open("ab") as log:
        for part in ("api-server", "dag-processor", "scheduler"):
            call = [str(program), part]
            processes.append(
                subprocess.Popen(call, env=environment, stdout=log, stderr=log, start_new_session=True),
            )
    try:
        yield
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def runs(home: Path, dag_id: str) -> list[tuple[str, str]]:
    """Type and state of a DAG's runs, oldest first."""
    query = "SELECT run_type, state FROM dag_run WHERE dag_id = ? ORDER BY id"
    try:
        with closing(sqlite3.connect(f"file:{home}/airflow.db?mode=ro", uri=True, timeout=20)) as database:
            return list(database.execute(query, (dag_id,)))
    except sqlite3.OperationalError:
        return []  # not made yet


def test_a_closed_hour_becomes_a_worklist(stages: Stages, tmp_path: Path) -> None:
    hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    home = tmp_path / "airflow"
    home.mkdir()
    environment: dict[str, Any] = {
        **os.environ,
        **one_machine(home, free_port()),
        "FORESITE_START_DATE": rfc3339(hour),
        "FORESITE_CATCH_UP": "true",
        "FORESITE_LATENESS_MINUTES": "0",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
    }
    deadline = time.monotonic() + LIMIT_SECONDS
    with receiving() as receiver, running_airflow(home, {**environment, "OPENLINEAGE_URL": receiver.url}):
        while ("asset_triggered", "success") not in runs(home, "telecom_inference"):
            failed = [dag_id for dag_id in CHAIN if "failed" in {state for _, state in runs(home, dag_id)}]
            assert not failed, f"read {home}/logs"
            assert time.monotonic() < deadline, f"no worklist after {LIMIT_SECONDS} s: read {home}/airflow.log"
            time.sleep(0.5)
        # The last task tells of itself after its state is known.
        while not receiver.completed("telecom_inference.predict_anomaly") and time.monotonic() < deadline:
            time.sleep(0.1)
    assert ("scheduled", "success") in runs(home, "telecom_simulator")
    assert ("scheduled", "success") in runs(home, "telecom_data_pipeline")
    # The three models predict side by side, in no order.
    predicted = next(call["flags"] for call in stages.calls("predict") if call["flags"]["task"] == "anomaly")
    assert predicted["interval-start"] == rfc3339(hour)
    assert predicted["as-of"] == predicted["interval-end"] == rfc3339(hour + timedelta(hours=1))
    assert not any(alive(call["pid"]) for call in stages.calls())
    (told,) = receiver.completed("telecom_inference.predict_anomaly")
    root = stages.data_root
    assert [one["name"] for one in told["inputs"]] == [f"{root}/tables/s"]
    assert [(one["name"], one["facets"]["version"]["datasetVersion"]) for one in told["outputs"]] == [
        (f"{root}/tables/t", "1"),
    ]
    assert told["run"]["facets"]["foresite"]["lineage_id"] == "l1"
