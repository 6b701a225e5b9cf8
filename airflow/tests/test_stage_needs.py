"""What a stage needs reaches its tasks and its pods, and the page about it says the same."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from foresite_airflow import stage_needs
from foresite_airflow.environment import FOLDER
from foresite_airflow.vocabulary import STAGES
from tests.harness import Stages

TEMPLATES = FOLDER.parent / "k8s" / "base" / "pods"


@pytest.fixture
def cluster_dags(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The DAGs as a cluster runs them."""
    from airflow.dag_processing.dagbag import DagBag

    pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")
    monkeypatch.setenv("FORESITE_BACKEND", "kubernetes")
    monkeypatch.setenv("FORESITE_POD_TEMPLATES", str(TEMPLATES))
    monkeypatch.setenv("FORESITE_EXPORT", "true")
    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    assert not bag.import_errors
    return dict(bag.dags)


def stage_of(task: Any) -> str | None:
    """The stage of a task, mapped or not; none for a Python task."""
    stage = task.partial_kwargs.get("stage") if task.is_mapped else getattr(task, "stage", None)
    return str(stage) if stage else None


def test_every_stage_has_needs() -> None:
    assert set(stage_needs.stages()) == set(STAGES)


def test_the_page_says_what_the_data_says() -> None:
    page = FOLDER.parent / "docs" / "reference" / "stage_needs.md"
    assert page.read_text() == stage_needs.page(), "differs from stage_needs.json, run `make docs`"


def test_a_task_has_the_pool_and_the_time_limit_of_its_stage(cluster_dags: dict[str, Any]) -> None:
    seen = set()
    for dag in cluster_dags.values():
        for task in dag.tasks:
            stage = stage_of(task)
            if stage is None or stage not in STAGES:
                continue
            needs = stage_needs.stages()[stage]
            assert (task.pool, task.execution_timeout) == (needs.pool, needs.time_limit), f"{dag.dag_id}.{task.task_id}"
            seen.add(stage)
    assert seen == set(STAGES) - {"simulate"}


def test_a_stage_that_is_known_only_at_run_time_gets_the_longest_limit(cluster_dags: dict[str, Any]) -> None:
    tasks = [task for task in cluster_dags["telecom_stage"].tasks if task.task_id.startswith("run")]
    assert {task.task_id: task.pool for task in tasks} == {
        "run": "foresite_hdfs_writers",
        "run_on_gpu": "foresite_gpu",
        "run_unpooled": "default_pool",
    }
    assert {task.execution_timeout for task in tasks} == {timedelta(hours=6)}


@pytest.mark.parametrize(
    ("stage", "profile", "task_id"),
    [
        ("derive", None, "run"),
        ("train", None, "run_on_gpu"),
        ("evaluate", None, "run_unpooled"),
        ("evaluate", "gpu", "run_on_gpu"),
        ("promote", "cpu-large", "run_unpooled"),
        ("featurize", "gpu", "run_on_gpu"),
    ],
)
def test_the_form_takes_a_slot_of_the_pool_of_what_it_asks_for(
    run_pod: Any, stages: Stages, stage: str, profile: str | None, task_id: str
) -> None:
    run = run_pod(conf={"stage": stage, "task": "anomaly", "profile": profile})
    assert run.states(task_id) == ["success"]
    others = {"run", "run_on_gpu", "run_unpooled"} - {task_id}
    assert {run.of(other).state for other in others} == {"skipped"}
    assert len(stages.calls(stage)) == 1


def test_another_profile_takes_a_slot_of_its_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")
    monkeypatch.setenv("FORESITE_BACKEND", "kubernetes")
    monkeypatch.setenv("FORESITE_STAGE_PROFILES", json.dumps({"evaluate": "gpu", "predict": "gpu"}))
    dags = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags
    assert dags["telecom_model_training"].get_task("anomaly.evaluate").pool == "foresite_gpu"
    # A mapped task is scheduled before it is made.
    assert dags["telecom_inference"].get_task("predict_anomaly").pool == "foresite_gpu"
    assert dags["telecom_data_pipeline"].get_task("derive").pool == "foresite_hdfs_writers"


def test_one_machine_has_no_pools(dags: dict[str, Any]) -> None:
    """Nobody makes them there, and a task of a missing pool would wait for ever."""
    assert {task.pool for dag in dags.values() for task in dag.tasks} == {"default_pool"}


def test_the_pools_can_be_imported_and_are_all_that_tasks_name(
    cluster_dags: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.cli.commands.pool_command import pool_import_helper
    from airflow.models.pool import Pool

    assert stage_needs.main(["pools"]) == 0
    (tmp_path / "pools.json").write_text(capsys.readouterr().out)
    _, failed = pool_import_helper(str(tmp_path / "pools.json"))  # type: ignore[no-untyped-call]
    assert failed == []
    made = {str(pool.pool): pool.slots for pool in Pool.get_pools()}
    assert {task.pool for dag in cluster_dags.values() for task in dag.tasks} <= set(made)
    assert made["foresite_gpu"] == stage_needs.pools()["foresite_gpu"].slots


def pod_of(dags: dict[str, Any], stage: str, profile: str | None = None) -> dict[str, Any]:
    """The pod that the operator would make for a stage from its template."""
    from kubernetes.client import ApiClient

    task = dags["telecom_stage"].get_task("run")
    task.stage, task.profile = stage, profile
    task.image, task.name, task.namespace = "foresite/derive@sha256:0", f"foresite-{stage}", "foresite"
    task.pod_template_file = str(TEMPLATES / f"{stage}.yaml")
    pod = task.build_pod_request_obj(dry_run=True)
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return made


@pytest.mark.parametrize("stage", STAGES)
def test_the_pod_of_a_stage_is_its_template_with_the_pinned_image(cluster_dags: dict[str, Any], stage: str) -> None:
    template = yaml.safe_load((TEMPLATES / f"{stage}.yaml").read_text())
    made, wanted = pod_of(cluster_dags, stage)["spec"], template["spec"]
    ours, theirs = made["containers"][0], wanted["containers"][0]
    assert ours["image"] == "foresite/derive@sha256:0"
    for field in ("resources", "securityContext", "envFrom", "terminationMessagePolicy"):
        assert ours[field] == theirs[field], field
    for field in ("env", "volumeMounts"):
        assert [each for each in theirs[field] if each not in ours[field]] == [], field
    for field in ("serviceAccountName", "securityContext", "priorityClassName", "affinity", "enableServiceLinks"):
        assert made[field] == wanted[field], field
    assert made["automountServiceAccountToken"] is False
    assert made["terminationGracePeriodSeconds"] == 60
    assert [volume for volume in wanted["volumes"] if volume not in made["volumes"]] == []


def test_another_profile_brings_its_resources_and_its_nodes(cluster_dags: dict[str, Any]) -> None:
    spec = pod_of(cluster_dags, "train", "gpu")["spec"]
    profile = stage_needs.profile("gpu")
    assert spec["containers"][0]["resources"] == {"requests": dict(profile.requests), "limits": dict(profile.limits)}
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["nodeSelector"] == dict(profile.node_labels)
    assert spec["tolerations"] == list(profile.tolerations)


def test_the_environment_gives_a_stage_another_profile(
    cluster_dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESITE_STAGE_PROFILES", json.dumps({"train": "cpu-small"}))
    small = dict(stage_needs.profile("cpu-small").limits)
    assert pod_of(cluster_dags, "train")["spec"]["containers"][0]["resources"]["limits"] == small
    large = dict(stage_needs.profile("cpu-large").limits)
    assert pod_of(cluster_dags, "evaluate")["spec"]["containers"][0]["resources"]["limits"] == large


def test_an_unknown_profile_fails_at_once(cluster_dags: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="profile huge: expected cpu-small, cpu-large, gpu"):
        pod_of(cluster_dags, "train", "huge")
