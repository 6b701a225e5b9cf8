"""Who is told of a failed task, and of which not."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseNotifier

from tests.harness import FORM, Stages

NOW = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
RECENT = {
    "stage": "derive",
    "interval_start": (NOW - timedelta(hours=3)).isoformat(),
    "interval_end": (NOW - timedelta(hours=2)).isoformat(),
}


class ToFile(BaseNotifier):
    """Writes what it is told to a file, as any notifier of a provider sends it somewhere."""

    template_fields = ("message",)

    def __init__(self, path: str, message: str) -> None:
        super().__init__()
        self.path = path
        self.message = message

    def notify(self, context: Any) -> None:
        with Path(self.path).open("a") as file:
            file.write(self.message + "\n")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "told"
    message = "{{ dag.dag_id }}.{{ ti.task_id }}: {{ exception }}"
    arguments = {"path": str(path), "message": message}
    asked = {"class": "tests.test_notify.ToFile", "arguments": arguments}
    monkeypatch.setenv("FORESITE_NOTIFY", json.dumps(asked))
    return path


def test_a_task_that_failed_for_good_is_told_once_with_its_cause(stages: Stages, run_dag: Any, told: Path) -> None:
    stages.behave("derive", exit=101, lines=["ERROR index out of bounds"])
    assert run_dag("telecom_stage", NOW, RECENT).states("run") == ["failed"]
    assert len(stages.calls("derive")) == 2
    assert told.read_text() == (
        "telecom_stage.run: foresite-derive: exit 101: panic: ERROR index out of bounds (try 2 of 2)\n"
    )


def test_a_failure_that_the_next_try_mends_tells_nobody(stages: Stages, run_dag: Any, told: Path) -> None:
    stages.behave("derive", exit=75, times=1)
    assert run_dag("telecom_stage", NOW + timedelta(seconds=1), RECENT).state == "success"
    assert not told.exists()


def test_a_replay_tells_nobody(stages: Stages, run_dag: Any, told: Path) -> None:
    stages.behave("derive", exit=65)
    assert run_dag("telecom_stage", NOW + timedelta(seconds=2), FORM).state == "failed"
    assert not told.exists()


def test_a_backfill_tells_nobody() -> None:
    from foresite_airflow.notify import is_replay

    class DagRun:
        run_type = "backfill"
        start_date = NOW

    assert is_replay({"dag_run": DagRun(), "params": {}, "data_interval_end": NOW})
    DagRun.run_type = "scheduled"
    assert not is_replay({"dag_run": DagRun(), "params": {}, "data_interval_end": NOW})


def test_nobody_is_told_by_default(dags: dict[str, Any]) -> None:
    assert not any(task.on_failure_callback for dag in dags.values() for task in dag.tasks)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smtp", "FORESITE_NOTIFY is not JSON"),
        ('{"arguments": {}}', "expected .*class"),
        ('{"class": "no.such.Notifier"}', "no.such.Notifier cannot be made: No module named"),
        ('{"class": "tests.test_notify.ToFile"}', "cannot be made: .*missing 2 required"),
    ],
)
def test_what_is_no_notifier_is_refused_while_the_dags_are_read(
    monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    from foresite_airflow.notify import failure_callbacks

    monkeypatch.setenv("FORESITE_NOTIFY", text)
    with pytest.raises(ValueError, match=words):
        failure_callbacks()
