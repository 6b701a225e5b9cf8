"""Mapped tasks that build on each other: each waits for those before it, their retries included."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk.exceptions import AirflowRescheduleException

#: States that a task does not leave by itself.
FINAL = ("success", "failed", "skipped", "upstream_failed", "removed")


def wait_for_earlier(task_instance: Any, pause: timedelta) -> None:
    """Comes back after a pause while an instance with a lower index may still run.

    `max_active_tis_per_dagrun` does not see to that: one that waits for its next try is not active, and
    those after it overtake it.
    """
    task_id, run_id = task_instance.task_id, task_instance.run_id
    found = task_instance.get_task_states(dag_id=task_instance.dag_id, task_ids=[task_id], run_ids=[run_id])
    states = found.get(run_id, {})
    earlier = (states.get(f"{task_id}_{index}", "removed") for index in range(task_instance.map_index))
    if not all(state in FINAL for state in earlier):
        raise AirflowRescheduleException(datetime.now(timezone.utc) + pause)  # type: ignore[no-untyped-call]
