"""Runs that another Airflow has had, once more in this process, on the local back end: for `tests/cluster`.

    python -m tests.replay HOME <runs.json

The runs are a JSON list of `{"dag_id", "conf"}`; the environment says where the data are.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.clock import parse_time
from foresite_airflow.environment import one_machine
from foresite_airflow.session import RunError, Session


def main(home: Path) -> int:
    os.environ.update(one_machine(home / "airflow"))
    runs = json.load(sys.stdin)
    session = Session(home / "airflow")
    for number, run in enumerate(runs):
        conf = {name: value for name, value in run["conf"].items() if value is not None}
        session.say(f"{run['dag_id']} {conf}")
        # A run is named by its moment, and a name is taken once.
        moment = parse_time(conf["interval_end"]) + settings.lateness() + timedelta(seconds=number)
        try:
            session.run(run["dag_id"], moment, conf)
        except RunError as failed:
            session.say(f"replay: {failed}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
