"""How long the DAG folder takes to parse once Airflow is imported: `make bench`. Printed, never asserted."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from foresite_airflow.environment import one_machine

REPEATS = 10


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(one_machine(Path(home)))
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
        started = time.perf_counter()
        from airflow.dag_processing.dagbag import DagBag

        imported = time.perf_counter() - started
        seconds = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
            seconds.append(time.perf_counter() - started)
        print(f"import of Airflow: {imported:.2f} s")
        print(
            f"parse of {len(bag.dags)} DAGs: first {seconds[0]:.3f} s, then median {statistics.median(seconds):.3f} s"
        )


if __name__ == "__main__":
    main()
