"""What may go wrong with stages, and that nothing is lost by it, and nothing is there twice."""

from __future__ import annotations

import json
import time

import pytest

from live.airflow import FINISHED, Airflow
from live.commands import CLUSTER, run, wait_for
from live.conftest import TRAINING_STAGES, Story
from live.faults import (
    gone,
    is_alive,
    kill,
    killed_once,
    memory_limit_file,
    stage_process,
    without_image,
    without_nodes,
)
from live.hdfs import DATA_ROOT
from live.hours import cells, nothing_twice
from live.kube import is_running, kubectl, stage_pods
from live.landing import stamp
from live.runs import INFERENCE, PATIENCE, PIPELINE, STAGE, TRAINING, TRAINING_TASK, by_hand, outlives_its_death
from live.site import STATE, Site
from live.tables import Tables

#: Of the stages of an hour those with several tasks, whose pods are deleted as soon as they are seen.
DELETED = {"ingest", "featurize"}
#: The others may have ended before anybody has seen their pods run: their processes are killed.
KILLED = {"validate", "derive", "predict", "advise"}


@pytest.fixture(autouse=True)
def unpaused(story: Story, airflow: Airflow) -> None:
    airflow.pause(STAGE, paused=False)


def test_the_pod_of_each_stage_is_killed_once(site: Site, training: str, airflow: Airflow, tables: Tables) -> None:
    airflow.pause(INFERENCE, paused=False)
    hour = site.landing.hour(3)
    before = {run["dag_run_id"] for run in airflow.runs(INFERENCE)}
    run_id = airflow.trigger(PIPELINE, {**hour, "as_of": stamp(site.known_at(3))})
    deleted: dict[str, str] = {}

    def look() -> list[str] | None:
        for pod in stage_pods():
            labels = pod["metadata"]["labels"]
            stage = labels["foresite/stage"]
            task = f"{labels['dag_id']}.{labels['task_id']}.{labels.get('map_index', '')}"
            if is_running(pod) and stage in DELETED and task not in deleted:
                kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
                deleted[task] = stage
        ended = [run["dag_run_id"] for run in airflow.runs(INFERENCE) if run["dag_run_id"] not in before]
        done = [run for run in ended if airflow.run(INFERENCE, run)["state"] in FINISHED]
        state = airflow.run(PIPELINE, run_id)["state"]
        assert state != "failed", airflow.tasks(PIPELINE, run_id)
        return done if state == "success" and done else None

    with killed_once(*KILLED) as killed:
        inferred = wait_for("the hour and its predictions", PATIENCE, look)
    assert set(deleted.values()) == DELETED, deleted
    assert killed == KILLED
    assert airflow.run(INFERENCE, inferred[0])["state"] == "success", airflow.tasks(INFERENCE, inferred[0])
    assert cells(tables, site, 3) == cells(tables, site, 2)
    assert tables.count("predictions_anomaly", cutoff=site.known_at(3)) > 50
    nothing_twice(site, tables)


def test_a_training_outlives_the_death_of_each_of_its_stages(training: str, airflow: Airflow) -> None:
    assert json.loads((STATE / "killed.json").read_text()) == sorted(TRAINING_STAGES)
    tasks = airflow.tasks(TRAINING, training)
    again = {name.rpartition(".")[2]: task["try_number"] for name, task in tasks.items() if task["try_number"] > 1}
    # The step `samples` of featurize.
    assert again == {"samples": 2, "train": 2, "evaluate": 2, "promote": 2}


def test_a_pod_killed_between_commit_and_exit(site: Site, training: str, airflow: Airflow, tables: Tables) -> None:
    version = tables.version("kpis")
    run_id = airflow.trigger(PIPELINE, {**site.landing.hour(4), "as_of": stamp(site.known_at(4))})
    process = stage_process("derive", seconds=PATIENCE)
    while tables.version("kpis") == version:
        assert is_alive(process), "derive ended before its commit was seen"
    # It still has to report; the commit stands.
    assert kill(process), "derive had ended when its commit was seen"
    airflow.succeed(PIPELINE, run_id, PATIENCE)
    tasks = airflow.tasks(PIPELINE, run_id)
    assert [task["try_number"] for name, task in tasks.items() if name.startswith("derive[")] == [2]
    # The second try finds the KPIs there, and makes what should have followed them.
    repeated = {made["table"]: made["slots"] for made in airflow.result(PIPELINE, run_id, "derive", 0)["outputs"]}
    assert repeated["kpis"] == 0
    assert cells(tables, site, 4) == cells(tables, site, 2)
    reaches_predictions(site, airflow, tables, 4)
    nothing_twice(site, tables)


def reaches_predictions(site: Site, airflow: Airflow, tables: Tables, hour: int) -> None:
    cutoff = site.known_at(hour)
    wait_for(
        f"predictions of hour {hour}",
        PATIENCE,
        lambda: tables.count("predictions_anomaly", cutoff=cutoff) or None,
    )


def test_out_of_memory_is_named(site: Site, airflow: Airflow) -> None:
    run_id = by_hand(airflow, "train", site.landing.history, task="anomaly", force=True)
    process = stage_process("train", seconds=PATIENCE)
    limit = memory_limit_file(process)
    # The kernel refuses a limit below what it cannot reclaim, so lower it until the stage outgrows it.
    while is_alive(process):
        try:
            limit.write_text(str(24 << 20))
        except OSError:
            time.sleep(0.05)
    airflow.wait_task(
        STAGE, run_id, TRAINING_TASK, {"up_for_retry", "failed", "queued", "running", "success"}, PATIENCE
    )
    said = airflow_log(airflow, run_id, 1)
    assert "OOMKilled" in said
    assert "exit 137" in said
    assert airflow.wait(STAGE, run_id, PATIENCE) == "success"


def airflow_log(airflow: Airflow, run_id: str, attempt: int) -> str:
    """The log of a try, when it says how the stage ended; the state of its pod stands there before."""
    return wait_for(
        "the end of the stage in the log of the try",
        300,
        lambda: (
            found if "foresite-train: exit" in (found := airflow.log(STAGE, run_id, TRAINING_TASK, attempt)) else None
        ),
    )


def test_an_image_that_does_not_exist(site: Site, airflow: Airflow) -> None:
    with without_image("foresite/validate:dev"):
        run_id = by_hand(airflow, "validate", site.landing.hour(2))
        airflow.wait_task(STAGE, run_id, "run", {"up_for_retry"}, PATIENCE)
        said = airflow.log(STAGE, run_id, "run", 1)
        assert "foresite/validate:dev" in said
        assert "ImagePull" in said
    assert airflow.wait(STAGE, run_id, PATIENCE) == "success"


def test_an_unschedulable_pod(site: Site, airflow: Airflow) -> None:
    with without_nodes():
        run_id = by_hand(airflow, "validate", site.landing.hour(2))
        airflow.wait_task(STAGE, run_id, "run", {"up_for_retry"}, PATIENCE)
        assert "unschedulable" in airflow.log(STAGE, run_id, "run", 1).lower()
    assert airflow.wait(STAGE, run_id, PATIENCE) == "success"


def test_a_datanode_is_down(site: Site, airflow: Airflow, tables: Tables) -> None:
    site.hdfs.call("kill-datanode", "1")
    try:
        run_id = by_hand(airflow, "derive", site.landing.hour(2), force=True)
        assert airflow.wait(STAGE, run_id, PATIENCE) == "success"
    finally:
        site.hdfs.call("start-datanode", "1")
    assert len(cells(tables, site, 2)) > 50
    nothing_twice(site, tables)


def test_the_api_server_is_restarted(site: Site, airflow: Airflow) -> None:
    run_id = by_hand(airflow, "train", site.landing.history, task="anomaly", force=True)
    process = stage_process("train", seconds=PATIENCE)
    run(CLUSTER, "restart", "apiserver")
    assert is_alive(process), "the pod outlives the API server"
    assert airflow.wait(STAGE, run_id, PATIENCE) == "success"
    gone(process)


def test_a_look_at_data_and_models_outlives_the_death_of_its_pod(
    site: Site, training: str, airflow: Airflow, tables: Tables
) -> None:
    outlives_its_death(airflow, "monitor", site.last_whole_day, step="measure")
    assert "data" in tables.read("performance")["task"].to_pylist()


def test_an_export_outlives_the_death_of_its_pod(site: Site, training: str, airflow: Airflow) -> None:
    outlives_its_death(airflow, "export", {**site.landing.hour(2), "as_of": stamp(site.known_at(2))})
    manifests = site.hdfs.text(f"{DATA_ROOT}/exports/*/*/*/manifest.json").splitlines()
    assert [len(json.loads(manifest)["files"]) for manifest in manifests] == [4]


def test_every_file_is_whole_after_all_that(site: Site, airflow: Airflow) -> None:
    """By the stage that checks it, which is killed once, too."""
    run_id = outlives_its_death(airflow, "maintain", site.landing.hour(2), step="verify")
    assert airflow.result(STAGE, run_id, "run")["numbers"]["files"] > 100
