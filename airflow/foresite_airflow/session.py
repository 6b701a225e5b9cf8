"""DAG runs in this process, one after the other, with a line for each task: the demo's engine.

Airflow's own words go to a log file; what a person reads goes to the terminal.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from unittest.mock import patch

from foresite_airflow.result import Result

#: Results of the instances of each task of a run, in order.
Results = dict[str, list[Result]]


class RunError(Exception):
    """A DAG run did not end well; `results` are those of the tasks that did."""

    def __init__(self, text: str, results: Results | None = None) -> None:
        super().__init__(text)
        self.results: Results = results or {}


class Session:
    """An Airflow in this process, whose home the environment names already.

    Airflow reads the environment while it is imported, so its imports stand inside.
    """

    def __init__(self, home: Path) -> None:
        assert "airflow" not in sys.modules, "Airflow was imported before its home was named"
        home.mkdir(parents=True, exist_ok=True)
        self.log_path = home / "session.log"
        self.terminal = detach(self.log_path)
        signal.signal(signal.SIGINT, self.stop)
        from airflow.sdk.listener import get_listener_manager
        from airflow.utils.db import initdb

        from foresite_airflow.progress import TaskLines

        initdb()
        get_listener_manager().add_listener(TaskLines(self.say))  # type: ignore[no-untyped-call]

    def say(self, text: str = "") -> None:
        print(text, file=self.terminal, flush=True)

    def stop(self, *_: Any) -> None:
        """Ends at once on Ctrl-C, and the kernel ends the running stage with us (`pdeathsig`).

        An exception would not do: Airflow would take it for a failure of the task and try again.
        """
        self.say("stopped")
        os._exit(128 + signal.SIGINT)

    def run(self, dag_id: str, logical_date: datetime, conf: dict[str, Any] | None = None) -> Results:
        """Runs a DAG to its end; returns what its tasks handed on. Raises `RunError`."""
        from airflow.dag_processing.dagbag import DagBag

        # Read anew for each run: a DAG object keeps the params of the run before.
        bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        if bag.import_errors:
            raise RunError(f"the DAG folder does not load: {bag.import_errors}")
        dag: Any = bag.dags[dag_id]
        with impatience():
            dag_run = dag.test(logical_date=logical_date, run_conf=conf or {})
        instances = sorted(dag_run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index))
        if not instances:
            # Airflow calls such a run a success.
            raise RunError(f"{dag_id}: no task ran: {logical_date} lies before FORESITE_START_DATE")
        results = {ti.task_id: results_of(ti, instances) for ti in instances}
        if str(dag_run.state) != "success":
            red = [ti.task_id for ti in instances if str(ti.state) == "failed"]
            raise RunError(f"{dag_id}: {', '.join(red) or dag_run.state}: read {self.log_path}", results)
        return results


@contextmanager
def impatience() -> Iterator[None]:
    """Cuts the second that `dag.test` sleeps between two looks at the tasks."""
    patient = time.sleep
    with patch("time.sleep", lambda seconds: patient(min(seconds, 0.05))):
        yield


def results_of(instance: Any, instances: list[Any]) -> list[Result]:
    """The results of all mapped instances of a task."""
    indexes = [ti.map_index for ti in instances if ti.task_id == instance.task_id and str(ti.state) == "success"]
    pulled = [instance.xcom_pull(task_ids=instance.task_id, map_indexes=index) for index in indexes]
    return [value for value in pulled if isinstance(value, dict)]


def detach(log_path: Path) -> TextIO:
    """Sends this process's output to a file; returns the terminal that was its output."""
    sys.stdout.flush()
    terminal = os.fdopen(os.dup(1), "w")
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return terminal
