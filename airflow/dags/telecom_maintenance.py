"""
### Nightly care of the tables

**What** Checkpoints the logs, compacts small files, removes what no reader needs any more, and applies
the retention of each table.

**Inputs** and **outputs** All tables; no row changes its meaning.

**Triage** 75: a writer was faster, the next night catches up. 73: free some disk first.

**Owner** platform operations
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator

Stage = stage_operator()

with DAG(
    "telecom_maintenance",
    schedule=CronDataIntervalTimetable("30 2 * * *", timezone="UTC"),
    start_date=settings.start_date(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    params=interval_form(),
    doc_md=__doc__,
    tags=TAGS,
):
    tasks.pin_run() >> Stage(task_id="maintain", stage="maintain")
