"""
### Daily look at data, channels and models, and whether models are trained again

**What** `measure` tests every watched channel for drift against the weeks that the serving model learnt from and
names a cause, judges models by truth that has arrived and by their own probabilities where it has not, and looks at
completeness, lateness, volume and nulls of the data. `retrain` decides for each task whether it is trained again, and
`train` starts `telecom_model_training` for those that are: what speaks for it, and what against it, stands in
`retrain_decisions`. The form asks for a task whatever speaks against it.

**Inputs** `kpis`, `ingest_ledger`, `inventory`, `alarms`, `tickets`, `local_events`, `feedback`, `predictions_*`,
`incidents`, `registry_events`, model bundles, earlier `retrain_decisions`

**Outputs** `drift`, `performance`, the page `reports/<day>/monitor.html`, `retrain_decisions`

**Triage** The run is green whatever it finds; the verdict says `ok`, `warn`, `drift`, `broken` or,
without any test, `unknown`, the page why. `train` is skipped on a day that trains nothing.
65: the log names the table that cannot be used; a bundle that cannot is a row of `performance`. 66: no `kpis` yet,
run `telecom_data_pipeline` first.

**Owner** machine learning
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param, chain

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.timetable import LateDataIntervalTimetable
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_monitoring",
    # Days of UTC, as the stage wants them; an hour for the pipeline to take in the last of them.
    schedule=LateDataIntervalTimetable("0 0 * * *", settings.lateness() + timedelta(hours=1)),
    start_date=settings.start_date(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    params={
        **interval_form(),
        "ask": Param(
            [],
            type="array",
            items={"type": "string", "enum": list(MODEL_TASKS)},
            examples=list(MODEL_TASKS),
            title="Train again",
            description="Tasks to train again, whatever speaks against it.",
        ),
    },
    doc_md=__doc__,
    tags=TAGS,
):
    measure = Stage(task_id="measure", stage="monitor", step="measure")
    retrain = Stage(
        task_id="retrain",
        stage="monitor",
        step="retrain",
        options={"ask": "{{ params.ask | join(',') }}", "person": "{{ dag_run.triggering_user_name or '' }}"},
    )
    training: Any = tasks.training(retrain.output)
    train = TriggerDagRunOperator(
        task_id="train",
        trigger_dag_id="telecom_model_training",
        # Named after this run, so that clearing it starts nothing twice.
        trigger_run_id="retrain__{{ run_id }}",
        conf=training,
        skip_when_already_exists=True,
    )

    chain(tasks.pin_run(), measure, retrain, training, train)
