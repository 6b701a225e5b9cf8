"""
### The simulated network writes its closed hour

**What** Continues the simulated network: the files of the hour that just ended appear in the landing
folder, as a real network would send them. Only on the local back end, so that a laptop shows a living network.

**Inputs** The simulation's own seed and configuration.

**Outputs** `<data-root>/landing`, and the truth, which only `evaluate` and `advise --step hindsight` read.

**Triage** 73: the disk is full; `telecom_maintenance` or a smaller network helps.

**Owner** the person at the laptop
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator

if settings.backend() == "local":
    Stage = stage_operator()

    with DAG(
        "telecom_simulator",
        schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
        start_date=settings.start_date(),
        catchup=settings.catch_up(),
        max_active_runs=1,
        default_args=task_defaults(),
        params=interval_form(),
        doc_md=__doc__,
        tags=TAGS,
    ):
        tasks.pin_run() >> Stage(task_id="simulate", stage="simulate")
