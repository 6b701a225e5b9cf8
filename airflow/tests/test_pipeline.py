"""Which stage runs when, and with what: intervals, as-of, shards, stale slots, cadences, verdicts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.harness import Stages

TAKEN_UP = datetime(2026, 3, 1, 13, 30, tzinfo=timezone.utc)
HOUR = {"interval-start": "2026-03-01T12:00:00Z", "interval-end": "2026-03-01T13:00:00Z"}
AS_OF = "2026-03-01T13:30:00Z"


def slot(start: str, end: str, bucket: int = 0) -> dict[str, Any]:
    return {"table": "pm_counters", "source": "pm", "bucket": bucket, "start": start, "end": end}


def test_a_run_for_an_hour_passes_exactly_that_hour(stages: Stages, run_dag: Any) -> None:
    assert run_dag("telecom_data_pipeline", TAKEN_UP).state == "success"
    assert stages.calls()
    for call in stages.calls():
        assert {name: call["flags"][name] for name in HOUR} == HOUR
        assert call["flags"]["as-of"] == AS_OF


def test_a_wide_interval_is_loaded_at_once_but_has_features_of_its_newest_hour(stages: Stages, run_dag: Any) -> None:
    wide = {"interval_start": "2026-01-01T00:00:00Z", "interval_end": "2026-03-01T00:00:00Z"}
    assert run_dag("telecom_data_pipeline", TAKEN_UP - timedelta(days=1), wide).state == "success"
    starts = {(c["stage"], c["flags"].get("step")): c["flags"]["interval-start"] for c in stages.calls()}
    assert starts["ingest", "plan"] == starts["featurize", "profiles"] == "2026-01-01T00:00:00Z"
    assert starts["featurize", None] == "2026-02-28T23:00:00Z"


def test_shards_and_stale_intervals_are_mapped(stages: Stages, run_dag: Any) -> None:
    early, late = ("2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z"), ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z")
    stages.behave("ingest", numbers={"stale_slots": [slot(*late), slot(*early), slot(*late, bucket=1)]})
    run = run_dag("telecom_data_pipeline", TAKEN_UP)
    assert run.state == "success"
    taken = [(call["flags"]["step"], call["flags"].get("shard")) for call in stages.calls("ingest")]
    assert taken[0] == ("plan", None)
    assert sorted(taken[1:3]) == [("shard", "0/2"), ("shard", "1/2")]
    assert taken[3] == ("commit", None)
    assert stages.calls("ingest")[3]["flags"]["plan"] == "p1"
    steps = [call["flags"].get("step") for call in stages.calls("validate")]
    assert sorted(steps, key=str) == [None, None, "reconcile", "reconcile"]
    for stage in ("validate", "derive"):
        spans = {(c["flags"]["interval-start"], c["flags"]["interval-end"]) for c in stages.calls(stage)}
        assert spans == {early, late}
        assert {call["flags"]["as-of"] for call in stages.calls(stage)} == {AS_OF}
    assert [c["stage"] for c in stages.calls()[4:]][:2] == ["validate", "validate"]


def test_an_hour_without_files_still_reaches_features(stages: Stages, run_dag: Any) -> None:
    stages.behave("ingest", numbers={"plan_id": "p1", "shards": 0, "stale_slots": []})
    run = run_dag("telecom_data_pipeline", TAKEN_UP)
    assert run.state == "success"
    assert run.states("ingest_shard") == ["skipped"]
    assert run.states("derive") == ["skipped"]
    assert {call["flags"]["task"] for call in stages.calls("featurize")} == {"anomaly", "maintenance", "capacity"}


@pytest.mark.parametrize(("hour", "profiles"), [(13, 0), (0, 1)])
def test_profiles_are_made_once_a_day(stages: Stages, run_dag: Any, hour: int, profiles: int) -> None:
    end = datetime(2026, 3, 2, hour, 30, tzinfo=timezone.utc)
    assert run_dag("telecom_data_pipeline", end).state == "success"
    assert sum(call["flags"].get("step") == "profiles" for call in stages.calls("featurize")) == profiles


def test_a_failed_derive_stops_the_features(stages: Stages, run_dag: Any) -> None:
    stages.behave("ingest", numbers={"stale_slots": [slot("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z")]})
    stages.behave("derive", exit=65)
    run = run_dag("telecom_data_pipeline", TAKEN_UP)
    assert run.state == "failed"
    assert not stages.calls("featurize")
    assert run.states("publish") == ["upstream_failed"]


@pytest.mark.parametrize(
    ("end", "made"),
    [(7, {"anomaly"}), (6, {"anomaly", "maintenance"}), (0, {"anomaly", "maintenance", "capacity"})],
)
def test_every_prediction_keeps_its_cadence(stages: Stages, run_dag: Any, end: int, made: set[str]) -> None:
    day = datetime(2026, 3, 2, end, tzinfo=timezone.utc)
    window = {"interval_start": (day - timedelta(hours=1)).isoformat(), "interval_end": day.isoformat()}
    assert run_dag("telecom_inference", day, window).state == "success"
    assert {call["flags"]["task"] for call in stages.calls("predict")} == made
    assert len(stages.calls("advise")) == 1


def test_a_failed_prediction_stops_only_itself(stages: Stages, run_dag: Any) -> None:
    stages.behave("predict", exit=65, times=1)
    day = datetime(2026, 3, 3, tzinfo=timezone.utc)
    window = {"interval_start": "2026-03-02T23:00:00Z", "interval_end": "2026-03-03T00:00:00Z"}
    run = run_dag("telecom_inference", day, window)
    assert run.state == "failed"
    assert run.states("done") == ["upstream_failed"]
    assert len(stages.calls("predict")) == 3
    assert len(stages.calls("advise")) == 1


@pytest.mark.parametrize(("asked", "exports"), [("true", 1), ("false", 0)])
def test_lists_are_exported_after_they_are_made_where_the_site_asks_for_it(
    stages: Stages, run_dag: Any, monkeypatch: pytest.MonkeyPatch, asked: str, exports: int
) -> None:
    monkeypatch.setenv("FORESITE_EXPORT", asked)
    day = datetime(2026, 3, 2, 7, tzinfo=timezone.utc)
    window = {"interval_start": "2026-03-02T06:00:00Z", "interval_end": "2026-03-02T07:00:00Z"}
    assert run_dag("telecom_inference", day, window).state == "success"
    made = [call["stage"] for call in stages.calls() if call["stage"] in {"advise", "export"}]
    assert made == ["advise", *["export"] * exports]


def test_a_failed_worklist_stops_no_export(stages: Stages, run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESITE_EXPORT", "true")
    stages.behave("advise", exit=65, times=1)
    day = datetime(2026, 3, 4, 7, tzinfo=timezone.utc)
    window = {"interval_start": "2026-03-04T06:00:00Z", "interval_end": "2026-03-04T07:00:00Z"}
    run = run_dag("telecom_inference", day, window)
    assert run.states("advise") == ["failed"]
    assert run.states("export") == ["success"]
    assert run.state == "failed"
    assert run.states("done") == ["upstream_failed"]


@pytest.mark.parametrize(("verdict", "promoted"), [("PASS", 3), ("INSUFFICIENT", 3), ("FAIL", 0)])
def test_the_verdict_decides_about_promotion(stages: Stages, run_dag: Any, verdict: str, promoted: int) -> None:
    stages.behave("evaluate", verdict=verdict)
    run = run_dag("telecom_model_training", datetime(2026, 3, 8, 3, tzinfo=timezone.utc))
    assert run.state == "success"
    assert len(stages.calls("promote")) == promoted
    assert stages.calls("train")[0]["flags"]["interval-end"] == "2026-03-08T03:00:00Z"
    assert stages.calls("train")[0]["flags"]["interval-start"] == "2023-11-29T03:00:00Z"
    for call in stages.calls("evaluate") + stages.calls("promote"):
        assert call["flags"]["model"] == f"model-of-{call['flags']['task']}"


def test_a_failed_training_stops_only_its_task(stages: Stages, run_dag: Any) -> None:
    stages.behave("train", exit=65, times=1)
    run = run_dag("telecom_model_training", datetime(2026, 3, 15, 3, tzinfo=timezone.utc))
    assert run.state == "failed"
    assert len(stages.calls("promote")) == 2


def test_a_training_of_one_task_leaves_the_others(stages: Stages, run_dag: Any) -> None:
    run = run_dag("telecom_model_training", datetime(2026, 3, 22, 3, tzinfo=timezone.utc), {"tasks": ["capacity"]})
    assert run.state == "success"
    assert {call["flags"]["task"] for call in stages.calls("promote")} == {"capacity"}
    assert {call["flags"].get("task") for call in stages.calls()} == {"capacity"}


@pytest.mark.parametrize("due", [[], ["anomaly", "capacity"]])
def test_the_daily_look_trains_what_it_decides_for(
    stages: Stages, run_dag: Any, airflow: Any, bearer: Any, due: list[str]
) -> None:
    stages.behave("monitor", numbers={"retrain": [*due, "own"]})
    day = datetime(2026, 3, 2 + len(due), 3, tzinfo=timezone.utc)
    run = run_dag("telecom_monitoring", day, {"ask": due})
    assert run.state == "success"
    steps = [(call["flags"]["step"], call["flags"].get("ask")) for call in stages.calls("monitor")]
    assert steps == [("measure", None), ("retrain", ",".join(due) or None)]
    assert run.states("train") == ["success" if due else "skipped"]
    answer = airflow.get("/api/v2/dags/telecom_model_training/dagRuns?order_by=-run_after", headers=bearer("ADMIN"))
    started = [found for found in answer.json()["dag_runs"] if found["dag_run_id"].startswith("retrain__")]
    asked = stages.calls("monitor")[1]["flags"]
    wanted = {"tasks": due, "interval_end": asked["interval-end"], "as_of": asked["as-of"]}
    assert [found["conf"] for found in started] == ([wanted] if due else [])


def test_a_promotion_by_hand_is_of_now_and_names_who_decided(stages: Stages, run_dag: Any) -> None:
    asked = {"task": "capacity", "action": "rollback", "reason": "worse in the north"}
    assert run_dag("telecom_model_promotion", TAKEN_UP, asked).state == "success"
    flags = stages.calls("promote")[0]["flags"]
    assert (flags["task"], flags["action"], flags["reason"]) == ("capacity", "rollback", "worse in the north")
    assert flags["as-of"] == flags["interval-end"] == "2026-03-01T13:30:00Z"
    assert flags["person"] == "dag_test"
    assert "model" not in flags
