"""How a pod may end, followed by a task that waits and by one that is deferred: what the task says of it.

The text is that of the task's own exception, which stands last in its log and in a notification.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from foresite_airflow.session import impatience
from tests.fake_cluster import Cluster
from tests.harness import Stages, terminate_when_called, work_off

pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")

BOTH = pytest.mark.parametrize("deferrable", [False, True], ids=["waiting", "deferred"])


@BOTH
@pytest.mark.parametrize("tag", ["collected", "vanishing"])
def test_a_pod_that_is_gone_before_its_result_was_read_is_no_success(
    run_pod: Any, stages: Stages, errors: list[str], deferrable: bool, tag: str
) -> None:
    """Upstream says `success` of one that a trigger saw end well (apache/airflow#66715)."""
    run = run_pod(tag=tag, deferrable=deferrable, retries=1)
    gone = "foresite-derive: its pod is gone and left no result: it was deleted, or its node was lost"
    if deferrable:
        assert run.states("run") == ["failed"]
        assert errors == [gone, gone]
        assert len(stages.calls("derive")) == 2
    elif run.states("run") == ["success"]:
        # Whoever waits may have read the result before the pod went.
        assert run.of("run").xcom_pull(task_ids="run")["status"] == "done"
    else:
        assert all(error == gone or "its pod ended well, but following it failed" in error for error in errors)


@BOTH
@pytest.mark.parametrize("code", [-9, 0])
def test_out_of_memory_is_named_whatever_the_log_says(
    run_pod: Any, stages: Stages, errors: list[str], deferrable: bool, code: int
) -> None:
    """The last lines of the log take the place of the termination message, and of the reason with it."""
    stages.behave("derive", exit=code, result=code == 0, lines=["INFO read rows=3", "INFO writing"])
    assert run_pod(tag="oom", deferrable=deferrable).states("run") == ["failed"]
    assert errors[0].startswith("foresite-derive: exit 137: OOMKilled: out of memory")
    assert len(stages.calls("derive")) == 2


@BOTH
def test_an_eviction_is_named_and_is_not_taken_for_memory(
    run_pod: Any, stages: Stages, errors: list[str], deferrable: bool
) -> None:
    stages.behave("derive", sleep=30, lines=["INFO spooling"])
    assert run_pod(tag="evicted", deferrable=deferrable).states("run") == ["failed"]
    assert errors[0] == (
        "foresite-derive: exit 137: Evicted: Pod ephemeral local storage usage exceeds the total limit of "
        "containers 8Gi.: INFO spooling"
    )
    assert len(errors) == 2


@BOTH
def test_an_eviction_before_the_start_is_named(run_pod: Any, errors: list[str], deferrable: bool) -> None:
    assert run_pod(tag="evicted-early", deferrable=deferrable, retries=0).states("run") == ["failed"]
    assert errors == [
        "foresite-derive: its pod did not start: Evicted: Pod ephemeral local storage usage exceeds the total limit "
        "of containers 8Gi."
    ]


@BOTH
def test_an_image_that_is_missing_is_named(run_pod: Any, errors: list[str], deferrable: bool) -> None:
    assert run_pod(tag="missing", deferrable=deferrable, retries=0).states("run") == ["failed"]
    assert errors == [
        'foresite-derive: its pod did not start: ImagePullBackOff: Back-off pulling image "foresite/derive:missing": '
        "not found"
    ]


@BOTH
def test_a_pod_that_no_node_takes_says_why(run_pod: Any, errors: list[str], deferrable: bool) -> None:
    run = run_pod(tag="unschedulable", deferrable=deferrable, retries=0, schedule_timeout_seconds=1)
    assert run.states("run") == ["failed"]
    assert errors[0].startswith(
        "foresite-derive: its pod did not start: Unschedulable: 0/1 nodes are available: 1 Insufficient memory."
    )
    assert "More than 1s" in errors[0]


@BOTH
def test_a_stage_past_its_time_limit_is_stopped_and_says_so(
    run_pod: Any, fake: Cluster, stages: Stages, errors: list[str], deferrable: bool
) -> None:
    stages.behave("derive", sleep=60)
    run = run_pod(deferrable=deferrable, execution_timeout=timedelta(seconds=7), retries=0)
    assert run.states("run") == ["failed"]
    assert errors == ["foresite-derive: timed out: it was stopped at its limit of 7 s"]
    assert fake.deleted == [pod["metadata"]["name"] for pod in fake.created]


@BOTH
def test_a_failed_stage_has_the_tries_of_the_exit_table(
    run_pod: Any, stages: Stages, errors: list[str], deferrable: bool
) -> None:
    stages.behave("derive", exit=65, lines=["ERROR table `kpis` damaged"])
    assert run_pod(deferrable=deferrable).states("run") == ["failed"]
    assert errors == ["foresite-derive: exit 65: bad data: ERROR table `kpis` damaged"]


@BOTH
def test_a_quota_that_is_used_up_is_named(run_pod: Any, fake: Cluster, errors: list[str], deferrable: bool) -> None:
    fake.refusals = [(403, 'pods "foresite-derive" is forbidden: exceeded quota: foresite')]
    assert run_pod(deferrable=deferrable, retries=0).states("run") == ["failed"]
    assert errors == [
        'foresite-derive: the Kubernetes API server answered 403: pods "foresite-derive" is forbidden: '
        "exceeded quota: foresite"
    ]


def test_a_pod_that_the_api_server_finds_wrong_is_not_tried_again(
    run_pod: Any, fake: Cluster, errors: list[str]
) -> None:
    fake.refusals = [(422, "spec.containers[0].resources: Invalid value")]
    assert run_pod().states("run") == ["failed"]
    assert len(errors) == 1
    assert "answered 422: spec.containers[0].resources: Invalid value" in errors[0]


def test_an_api_server_that_is_away_for_a_moment_harms_nothing(run_pod: Any, fake: Cluster, stages: Stages) -> None:
    stages.behave("derive", sleep=1)
    fake.outages = [(503, "etcd leader changed")] * 3
    assert run_pod().states("run") == ["success"]
    assert len(stages.calls("derive")) == 1


def test_a_deferred_pod_whose_task_is_marked_failed_is_deleted(run_pod: Any, fake: Cluster, stages: Stages) -> None:
    """The triggerer tells the trigger of it; nobody comes back to the task."""
    from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger

    triggers: list[Any] = []

    async def killed(self: Any) -> Any:
        while not stages.calls("derive"):
            await asyncio.sleep(0.05)
        triggers.append(self)
        await self.on_kill()
        raise RuntimeError("the trigger was cancelled")
        yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KubernetesPodTrigger, "run", killed)
        stages.behave("derive", sleep=60)
        run = run_pod(deferrable=True, retries=0)
    assert run.states("run") != ["success"]
    assert len(triggers) == 1
    assert fake.deleted == [fake.created[0]["metadata"]["name"]]


def test_sigterm_while_a_deferred_task_reads_its_end_is_never_a_success(
    run_pod: Any, stages: Stages, errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from foresite_airflow.operators.kubernetes import StagePodOperator

    read = StagePodOperator._write_logs

    def killed(self: Any, *args: Any, **kwargs: Any) -> None:
        self.on_kill()
        read(self, *args, **kwargs)

    monkeypatch.setattr(StagePodOperator, "_write_logs", killed)
    assert run_pod(deferrable=True, retries=0).states("run") == ["failed"]
    assert errors == ["foresite-derive: exit 143: stopped: killed before it finished"]


@BOTH
def test_lines_reach_the_task_log_at_their_level(
    run_pod: Any, stages: Stages, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager

    from foresite_airflow.operators.kubernetes import StagePodOperator

    seen: list[tuple[int, str]] = []

    class Log:
        def log(self, level: int, message: str, *args: Any, **_: Any) -> None:
            seen.append((level, message % args if args else message))

        def silent(self, *_: Any, **__: Any) -> None:
            """What is not of the stage."""

        debug = info = warning = error = exception = silent

        def getEffectiveLevel(self) -> int:
            return logging.INFO

    monkeypatch.setattr(StagePodOperator, "log", Log())
    monkeypatch.setattr(PodManager, "log", Log())
    stages.behave("derive", lines=["INFO read rows=3", "WARN 100% null", "ERROR table `kpis` odd", "  at main.rs"])
    assert run_pod(deferrable=deferrable).states("run") == ["success"]
    assert seen == [(20, "read rows=3"), (30, "100% null"), (40, "table `kpis` odd"), (20, "  at main.rs")]


RUNNER = """
import os
from airflow.dag_processing.dagbag import DagBag
from tests.harness import FORM, NOON
DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["telecom_stage"].test(logical_date=NOON, run_conf=FORM)
"""


def as_the_scheduler_finds_it() -> str:
    """Sets a task whose process is gone up for another try, as the scheduler does when it hears nothing more of it."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        instance: Any = session.scalars(select(TaskInstance).where(TaskInstance.state == "running")).one()
        instance.state, instance.end_date = "up_for_retry", datetime.now(timezone.utc) - timedelta(hours=1)
        return str(instance.run_id)


def test_a_task_whose_process_was_killed_takes_up_its_pod_again(
    fake: Cluster, stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foresite_airflow.operators.kubernetes import StagePodOperator

    go_on = stages.folder / "go-on"
    stages.behave("derive", until=str(go_on))
    first = subprocess.Popen([sys.executable, "-c", RUNNER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not stages.calls("derive") and time.monotonic() < deadline:
        time.sleep(0.1)
    first.kill()
    first.wait()
    assert len(fake.created) == 1

    def await_pod_start(self: Any, pod: Any) -> None:
        """By now the pod is either taken up or a second one was made."""
        go_on.touch()

    monkeypatch.setattr(StagePodOperator, "await_pod_start", await_pod_start)
    with impatience():
        run = work_off("telecom_stage", as_the_scheduler_finds_it())
    assert run.states("run") == ["success"]
    assert run.of("run").try_number == 2
    assert len(fake.created) == len(stages.calls("derive")) == 1, "a second pod was made"


def test_sigterm_to_a_waiting_task_names_the_kill(run_pod: Any, stages: Stages, errors: list[str]) -> None:
    stages.behave("derive", sleep=30, exit_on_term=0)
    sender = terminate_when_called(stages, "derive", times=1)
    assert run_pod(retries=0).states("run") == ["failed"]
    sender.join()
    assert errors == ["foresite-derive: exit 143: stopped: killed before it finished"]
