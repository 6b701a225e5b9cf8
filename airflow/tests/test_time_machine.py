"""The time machine: which calls it makes, and what it makes of their verdicts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from foresite_airflow import mapping, time_machine
from foresite_airflow.session import Results, RunError
from tests.harness import Stages

TAKEN_UP = datetime(2026, 3, 1, 14, 0, 7, tzinfo=timezone.utc)
SPAN = {"interval_start": "2026-03-01T11:00:00Z", "interval_end": "2026-03-01T12:00:00Z"}
CALLS = {
    ("derive", None, None),
    *(("featurize", "features", task) for task in ("anomaly", "maintenance", "capacity")),
    *(("predict", None, task) for task in ("anomaly", "maintenance", "capacity")),
    ("advise", None, None),
}


def verdicts(stages: Stages, **of: str) -> None:
    for stage in ("derive", "featurize", "predict", "advise"):
        stages.behave(stage, verdict=of.get(stage, "equal"), numbers={"computations": 1, "kpis_rows": 5})


def test_everything_that_was_published_is_rebuilt_and_nothing_forced(stages: Stages, run_dag: Any) -> None:
    verdicts(stages, featurize="nothing_published")
    run = run_dag("telecom_time_machine", TAKEN_UP, SPAN)
    assert run.state == "success"
    flags = [(call["stage"], call["flags"]) for call in stages.calls()]
    assert {(stage, given.get("step"), given.get("task")) for stage, given in flags} == CALLS
    for stage, given in flags:
        assert given["rebuild"] == "true", stage
        assert "force" not in given
        assert (given["interval-start"], given["interval-end"]) == tuple(SPAN.values())


def test_a_difference_is_red_and_names_its_stage(stages: Stages, run_dag: Any, errors: list[str]) -> None:
    verdicts(stages, advise="different")
    run = run_dag("telecom_time_machine", TAKEN_UP.replace(second=8), SPAN)
    assert run.state == "failed"
    assert str(run.of("compare").state) == "failed"
    assert errors[-1].startswith("not as published: listed.advise: ")


def test_nobody_is_told(dags: dict[str, Any]) -> None:
    for task in dags["telecom_time_machine"].tasks:
        assert not task.on_failure_callback, task.task_id


def test_models_of_the_form_are_asked_and_judged_by_their_lists_and_nothing_is_rebuilt(
    stages: Stages, run_dag: Any
) -> None:
    models = {"anomaly": "a1b2", "capacity": "c3d4"}
    run = run_dag("telecom_time_machine", TAKEN_UP.replace(second=9), {**SPAN, "models": models})
    assert run.state == "success"
    predicted = [call["flags"] for call in stages.calls("predict")]
    assert {given["task"]: given["model"] for given in predicted} == models
    assert len(predicted) == 2
    (listed,) = [call["flags"] for call in stages.calls("advise")]
    assert listed["model"] == "anomaly=a1b2,capacity=c3d4"
    assert listed["replay"] == "2026-03-01T11:00:01Z 2026-03-01T12:00:00Z", (
        "the list at the start is another interval's"
    )
    for given in (*predicted, listed):
        assert "rebuild" not in given
        assert given["interval-end"] == SPAN["interval_end"]
    assert listed["interval-start"] == SPAN["interval_start"]
    day_before = {"2026-02-28T11:00:00Z"}
    assert {given["interval-start"] for given in predicted} == day_before, "alerts open in two hours at the earliest"
    assert {call["stage"] for call in stages.calls()} == {"predict", "advise"}
    assert str(run.of("compare").state) == "skipped"


def test_a_skipped_stage_has_no_verdict() -> None:
    assert mapping.rebuilt({"a": {"verdict": "equal"}, "b": None}) == {"a": "equal"}


def test_the_command_prints_a_line_for_each_stage() -> None:
    counts = {"computations": 3, "different": 1, "other_code": 0, "not_compared": 2}
    numbers = {**counts, "kpis_rows": 5, "kpi_groups_rows": 2}
    results: Results = {
        "known.derive": [{"verdict": "different", "numbers": numbers}],
        "compare": [{"derive": "different"}],
    }
    head, line = time_machine.told(results)
    assert head.split() == ["rebuilt", "verdict", *counts, "rows"]
    assert line.split() == ["known.derive", "different", "3", "1", "0", "2", "7"]


@pytest.mark.parametrize(("computations", "code"), [((0, 0), 1), ((0, 2), 0)])
def test_a_time_in_which_nothing_was_published_is_said_and_no_success(computations: tuple[int, ...], code: int) -> None:
    of_stages = {f"known.{at}": [{"numbers": {"computations": n}}] for at, n in enumerate(computations)}
    results: Results = {**of_stages, "pin": [{"interval_end": "2026-03-01T12:00:00Z"}], "compare": [{}]}
    lines, ended = time_machine.outcome(results, None, time_machine.asked(list(SPAN.values()))[0])
    assert ended == code
    said = "no stage published anything in 2026-03-01T11:00:00Z to 2026-03-01T12:00:00Z" in lines[-1]
    assert said == bool(code)


def test_a_difference_ends_the_command_with_its_words() -> None:
    failed = RunError("telecom_time_machine: compare")
    lines, ended = time_machine.outcome({}, failed, time_machine.asked(list(SPAN.values()))[0])
    assert (lines[-1], ended) == ("time machine: telecom_time_machine: compare", 1)


def test_the_command_prints_what_the_lists_of_a_model_named() -> None:
    results: Results = {
        "asked.predict_anomaly": [{"verdict": "replay", "numbers": {"statements": 12}}],
        "asked.advise": [{"verdict": "replay", "numbers": {"anomaly_stated_hits": None, "anomaly_model": "a1b2"}}],
        "compare": [],
    }
    lines, ended = time_machine.outcome(results, None, None)
    assert ended == 0, "nothing is to be compared"
    said = [line.split() for line in lines]
    assert said == [
        ["asked.predict_anomaly", "replay"],
        ["statements", "12"],
        ["asked.advise", "replay"],
        ["anomaly_model", "a1b2"],
        ["anomaly_stated_hits", "-"],
    ]


def test_models_are_named_by_task() -> None:
    span = list(SPAN.values())
    assert time_machine.asked(span)[1] == {}
    both = ["--model", "anomaly=a1b2", "--model", "capacity=c3d4"]
    assert time_machine.asked([*span, *both])[1] == {"anomaly": "a1b2", "capacity": "c3d4"}


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (["energy=a1b2"], "'energy=a1b2' is no TASK=ID"),
        (["anomaly="], "'anomaly=' is no TASK=ID"),
        (["anomaly=a1b2", "anomaly=c3d4"], "MODEL names a task twice"),
    ],
)
def test_a_model_that_is_none_is_named(models: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        time_machine.asked([*SPAN.values(), *(part for one in models for part in ("--model", one))])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("yesterday", "2026-03-01T12:00:00Z", "'yesterday' is no RFC 3339 time"),
        ("2026-03-01T12:00:00Z", "2026-03-01T11:00:00Z", "TO must come after FROM"),
        ("", "", "is no RFC 3339 time"),
    ],
)
def test_a_time_that_is_none_is_named(start: str, end: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        time_machine.main([start, end])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
