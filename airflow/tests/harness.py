"""What the tests hold in their hands: stand-ins for the stages, and the end of a DAG run."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
FORM = {"stage": "derive", "interval_start": "2026-03-01T11:00:00Z", "interval_end": "2026-03-01T12:00:00Z"}
STAND_IN = Path(__file__).with_name("stand_in.py")


class Stages:
    """Stand-ins for the stage binaries, their behaviour, and the calls that they received."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binaries = folder / "bin"
        self.data_root = folder / "data"
        self.binaries.mkdir()
        self.data_root.mkdir()

    def install(self, names: tuple[str, ...]) -> None:
        script = f"#!{sys.executable} -S\n{STAND_IN.read_text()}"
        for name in names:
            program = self.binaries / f"foresite-{name}"
            program.write_text(script)
            program.chmod(0o755)

    def behave(self, stage: str, **behaviour: Any) -> None:
        """Says how a stage acts from now on; see `stand_in.py` for the words."""
        path = self.folder / "behaviour.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, stage: behaviour}))

    def calls(self, stage: str | None = None) -> list[dict[str, Any]]:
        """The calls so far, in order: `stage`, `flags` and `pid`."""
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [call for call in found if stage in {None, call["stage"]}]


class Run:
    """The end of a DAG run."""

    def __init__(self, dag_run: Any) -> None:
        self.state = str(dag_run.state)
        self.instances = dag_run.get_task_instances()

    def of(self, task_id: str) -> Any:
        """The instance of a task that is not mapped."""
        return next(instance for instance in self.instances if instance.task_id == task_id)

    def states(self, task_id: str) -> list[str]:
        """The states of a task's instances, mapped ones in order."""
        found = sorted((ti for ti in self.instances if ti.task_id == task_id), key=lambda ti: ti.map_index)
        return [str(ti.state) for ti in found]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def terminate_when_called(stages: Stages, stage: str, times: int) -> threading.Thread:
    """Sends SIGTERM to this process, as the supervisor does to a task, whenever the stage runs."""

    def send() -> None:
        for call in range(times):
            while len(stages.calls(stage)) <= call:
                time.sleep(0.02)
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def token(role: str, lasts: timedelta = timedelta(hours=1)) -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=f"{role.lower()}-kim", role=role, teams=None)
    return get_auth_manager().generate_jwt(user, expiration_time_in_seconds=int(lasts.total_seconds()))


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(role)}"}


def work_off(dag_id: str, run_id: str) -> Run:
    """Runs what is left of a run that Airflow made itself, as `dag.test` does for one of its own."""
    from airflow import settings
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.dagrun import DagRun
    from airflow.sdk.definitions.dag import _run_task
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.state import DagRunState, TaskInstanceState
    from sqlalchemy import select

    dag: Any = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags[dag_id]
    assert settings.Session is not None
    session = settings.Session()
    run: Any = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
    run.dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    run.state = DagRunState.RUNNING
    run.start_date = run.start_date or datetime.now(timezone.utc)
    session.commit()
    deadline = time.monotonic() + 240
    while run.state == DagRunState.RUNNING and time.monotonic() < deadline:
        session.expire_all()
        ready, _ = run.update_state(session=session)
        for instance in ready:
            if instance.state != TaskInstanceState.UP_FOR_RESCHEDULE:
                instance.try_number += 1
            instance.state = TaskInstanceState.SCHEDULED
        session.commit()
        for instance in [ti for ti in run.get_task_instances(session=session) if ti.state == "scheduled"]:
            _run_task(ti=instance, task=dag.task_dict[instance.task_id], run_triggerer=True)
    return Run(run)
