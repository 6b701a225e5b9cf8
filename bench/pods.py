"""What a pod costs beyond its process: by StagePodOperator, and by the stock operator with and without a result.

Brings up the test cluster unless it is up, puts the image of one small stage there, and lets an Airflow of its
own make the same call in turn by each operator (`pods/dag.py`): ours, the stock one with its sidecar that hands
on the result, and the stock one without any result. Measured is what Airflow notes, from the start of a task
until its end is known; beside it, the process alone on this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import measure

sys.path[:0] = [str(measure.ROOT / "airflow"), str(measure.ROOT / "tests")]

from foresite_airflow.environment import one_machine  # noqa: E402
from images import engine  # noqa: E402

CLUSTER = measure.ROOT / "tests" / "cluster" / "cluster"
NAMESPACE = "foresite-bench"
STAGE = "simulate"
# Inside the history, which is only written as a whole: the stage looks, and has nothing to do.
HOUR = ("--interval-start=2026-02-02T00:00:00Z", "--interval-end=2026-02-02T01:00:00Z")
TIMES = measure.scaled(10)
KINDS = ("ours", "sidecar", "no_result")


def cluster(*arguments: str, text: str | None = None) -> str:
    call = [str(CLUSTER), *arguments]
    done = subprocess.run(
        call, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(call)}: {(done.stderr or done.stdout)[-600:]}")
    return done.stdout.strip()


@contextmanager
def namespace(folder: Path, config: str) -> Iterator[None]:
    """A namespace with the configuration in the cluster, which knows the image."""
    status = subprocess.run([CLUSTER, "status"], capture_output=True, check=False)
    is_guest = status.returncode == 0
    if not is_guest:
        cluster("up")
    try:
        saved = str(folder / "image.tar")
        engine.docker("save", "--output", saved, engine.image(STAGE))
        cluster("load-image", saved)
        name = {"name": "foresite-config-bench", "namespace": NAMESPACE}
        objects = [
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": NAMESPACE},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": name,
                "data": {f"{STAGE}.default.json": config},
            },
        ]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        cluster("kubectl", "apply", "--filename", "-", text=listed)
        yield
    finally:
        if is_guest:
            cluster("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
        else:
            cluster("down")


def small() -> str:
    """A network of two sites."""
    config = json.loads((measure.SAMPLES / STAGE / "default.json").read_text())
    config |= {"start": "2026-02-01T00:00:00Z", "end": "2026-02-03T00:00:00Z"}
    config |= {"hourly_days": 1, "xml_days": 1, "truth_days": 1}
    for region in config["regions"]:
        region["sites"] = 1
    return json.dumps(config)


def alone(folder: Path, config: str) -> list[float]:
    """Seconds of the process by itself, each on a folder of its own."""
    path = folder / "simulate.json"
    path.write_text(config)
    program = measure.BINARIES / f"foresite-{STAGE}"
    taken = []
    for turn in range(TIMES):
        root = folder / f"alone-{turn}"
        root.mkdir()
        call: list[str | os.PathLike[str]] = [program, "--config", path]
        call += ["--data-root", root.as_uri(), *HOUR, "--result", root / "result.json"]
        taken.append(measure.run(call)["wall_s"])
    return taken


def pods(folder: Path) -> dict[str, list[float]]:
    """Seconds of every task, by the operator that ran it."""
    extra = {
        "kube_config_path": cluster("kubeconfig"),
        "namespace": NAMESPACE,
        "xcom_sidecar_container_image": engine.image(STAGE),
    }
    os.environ |= {
        **one_machine(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(measure.ROOT / "bench" / "pods"),
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(
            {"conn_type": "kubernetes", "extra": extra}
        ),
        "FORESITE_BACKEND": "kubernetes",
        "FORESITE_NAMESPACE": NAMESPACE,
        "FORESITE_DATA_ROOT": "file:///tmp",
        "BENCH_STAGE": STAGE,
        "BENCH_IMAGE": engine.image(STAGE),
        "BENCH_TIMES": str(TIMES),
    }
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if bag.import_errors:
        raise SystemExit(str(bag.import_errors))
    dag: Any = bag.dags["bench_pods"]
    run = dag.test(logical_date=datetime(2026, 2, 2, 1, tzinfo=timezone.utc))
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for instance in run.get_task_instances():
        kind = instance.task_id.rpartition("_")[0]
        if kind not in taken:
            continue
        if str(instance.state) != "success":
            raise SystemExit(f"{instance.task_id}: {instance.state}")
        taken[kind].append((instance.end_date - instance.start_date).total_seconds())
    return taken


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="foresite-bench-pods-"))
    try:
        config = small()
        with namespace(folder, config):
            taken = {"process": alone(folder, config), **pods(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    bare = statistics.median(taken["process"])
    results = {
        kind: {
            "median_s": round(statistics.median(seconds), 2),
            "least_s": round(min(seconds), 2),
            "most_s": round(max(seconds), 2),
            "overhead_s": round(statistics.median(seconds) - bare, 2),
        }
        for kind, seconds in taken.items()
    }
    measure.record("pods", results)


if __name__ == "__main__":
    main()
