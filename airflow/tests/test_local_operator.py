"""A stage as a local process: what is passed, what is read back, and how it is ended."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.harness import FORM, NOON, Stages, alive, terminate_when_called


def test_exit_0_without_a_result_is_a_failure(stages: Stages, run_dag: Any) -> None:
    stages.behave("derive", result=False)
    assert run_dag("telecom_stage", NOON, FORM).states("run") == ["failed"]


def test_a_missing_binary_fails_at_once_and_says_what_to_run(
    stages: Stages, run_dag: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (stages.binaries / "foresite-derive").unlink()
    run = run_dag("telecom_stage", NOON, FORM)
    assert run.states("run") == ["failed"]
    assert run.of("run").try_number == 1


@pytest.mark.parametrize("behaviour", [{"exit_on_term": 143}, {"exit_on_term": 0}])
def test_a_stage_stopped_by_sigterm_is_never_a_success(stages: Stages, run_dag: Any, behaviour: dict[str, int]) -> None:
    stages.behave("derive", sleep=30, **behaviour)
    sender = terminate_when_called(stages, "derive", times=2)
    run = run_dag("telecom_stage", NOON, FORM)
    sender.join()
    assert run.states("run") == ["failed"]
    assert len(stages.calls("derive")) == 2
    assert not any(alive(call["pid"]) for call in stages.calls("derive"))


def test_a_deaf_stage_is_killed_after_the_grace_time(
    stages: Stages, run_dag: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foresite_airflow.operators import local, process

    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    operator = local.LocalStageOperator(task_id="deaf", stage="derive")
    stages.behave("derive", sleep=30, deaf=True)
    killer = threading.Timer(1.0, operator.on_kill)
    killer.start()
    started = time.monotonic()
    code, _ = operator.follow([str(stages.binaries / "foresite-derive"), *command().arguments()])
    assert code == 137
    assert time.monotonic() - started < 10


def test_lines_reach_the_task_log_at_their_level(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    from foresite_airflow.operators.local import LocalStageOperator

    seen: list[tuple[int, str]] = []

    class Log:
        def log(self, level: int, message: str) -> None:
            seen.append((level, message))

    operator = LocalStageOperator(task_id="lines", stage="derive")
    monkeypatch.setattr(LocalStageOperator, "log", Log())
    for line in (
        "INFO read rows=3",
        "WARN 100% null channel=bler_dl",
        "ERROR table `kpis` missing",
        "  at src/main.rs",
    ):
        operator.relay(line)
    assert seen == [
        (20, "read rows=3"),
        (30, "100% null channel=bler_dl"),
        (40, "table `kpis` missing"),
        (20, "  at src/main.rs"),
    ]


def command() -> Any:
    from foresite_airflow.command import Command

    return Command(
        stage="derive",
        config="/c/derive/1.json",
        data_root="file:///d",
        interval_start="2026-03-01T11:00:00Z",
        interval_end="2026-03-01T12:00:00Z",
        as_of="2026-03-01T12:30:00Z",
        run_id="manual__1",
        force=True,
    )


def test_the_logged_command_is_one_that_a_shell_takes() -> None:
    assert command().rerun("/b/foresite-derive") == (
        "/b/foresite-derive --config /c/derive/1.json --data-root file:///d --interval-start 2026-03-01T11:00:00Z "
        "--interval-end 2026-03-01T12:00:00Z --as-of 2026-03-01T12:30:00Z --run-id manual__1 --force"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("interval_end", "noon"),
        ("interval_end", "9999-12-31T23:59:59Z"),
        ("interval_start", "0001-01-01T00:00:00+05:00"),
        ("interval_start", "2026-12-01T00:00:00Z"),
    ],
    ids=["no time", "too late", "too early", "empty interval"],
)
def test_an_interval_that_no_stage_can_run_for_is_refused(stages: Stages, run_dag: Any, name: str, text: str) -> None:
    run = run_dag("telecom_stage", datetime(2026, 3, 2, tzinfo=timezone.utc), {**FORM, name: text})
    assert run.states("pin") == ["failed"]
    assert run.of("pin").try_number == 1
    assert not stages.calls()
