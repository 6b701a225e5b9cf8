"""What may go wrong with Airflow's own parts while stages run, and that nothing is lost by it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.airflow import FINISHED, Airflow
from live.commands import images, wait_for
from live.conftest import Story
from live.faults import is_alive, kill, stage_process
from live.hours import cells, nothing_twice
from live.kube import kubectl, pod_name, stage_pods
from live.landing import stamp
from live.runs import PATIENCE, PIPELINE, STAGE, TRAINING_TASK, by_hand
from live.site import Site
from live.tables import Tables


@pytest.fixture(autouse=True)
def unpaused(story: Story, airflow: Airflow) -> None:
    airflow.pause(STAGE, paused=False)


def test_the_scheduler_is_killed(site: Site, training: str, airflow: Airflow, tables: Tables) -> None:
    run_id = airflow.trigger(PIPELINE, {**site.landing.hour(5), "as_of": stamp(site.known_at(5))})
    stage_process("validate", seconds=PATIENCE)
    kubectl("delete", "pod", pod_name("airflow-scheduler"), "--grace-period=0", "--force")
    airflow.succeed(PIPELINE, run_id, PATIENCE)
    assert cells(tables, site, 5) == cells(tables, site, 2)
    nothing_twice(site, tables)


def test_a_deferred_task_is_not_lost_with_the_scheduler(site: Site, training: str, airflow: Airflow) -> None:
    """Its pod is watched by the triggerer, so the try that began goes to its end."""
    with scheduler_with("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE=true"):
        run_id = by_hand(airflow, "train", site.landing.history, task="anomaly", force=True)
        airflow.wait_task(STAGE, run_id, TRAINING_TASK, {"deferred"}, PATIENCE)
        process = stage_process("train", seconds=PATIENCE)
        kubectl("delete", "pod", pod_name("airflow-scheduler"), "--grace-period=0", "--force")
        assert is_alive(process), "the stage ended before the scheduler did"
        assert airflow.wait(STAGE, run_id, PATIENCE) == "success"
    assert airflow.tasks(STAGE, run_id)[TRAINING_TASK]["try_number"] == 1


def test_a_stage_rolls_out_alone(site: Site, training: str, airflow: Airflow, tables: Tables) -> None:
    """A run that began before ends with the image that it began with; the next one has the new one."""
    images("tag", "--force", "docker.io/foresite/derive:dev", "docker.io/foresite/derive-next:dev")
    before = airflow.trigger(PIPELINE, {**site.landing.hour(6), "as_of": stamp(site.known_at(6))})
    stage_process("ingest", seconds=PATIENCE)
    with scheduler_with('FORESITE_STAGE_IMAGES={"derive": "derive-next"}'):
        assert images_of_derive(airflow, before) == {"foresite/derive:dev"}
        after = airflow.trigger(PIPELINE, {**site.landing.hour(7), "as_of": stamp(site.known_at(7))})
        assert images_of_derive(airflow, after) == {"foresite/derive-next:dev"}
    assert cells(tables, site, 6) == cells(tables, site, 7) == cells(tables, site, 2)
    nothing_twice(site, tables)


@contextlib.contextmanager
def scheduler_with(variable: str) -> Iterator[None]:
    """Rolls out the scheduler, which runs the tasks, with one more variable."""
    deployment = "deployment/airflow-scheduler"

    def roll_out(change: str) -> None:
        kubectl("set", "env", deployment, change)
        kubectl("rollout", "status", "--timeout=300s", deployment, limit=320)

    roll_out(variable)
    try:
        yield
    finally:
        roll_out(f"{variable.partition('=')[0]}-")


def images_of_derive(airflow: Airflow, run_id: str) -> set[str]:
    """Images of the pods of derive that a run starts until its end, which is a good one."""
    seen: set[str] = set()

    def look() -> str | None:
        for pod in stage_pods(stage="derive"):
            container = pod["spec"]["containers"][0]
            if run_id in container["args"]:
                seen.add(container["image"])
        state = str(airflow.run(PIPELINE, run_id)["state"])
        return state if state in FINISHED else None

    assert wait_for(f"the end of {run_id}", PATIENCE, look) == "success", airflow.tasks(PIPELINE, run_id)
    return seen


def test_sigterm_to_a_task_process_is_never_success(site: Site, airflow: Airflow, tables: Tables) -> None:
    run_id = by_hand(airflow, "train", site.landing.history, task="anomaly", force=True)
    stage_process("train", seconds=PATIENCE)
    assert kill_task_process(airflow, run_id)
    first = airflow.wait_task(STAGE, run_id, TRAINING_TASK, {"up_for_retry", "failed", "success", "queued"}, PATIENCE)
    assert first["state"] != "success"
    assert airflow.wait(STAGE, run_id, PATIENCE) == "success"
    assert airflow.tasks(STAGE, run_id)[TRAINING_TASK]["try_number"] == 2


def kill_task_process(airflow: Airflow, run_id: str) -> bool:
    """SIGTERM to the process that follows the pod; a task's process forks from its supervisor."""
    task = airflow.tasks(STAGE, run_id)[TRAINING_TASK]
    return kill(host_process(int(task["pid"])), signal.SIGTERM)


def host_process(inside: int) -> int:
    """The number on this machine of a process that has this number in the scheduler's container."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "status").read_text()
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            numbers = next(row for row in status.splitlines() if row.startswith("NSpid:")).split()[1:]
            if len(numbers) > 2 and numbers[-1] == str(inside) and b"airflow" in line:
                return int(folder.name)
    raise LookupError(f"no process {inside} in the scheduler")
