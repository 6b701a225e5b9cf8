"""
### Daily look at data, channels and models

**What** `monitor` tests every watched channel for drift against the weeks that the serving model learnt from and
names a cause, judges models by truth that has arrived and by their own probabilities where it has not, and looks at
completeness, lateness, volume and nulls of the data.

**Inputs** `kpis`, `ingest_ledger`, `inventory`, `alarms`, `tickets`, `feedback`, `predictions_*`, `incidents`,
`registry_events`, model bundles

**Outputs** `drift`, `performance`, the page `reports/<day>/monitor.html`

**Triage** The run is green whatever it finds; the verdict says `ok`, `warn`, `drift`, `broken` or,
without any test, `unknown`, the page why.
65: the log names the table that cannot be used; a bundle that cannot is a row of `performance`. 66: no `kpis` yet,
run `telecom_data_pipeline` first.

**Owner** machine learning
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.timetable import LateDataIntervalTimetable

Stage = stage_operator()

with DAG(
    "telecom_monitoring",
    # Days of UTC, as the stage wants them; an hour for the pipeline to take in the last of them.
    schedule=LateDataIntervalTimetable("0 0 * * *", settings.lateness() + timedelta(hours=1)),
    start_date=settings.start_date(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    params=interval_form(),
    doc_md=__doc__,
    tags=TAGS,
):
    tasks.pin_run() >> Stage(task_id="monitor", stage="monitor")
