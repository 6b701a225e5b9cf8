"""`make demo`: the main job from nothing to a worklist, in one process and a few minutes.

A simulated network of 20 sites writes its history and then three more hours; the same DAGs that run a
real network take them in, train, predict and rank. What is printed at the end is judged against the
simulator's truth.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.environment import one_machine
from foresite_airflow.network import HOUR, Span, bring_to_life, simulated_history
from foresite_airflow.session import Results, RunError, Session

LIVE_HOURS = 3


def main() -> int:
    home = settings.REPOSITORY / ".foresite" / "demo"
    data_root = home / "data"
    shutil.rmtree(home, ignore_errors=True)
    data_root.mkdir(parents=True)
    os.environ.update(
        {
            "FORESITE_BACKEND": "local",
            "FORESITE_DATA_ROOT": data_root.as_uri(),
            "FORESITE_CONFIG_PROFILE": "demo",
            **one_machine(home / "airflow"),
        }
    )
    started = time.monotonic()
    session = Session(home / "airflow")
    try:
        tell(session, data_root)
    except RunError as failed:
        session.say(f"demo: {failed}")
        return 1
    session.say(f"demo: {time.monotonic() - started:.0f} s, everything under {home}")
    return 0


def tell(session: Session, data_root: Path) -> None:
    """The story: a history, models, three hours, a worklist."""
    history = simulated_history(settings.configurations() / "simulate" / "demo.json")
    training = bring_to_life(session, history)
    report_models(session, training)
    runs = [inference(session, Span(history.end - HOUR, history.end))]
    for number in range(LIVE_HOURS):
        hour = Span(history.end + number * HOUR, history.end + (number + 1) * HOUR)
        session.say(f"hour {hour}")
        session.run("telecom_simulator", hour.end, hour.params)
        session.run("telecom_data_pipeline", hour.end + settings.lateness(), hour.params)
        runs.append(inference(session, hour))
    report_worklist(session, runs[-1])
    for report in sorted(data_root.glob("reports/**/*.html"))[-1:]:
        session.say(f"report: {report}")


def inference(session: Session, hour: Span) -> Results:
    return session.run("telecom_inference", hour.end + settings.lateness(), hour.params)


def report_models(session: Session, training: Results) -> None:
    """The verdict and the numbers that `evaluate` gave each model."""
    session.say("models")
    for task_id, results in training.items():
        for result in results:
            if task_id.endswith(".evaluate"):
                numbers = " ".join(f"{name}={value}" for name, value in result.get("numbers", {}).items())
                session.say(f"  {task_id.partition('.')[0]:<14}{result.get('verdict') or '':<14}{numbers}")


def report_worklist(session: Session, run: Results) -> None:
    """The numbers of the last worklist."""
    session.say("worklist")
    for result in run.get("advise", []):
        for name, value in result.get("numbers", {}).items():
            session.say(f"  {name:<32}{value}")


if __name__ == "__main__":
    sys.exit(main())
