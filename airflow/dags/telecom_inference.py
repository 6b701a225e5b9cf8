"""
### Predictions and the worklist

**What** Scores the newest cutoffs with each task's champion, then turns the alerts of all tasks into
one ranked worklist with its report. Anomalies hourly, maintenance every 6 hours, capacity daily.

**Inputs** An event of the asset `foresite.features`; its `extra` carries interval, as-of and
configuration hash. Events that gathered meanwhile are taken one by one in the order of the network's time.

**Outputs** `predictions_<task>`, `alert_state`, `incidents`, `worklist`, `list_statements`, the HTML report; with
`FORESITE_EXPORT=true` also `exports/`, the lists in the terms of 3GPP.

**Triage** `no_model` is no failure: train and promote first. A failed prediction stops only its own
task; the worklist is made from the others and the run still ends red.

**Owner** network operations
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, chain

from foresite_airflow import settings, tasks
from foresite_airflow.assets import FEATURES
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_inference",
    schedule=[FEATURES],
    start_date=settings.start_date(),
    max_active_runs=1,
    default_args=task_defaults(),
    params=interval_form(),
    doc_md=__doc__,
    tags=TAGS,
):
    pin = tasks.pin_run()
    ready = tasks.event_windows()
    # An hour goes on with the states of alerts that the hour before left.
    one_by_one = {"map_index_template": "{{ task.interval_end }}", "max_active_tis_per_dagrun": 1, "in_order": True}
    predictions = []
    for name in MODEL_TASKS:
        due = tasks.due_windows.override(task_id=f"due_{name}")(ready, name)
        predict = Stage.partial(
            task_id=f"predict_{name}",
            stage="predict",
            model_task=name,
            **one_by_one,
        ).expand_kwargs(due)
        predictions.append(predict)
    advise = Stage.partial(
        task_id="advise",
        stage="advise",
        trigger_rule="all_done",
        **one_by_one,
    ).expand_kwargs(ready)
    # Without it a run would be green as soon as `advise` is, whatever happened before.
    done = EmptyOperator(task_id="done", trigger_rule="none_failed")

    chain(pin, ready)
    chain(predictions, advise, done)
    chain(predictions, done)
    if settings.exports():
        # An hour without a worklist does not cost the other hours their exports.
        export = Stage.partial(
            task_id="export",
            stage="export",
            trigger_rule="all_done",
            **one_by_one,
        ).expand_kwargs(ready)
        chain(advise, export, done)
