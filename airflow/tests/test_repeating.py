"""Repeating the past: clearing an hour, a backfill, an hour that comes late.

Runs are made and cleared by Airflow's own API, as its UI and its command line do it.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.exits import TRANSIENT
from foresite_airflow.session import impatience
from tests.harness import Run, Stages, work_off

PIPELINE, INFERENCE = "telecom_data_pipeline", "telecom_inference"
HOUR = timedelta(hours=1)
PROGRAM = Path(os.environ.get("FORESITE_BIN_DIR", "target/debug")) / "foresite-advise"


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def touched(start: datetime) -> dict[str, Any]:
    """What the commit of an hour leaves to recompute: that hour."""
    slot = {"table": "pm_counters", "source": "pm", "bucket": 0, "start": stamp(start), "end": stamp(start + HOUR)}
    return {"stale_slots": [slot]}


def spans(calls: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(c["flags"]["interval-start"], c["flags"]["interval-end"], c["flags"]["as-of"]) for c in calls]


def announced() -> list[dict[str, Any]]:
    """What the events of the asset carried so far, oldest first."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return [dict(event.extra) for event in session.scalars(select(AssetEvent).order_by(AssetEvent.id))]


@pytest.fixture
def post(airflow: Any, bearer: Any) -> Any:
    def send(path: str, **body: Any) -> Any:
        answer = airflow.post(f"/api/v2/{path}", json=body, headers=bearer("ADMIN"))
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    return send


@pytest.fixture
def three_hours(stages: Stages, run_dag: Any) -> list[Run]:
    """Three hours that the pipeline has taken in."""
    runs = []
    for hour in range(3):
        start = datetime(2026, 4, 1, 10 + hour, tzinfo=timezone.utc)
        stages.behave("ingest", numbers=touched(start))
        runs.append(run_dag(PIPELINE, start + HOUR + timedelta(minutes=30)))
    assert [run.state for run in runs] == ["success"] * 3
    return runs


def in_order(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of an hour; those of the three tasks at its end come in any order."""
    return [*calls[:-3], *sorted(calls[-3:], key=lambda call: str(call["flags"]["task"]))]


def ends(run: Run) -> list[Any]:
    return sorted((ti.task_id, ti.map_index, ti.try_number, str(ti.end_date)) for ti in run.instances)


def test_clearing_a_task_of_one_hour_repeats_what_follows_in_that_hour_and_no_more(
    stages: Stages, three_hours: list[Run], post: Any
) -> None:
    before, events = stages.calls(), announced()
    others = [ends(run) for run in (three_hours[0], three_hours[2])]
    run_id = three_hours[1].of("pin").run_id
    post(
        f"dags/{PIPELINE}/clearTaskInstances",
        dag_run_id=run_id,
        task_ids=["derive"],
        include_downstream=True,
        only_failed=False,
        dry_run=False,
    )
    with impatience():
        assert work_off(PIPELINE, run_id).state == "success"
    repeated = in_order(stages.calls()[len(before) :])
    assert [call["stage"] for call in repeated] == ["derive", "validate", "featurize", "featurize", "featurize"]
    assert set(spans(repeated)) == {("2026-04-01T11:00:00Z", "2026-04-01T12:00:00Z", "2026-04-01T12:30:00Z")}
    first = in_order([call for call in before if call["flags"]["run-id"] == run_id])
    assert [call["flags"] for call in repeated] == [
        {**call["flags"], "result": again["flags"]["result"]} for call, again in zip(first[-5:], repeated, strict=True)
    ]
    # The hour is announced again, as it was; its predictions follow.
    assert announced()[len(events) :] == [events[-2]]
    assert [ends(run) for run in (three_hours[0], three_hours[2])] == others


def test_clearing_pin_moves_one_hour_to_the_configuration_of_today(
    stages: Stages, three_hours: list[Run], post: Any
) -> None:
    before = stages.calls()
    (stages.folder / "configs" / "derive" / "default.json").write_text(json.dumps({"stage": "derive", "new": True}))
    run_id = three_hours[1].of("pin").run_id
    post(f"dags/{PIPELINE}/dagRuns/{run_id}/clear", dry_run=False, only_failed=False)
    with impatience():
        assert work_off(PIPELINE, run_id).state == "success"
    first = [call for call in before if call["flags"]["run-id"] == run_id]
    again = stages.calls()[len(before) :]
    # What is stale is what `ingest` says today: in this test still the hour of the run before.
    assert spans(again)[0] == spans(first)[0]
    assert {call["flags"]["config"] for call in again}.isdisjoint(call["flags"]["config"] for call in first)


def test_a_backfill_takes_each_hour_as_its_schedule_would_have(
    stages: Stages, airflow: Any, post: Any, run_dag: Any
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType
    from sqlalchemy import select

    first = datetime(2026, 2, 3, 5, tzinfo=timezone.utc)
    made = post(
        "backfills",
        dag_id=PIPELINE,
        from_date=stamp(first),
        to_date=stamp(first + 2 * HOUR),
        max_active_runs=1,
        reprocess_behavior="none",
        run_backwards=False,
        dag_run_conf={},
    )
    with create_session() as session:
        query = select(DagRun).where(DagRun.backfill_id == made["id"]).order_by(DagRun.logical_date)
        runs: list[Any] = list(session.scalars(query))
        found = [(run.run_id, DagRunType(run.run_type), run.data_interval_start) for run in runs]
    hours = [first + n * HOUR for n in range(3)]
    assert [(kind, start) for _, kind, start in found] == [(DagRunType.BACKFILL_JOB, hour) for hour in hours]
    events = announced()
    with impatience():
        for (run_id, _, _), start in zip(found, hours, strict=True):
            stages.behave("ingest", numbers=touched(start))
            assert work_off(PIPELINE, run_id).state == "success"
    wanted = [(stamp(start), stamp(start + HOUR), stamp(start + HOUR + timedelta(minutes=30))) for start in hours]
    by_hour = [{s for s in spans(stages.calls()) if s[0] == hour[0]} for hour in wanted]
    assert by_hour == [{hour} for hour in wanted], "as-of is what it was in its time, not today"
    told = announced()[len(events) :]
    assert [(extra["interval_start"], extra["interval_end"], extra["as_of"]) for extra in told] == wanted

    # The hours that gathered meanwhile are predicted in one run, in the order of the network's time.
    seen = len(stages.calls())
    with impatience():
        assert work_off(INFERENCE, inference_of(list(reversed(told)))).state == "success"
    predicted = [call for call in stages.calls()[seen:] if call["stage"] == "predict"]
    of = {name: spans(of_task(predicted, name)) for name in ("anomaly", "maintenance")}
    assert of["anomaly"] == wanted
    assert of["maintenance"] == wanted[:1], "6 o'clock only"


def test_an_hour_that_is_tried_again_is_not_overtaken(stages: Stages, three_hours: list[Run]) -> None:
    assert three_hours
    told = announced()[-3:]
    stages.behave("predict", exit=TRANSIENT, times=1)
    with impatience():
        run = work_off(INFERENCE, inference_of(told))
    assert run.state == "success"
    hours = [extra["interval_start"] for extra in told]
    predicted = [call["flags"]["interval-start"] for call in of_task(stages.calls("predict"), "anomaly")]
    assert predicted == [hours[0], *hours], "the second try of the first hour comes before the others"
    tries = [(ti.map_index, ti.try_number) for ti in run.instances if ti.task_id == "predict_anomaly"]
    assert sorted(tries) == [(0, 2), (1, 1), (2, 1)], "waiting is no try"


def of_task(calls: list[dict[str, Any]], task: str) -> list[dict[str, Any]]:
    return [call for call in calls if call["flags"]["task"] == task]


def inference_of(told: list[dict[str, Any]]) -> str:
    """A run of the inference that the scheduler would make of these events; its id."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    now = datetime.now(timezone.utc)
    with create_session() as session:
        found: Any = session.scalar(SerializedDagModel.latest_item_select_object(INFERENCE))  # type: ignore[no-untyped-call]
        assert found is not None
        run = found.dag.create_dagrun(
            run_id=f"asset__{now.isoformat()}",
            run_after=now,
            run_type=DagRunType.ASSET_TRIGGERED,
            triggered_by=DagRunTriggeredByType.ASSET,
            state=DagRunState.QUEUED,
            session=session,
        )
        asset = session.scalars(select(AssetModel).where(AssetModel.name == "foresite.features")).one()
        newest = session.scalars(select(AssetEvent).order_by(AssetEvent.id.desc()).limit(len(told)))
        assert sorted(dict(e.extra)["interval_end"] for e in newest.all()) == sorted(e["interval_end"] for e in told)
        events = session.scalars(select(AssetEvent).order_by(AssetEvent.id.desc()).limit(len(told))).all()
        assert {event.asset_id for event in events} == {asset.id}
        run.consumed_asset_events.extend(events)
        return str(run.run_id)


@pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built: run `make build`")
def test_an_hour_that_comes_late_reaches_no_worklist(stages: Stages, run_dag: Any) -> None:
    """One task's predictions of the next hour failed, its list is out all the same; then this hour is run."""
    advise = stages.binaries / "foresite-advise"
    advise.unlink()
    advise.symlink_to(PROGRAM.resolve())
    (stages.folder / "configs" / "advise" / "default.json").unlink()
    noon = datetime(2026, 4, 2, 12, tzinfo=timezone.utc)
    stages.behave("predict", exit=65, times=1)

    def window(start: datetime) -> dict[str, str]:
        return {"interval_start": stamp(start), "interval_end": stamp(start + HOUR)}

    newer = run_dag(INFERENCE, noon + HOUR, window(noon))
    assert newer.states("predict_anomaly") == ["failed"]
    assert newer.states("advise") == ["success"]
    reports = stages.data_root / "reports"
    published = {path.name: path.stat().st_mtime_ns for path in reports.iterdir()}
    assert set(published) == {"20260402T1300Z", "latest.html"}
    versions = list((stages.data_root / "tables" / "worklist" / "_delta_log").iterdir())

    late = run_dag(INFERENCE, noon, window(noon - HOUR))
    assert late.state == "success"
    assert late.states("predict_anomaly") == ["success"]
    result = late.of("advise").xcom_pull(task_ids="advise", map_indexes=0)
    assert result["verdict"] == "replay"
    assert {path.name: path.stat().st_mtime_ns for path in reports.iterdir()} == published
    assert list((stages.data_root / "tables" / "worklist" / "_delta_log").iterdir()) == versions
