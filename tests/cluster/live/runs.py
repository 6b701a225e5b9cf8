"""The DAGs, and what Airflow remembers of their runs."""

from __future__ import annotations

from typing import Any

from live.airflow import Airflow
from live.faults import killed_once

PIPELINE = "telecom_data_pipeline"
TRAINING = "telecom_model_training"
INFERENCE = "telecom_inference"
MONITORING = "telecom_monitoring"
PROMOTION = "telecom_model_promotion"
STAGE = "telecom_stage"
#: Where `telecom_stage` runs a training: it takes a slot of the pool for GPUs.
TRAINING_TASK = "run_on_gpu"
#: What one run of a DAG may take, retries included.
PATIENCE = 1200.0
PINNED = ("interval_start", "interval_end", "as_of")


def by_hand(airflow: Airflow, stage: str, interval: dict[str, str], **more: Any) -> str:
    """One stage, alone; the id of its run."""
    return airflow.trigger(STAGE, {"stage": stage, **interval, **more})


def outlives_its_death(airflow: Airflow, stage: str, interval: dict[str, str], **more: str) -> str:
    """Runs a stage whose first process is killed: its second try ends well. The run."""
    with killed_once(stage) as killed:
        run_id = by_hand(airflow, stage, interval, **more)
        assert airflow.wait(STAGE, run_id, PATIENCE) == "success"
    assert killed == {stage}
    tries = [task["try_number"] for task in airflow.tasks(STAGE, run_id).values()]
    assert [number for number in tries if number > 1] == [2]
    return run_id


def remembered(airflow: Airflow) -> list[dict[str, Any]]:
    """Every run that ended well and was not forced, in the order in which they began: DAG and parameters."""
    ended = [
        (run["start_date"], dag_id, run)
        for dag_id in (PIPELINE, TRAINING, INFERENCE, MONITORING, STAGE)
        for run in airflow.runs(dag_id)
        if run["state"] == "success"
    ]
    return [
        {"dag_id": dag_id, "conf": conf}
        for _, dag_id, run in sorted(ended, key=lambda found: (found[0], found[1]))
        for conf in parameters(airflow, dag_id, run)
    ]


def parameters(airflow: Airflow, dag_id: str, run: dict[str, Any]) -> list[dict[str, Any]]:
    """What would start a run by hand that does the same; one of several windows is several."""
    run_id = str(run["dag_run_id"])
    if dag_id == STAGE:
        given = dict(run["conf"] or {})
        return [] if given.get("force") else [{**given, "as_of": pinned(airflow, dag_id, run_id)["as_of"]}]
    if dag_id == INFERENCE:
        windows: Any = airflow.result(dag_id, run_id, "event_windows")
        return list(windows)
    return [pinned(airflow, dag_id, run_id)]


def pinned(airflow: Airflow, dag_id: str, run_id: str) -> dict[str, Any]:
    found = airflow.result(dag_id, run_id, "pin")
    return {name: found[name] for name in PINNED}
