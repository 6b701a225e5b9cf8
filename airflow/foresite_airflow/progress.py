"""A line on the terminal for each task that ends, fed by Airflow's own listener."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from airflow.listeners import hookimpl


class TaskLines:
    """Listens to the tasks of this process."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.started = time.monotonic()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        self.started = time.monotonic()

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        # Tasks that only connect stages are of no use to a person.
        if hasattr(task_instance.task, "stage"):
            self.say(f"  {self.line(task_instance)}")

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self.say(f"  {self.line(task_instance)}  failed: {error}")

    def line(self, task_instance: Any) -> str:
        index, task = task_instance.map_index, task_instance.task
        # The one task of `telecom_stage` says what it runs rather than that it runs.
        name = f"{task.stage} {task.step}" if task.task_id == "run" else task.task_id
        if index is not None and index >= 0:
            name = f"{name}[{index}]"
        return f"{name:<32}{time.monotonic() - self.started:8.1f} s"
