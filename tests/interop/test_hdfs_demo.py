"""All DAGs of `make demo` with their data on `hdfs://`, judged by deltalake and Hadoop's own client.

Runs where a cluster is announced: `tests/hdfs/hdfs-cluster run -- pytest interop/test_hdfs_demo.py`.
"""

from __future__ import annotations

import os
import subprocess
import uuid

import pytest
from deltalake import DeltaTable

from interop.pipeline import REPOSITORY

# What each DAG leaves.
TABLES = {
    "telecom_data_pipeline": (
        "ingest_ledger",
        "pm_counters",
        "alarms",
        "tickets",
        "inventory",
        "topology_edges",
        "objects",
        "quality",
        "kpis",
        "kpi_groups",
        "profiles",
        "features_anomaly",
    ),
    "telecom_model_training": (
        "samples_anomaly",
        "samples_maintenance",
        "samples_capacity",
        "evaluations",
        "registry_events",
    ),
    "telecom_inference": (
        "predictions_anomaly",
        "predictions_maintenance",
        "predictions_capacity",
        "incidents",
        "worklist",
    ),
    "telecom_monitoring": ("drift", "performance"),
}
pytestmark = pytest.mark.skipif(
    "HDFS_URI" not in os.environ, reason="no cluster: tests/hdfs/hdfs-cluster run -- COMMAND"
)


def demo(root: str) -> str:
    """What the demo says."""
    python = REPOSITORY / ".foresite" / "venv" / "bin" / "python"
    run = subprocess.run(
        [str(python), "-m", "foresite_airflow.demo"],
        cwd=REPOSITORY / "airflow",
        env={**os.environ, "FORESITE_DEMO_ROOT": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout
    return run.stdout


def listed(folder: str) -> list[str]:
    """Files below a folder, as Hadoop's client sees them."""
    control = [os.environ["FORESITE_TEST_HDFS"], "dfs", "-ls", "-R", folder]
    lines = subprocess.run(control, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split()[-1] for line in lines if line.startswith("-")]


def test_all_dags_run_with_their_data_on_hdfs() -> None:
    path = f"/user/foresite/{uuid.uuid4()}"
    root = os.environ["HDFS_URI"] + path
    said = demo(root).splitlines()
    for dag, names in TABLES.items():
        for name in names:
            rows = DeltaTable(f"{root}/tables/{name}").to_pyarrow_dataset().count_rows()
            assert rows, f"{name} of {dag}"
    files = listed(path)
    for name in ("report: ", "monitor: "):
        page = next(line.removeprefix(name) for line in said if line.startswith(name))
        assert page.startswith(f"{root}/reports/")
        assert page.removeprefix(os.environ["HDFS_URI"]) in files
    keys = [file for file in files if file.endswith(".pem")]
    assert keys
    assert not [file for file in keys if "/private/" in file], "a private key has no place on HDFS"
    assert not [file for file in files if "/.tmp-" in file], "nothing is left half-written"
