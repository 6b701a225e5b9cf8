"""An Airflow of its own for every test session, and stand-ins for the stage binaries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.environment import one_machine
from foresite_airflow.session import impatience
from tests import harness
from tests.fake_cluster import Cluster, cluster
from tests.harness import FORM, NOON, Run, Stages
from tests.stand_in_console import Console, running

# Airflow reads its settings while it is imported, so they are made here and not in a fixture.
HOME = Path(tempfile.mkdtemp(prefix="foresite-airflow-"))
os.environ.update(one_machine(HOME))
os.environ.update({"FORESITE_BACKEND": "local", "FORESITE_RETRY_DELAY_SECONDS": "0"})


@pytest.fixture(scope="session", autouse=True)
def database() -> Iterator[None]:
    """The metadata database; removed with its home at the end."""
    from airflow.utils.db import initdb

    initdb()
    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Puts back the handler that a task run in this process leaves behind."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Every stage binary replaced by a stand-in, and a small folder of configurations."""
    from foresite_airflow.vocabulary import STAGES

    made = Stages(tmp_path)
    made.install(STAGES)
    for stage in STAGES:
        (tmp_path / "configs" / stage).mkdir(parents=True)
        (tmp_path / "configs" / stage / "default.json").write_text(json.dumps({"stage": stage}))
    monkeypatch.setenv("STAND_IN_FOLDER", str(tmp_path))
    monkeypatch.setenv("FORESITE_BIN_DIR", str(made.binaries))
    monkeypatch.setenv("FORESITE_CONFIG_DIR", str(tmp_path / "configs"))
    monkeypatch.setenv("FORESITE_DATA_ROOT", made.data_root.as_uri())
    return made


@pytest.fixture(scope="module")
def airflow(database: None) -> Iterator[Any]:
    """Airflow's API server, its DAGs in the database; who asks must say who it is."""
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from fastapi.testclient import TestClient

    manager: Any = DagBundlesManager
    manager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(), "dags-folder", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of these tests only: " + 64 * "x")
        with TestClient(create_app("core"), base_url="http://localhost:8080") as client:
            yield client


@pytest.fixture
def bearer() -> Any:
    """The header that says who asks, for a role."""
    return harness.bearer


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    """The DAGs of this folder by id."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    assert not bag.import_errors
    return dict(bag.dags)


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What the tasks failed with, try by try: the text that stands last in their logs."""
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    seen: list[str] = []

    class Listener:
        @hookimpl
        def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
            seen.append(str(error))

    listener, manager = Listener(), get_listener_manager()
    manager.add_listener(listener)  # type: ignore[no-untyped-call]
    yield seen
    manager.pm.unregister(listener)


@pytest.fixture
def run_dag() -> Any:
    """Runs a DAG to its end in this process; read anew, for a DAG object keeps the params of its last run."""
    from airflow.dag_processing.dagbag import DagBag

    def run(dag_id: str, logical_date: datetime, conf: dict[str, Any] | None = None) -> Run:
        bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        dag: Any = bag.dags[dag_id]
        with impatience():
            return Run(dag.test(logical_date=logical_date, run_conf=conf or {}))

    return run


@pytest.fixture
def fake(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with cluster(stages.binaries) as server:
        kubeconfig = stages.folder / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig())
        extra = {"kube_config_path": str(kubeconfig), "namespace": "foresite"}
        connection = json.dumps({"conn_type": "kubernetes", "extra": extra})
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
        monkeypatch.setenv("FORESITE_BACKEND", "kubernetes")
        yield server


@pytest.fixture
def run_pod(fake: Cluster, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `telecom_stage` on the Kubernetes back end."""
    from airflow.dag_processing.dagbag import DagBag

    def run(tag: str = "1.0", deferrable: bool = False, conf: dict[str, Any] | None = None, **attributes: Any) -> Run:
        monkeypatch.setenv("FORESITE_IMAGE_TAG", tag)
        monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", str(deferrable))
        bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        dag: Any = bag.dags["telecom_stage"]
        quick = {"startup_check_interval_seconds": 0.1, "poll_interval": 0.1, "deferrable": deferrable}
        for task in [task for task_id, task in dag.task_dict.items() if task_id.startswith("run")]:
            for name, value in {**quick, **attributes}.items():
                setattr(task, name, value)
        with impatience():
            return Run(dag.test(logical_date=NOON, run_conf={**FORM, **(conf or {})}))

    return run


@pytest.fixture
def client(airflow: Any) -> Iterator[Any]:
    """A browser that nobody has logged in with."""
    airflow.cookies.clear()
    yield airflow
    airflow.cookies.clear()


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """A stand-in for the console, where the pages look for it."""
    with running(Console()) as made:
        monkeypatch.setenv("FORESITE_CONSOLE_URL", made.url)
        yield made
