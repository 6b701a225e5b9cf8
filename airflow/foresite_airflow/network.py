"""A simulated network brought to life: its history written, loaded and learnt from."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.clock import parse_time, rfc3339
from foresite_airflow.session import Results, Session

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A half-open interval of the network's time."""

    start: datetime
    end: datetime

    @property
    def params(self) -> dict[str, str]:
        return {"interval_start": rfc3339(self.start), "interval_end": rfc3339(self.end)}

    @property
    def taken_up(self) -> datetime:
        """When a run by hand takes the span up.

        A second late on purpose: a run is named by its logical date, the schedule uses full hours,
        and a name that is taken stops the schedule without a word.
        """
        return self.end + settings.lateness() + timedelta(seconds=1)

    def __str__(self) -> str:
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"


def simulated_history(configuration: Path) -> Span:
    """The history that the simulator writes with this configuration."""
    program = settings.binaries() / "foresite-simulate"
    asked = [str(program), "--print-config", "--config", str(configuration)]
    printed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    effective = json.loads(printed)
    return Span(parse_time(effective["start"]), parse_time(effective["end"]))


def bring_to_life(session: Session, history: Span) -> Results:
    """Writes the history, loads it as one wide interval, trains a model per task; returns the training."""
    session.say(f"simulated network, history {history}")
    session.run("telecom_simulator", history.taken_up, history.params)
    session.say("telecom_data_pipeline, the history as one interval")
    session.run("telecom_data_pipeline", history.taken_up, history.params)
    session.say("telecom_model_training")
    return session.run("telecom_model_training", history.taken_up, history.params)
