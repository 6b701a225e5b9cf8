"""The DAG folder as the scheduler sees it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.environment import FOLDER

NAMES = {
    "telecom_data_pipeline",
    "telecom_inference",
    "telecom_maintenance",
    "telecom_model_promotion",
    "telecom_model_training",
    "telecom_monitoring",
    "telecom_simulator",
    "telecom_stage",
    "telecom_time_machine",
}
FILES = sorted((FOLDER / "dags").glob("*.py"))


def test_every_dag_loads(dags: dict[str, Any]) -> None:
    assert set(dags) == NAMES


def test_every_dag_survives_the_database(dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dags.values():
        read = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        assert read.task_ids == dag.task_ids
        assert (
            read.timetable.summary
            == DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).timetable.summary
        )


def test_every_dag_says_what_to_do_when_it_is_red(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for word in ("**What**", "nputs**", "utputs**", "**Triage**", "**Owner**"):
            assert word in (dag.doc_md or ""), f"{dag.dag_id} lacks {word}"


def test_every_task_has_the_tries_of_the_exit_table(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries == 4, f"{dag.dag_id}.{task.task_id}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_modern(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 100
    # ruff does not look into templates.
    assert not re.search(r"execution_date|prev_ds|next_ds|yesterday_ds|Variable\.get", text)


def test_maintenance_goes_through_its_steps_one_by_one(dags: dict[str, Any]) -> None:
    dag = dags["telecom_maintenance"]
    steps = ["seal-audit", "compact", "retention", "checkpoint", "vacuum"]
    checks = ["verify", "verify-audit"]
    assert [dag.get_task(step).step for step in steps + checks] == steps + checks
    assert {dag.get_task(step).stage for step in steps + checks} == {"maintain"}
    for before, after in zip(["pin", *steps], steps, strict=False):
        assert dag.get_task(after).upstream_task_ids == {before}
    for check in checks:
        assert dag.get_task(check).upstream_task_ids == {"vacuum"}, "a broken file keeps nobody from the audit"


def test_the_simulator_is_only_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")
    monkeypatch.setenv("FORESITE_BACKEND", "kubernetes")
    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    assert not bag.import_errors
    assert set(bag.dags) == NAMES - {"telecom_simulator"}


@pytest.mark.parametrize(
    ("backend", "name"),
    [("local", "LocalStageOperator"), ("docker", "DockerStageOperator"), ("kubernetes", "StagePodOperator")],
)
def test_a_back_end_has_its_operator(monkeypatch: pytest.MonkeyPatch, backend: str, name: str) -> None:
    from foresite_airflow.operators import stage_operator

    if backend == "kubernetes":
        pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")
    monkeypatch.setenv("FORESITE_BACKEND", backend)
    assert stage_operator().__name__ == name


def test_an_unknown_back_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from foresite_airflow.operators import stage_operator

    monkeypatch.setenv("FORESITE_BACKEND", "kubernets")
    with pytest.raises(ValueError, match="FORESITE_BACKEND=kubernets: expected local, docker, kubernetes"):
        stage_operator()
