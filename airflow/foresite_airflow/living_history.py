"""The history of the living network, loaded before Airflow's UI starts: see `living.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.network import bring_to_life, simulated_history
from foresite_airflow.session import RunError, Session


def main(home: Path) -> int:
    session = Session(home / "airflow")
    try:
        bring_to_life(session, simulated_history(settings.configurations() / "simulate" / "default.json"))
    except RunError as failed:
        session.say(f"airflow: {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
