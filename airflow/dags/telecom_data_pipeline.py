"""
### From landed network files to features, hour by hour

**What** Takes the files that landed by the as-of (end of the hour plus lateness), writes them to raw
tables, judges and derives every interval that they touched, and computes the features of the newest.

**Inputs** `<data-root>/landing`: performance files, alarms, inventory, tickets, events, history.

**Outputs** `pm_counters`, `alarms`, `inventory`, `objects`, `tickets`, `quality`, `kpis`,
`profiles`, `features_<task>`; an event of the asset `foresite.features`.

**Triage** `ingest` 66: the landing folder is missing. `ingest` 65: read `quarantine`.
`validate` never fails for bad values, it nulls them: read `quality`. Everything may be cleared
and repeated; what is there already ends as `unchanged`.

**Owner** data engineering
"""

from __future__ import annotations

from airflow.sdk import DAG, chain

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.timetable import LateDataIntervalTimetable
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_data_pipeline",
    schedule=LateDataIntervalTimetable("0 * * * *", settings.lateness()),
    start_date=settings.start_date(),
    catchup=settings.catch_up(),
    max_active_runs=1,
    default_args=task_defaults(),
    params=interval_form(),
    doc_md=__doc__,
    tags=TAGS,
):
    pin = tasks.pin_run()
    plan = Stage(task_id="ingest_plan", stage="ingest", step="plan")
    shards = tasks.shards(plan.output)
    take = Stage.partial(
        task_id="ingest_shard",
        stage="ingest",
        step="shard",
        map_index_template="shard {{ task.shard }}",
    ).expand_kwargs(shards)
    commit = Stage(
        task_id="ingest_commit",
        stage="ingest",
        step="commit",
        plan="{{ ti.xcom_pull(task_ids='ingest_plan')['numbers']['plan_id'] }}",
        trigger_rule="none_failed",
    )
    stale = tasks.stale_intervals(commit.output)
    per_interval = {"map_index_template": "{{ task.interval_start }}", "max_active_tis_per_dagrun": 1}
    validate = Stage.partial(task_id="validate", stage="validate", **per_interval).expand_kwargs(stale)
    derive = Stage.partial(task_id="derive", stage="derive", **per_interval).expand_kwargs(stale)
    reconcile = Stage.partial(task_id="reconcile", stage="validate", step="reconcile", **per_interval).expand_kwargs(
        stale
    )
    new_day = tasks.is_new_day()
    profiles = Stage(task_id="profiles", stage="featurize", step="profiles")
    features = [
        Stage(
            task_id=f"featurize_{name}",
            stage="featurize",
            model_task=name,
            interval_start=tasks.NEWEST_START,
            trigger_rule="none_failed",
        )
        for name in MODEL_TASKS
    ]
    publish = tasks.publish()

    chain(pin, plan, shards, take, commit, stale, validate, derive, reconcile, new_day, profiles, features, publish)
