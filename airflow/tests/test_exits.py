"""The exit table: one row, one fate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness import FORM, NOON, Stages


@pytest.mark.parametrize(
    ("code", "tries"),
    [(2, 1), (65, 1), (66, 1), (73, 1), (75, 5), (1, 2), (101, 2), (-6, 2), (137, 2), (-9, 2), (-11, 2), (143, 2)],
)
def test_exit_code_decides_the_number_of_tries(stages: Stages, run_dag: Any, code: int, tries: int) -> None:
    stages.behave("derive", exit=code)
    run = run_dag("telecom_stage", NOON, FORM)
    assert run.state == "failed"
    assert run.states("run") == ["failed"]
    assert len(stages.calls("derive")) == tries


def test_a_transient_exit_is_mended_by_the_next_try(stages: Stages, run_dag: Any) -> None:
    stages.behave("derive", exit=75, times=2)
    run = run_dag("telecom_stage", NOON, FORM)
    assert run.state == "success"
    assert len(stages.calls("derive")) == 3


def test_tries_are_counted_from_the_last_clearing(stages: Stages, run_dag: Any) -> None:
    stages.behave("derive", exit=101)
    run_dag("telecom_stage", NOON, FORM)
    run_dag("telecom_stage", NOON, FORM)  # the same run, cleared and run again
    assert len(stages.calls("derive")) == 4


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (66, "input root or table missing"),
        (137, "killed, often for memory"),
        (129, "ended by signal 1"),
        (42, "unknown"),
    ],
)
def test_the_message_says_what_the_code_means(code: int, words: str) -> None:
    from foresite_airflow.exits import failure

    assert words in str(failure("derive", code, 1))
