"""
### Train, judge and promote a model per task

**What** For each task: a sample set as of now, a linear path and a network, an honest evaluation on
slices that training never saw, and promotion when the gate slice says so and, where the site asks for it
(`FORESITE_PROMOTION_APPROVAL`), a person agrees. A failed task stops only itself. Started by
`telecom_monitoring` for the tasks that it decided to train again, and by hand.

**Inputs** `kpis`, `alarms`, `tickets`, `inventory`, `profiles` of the training window.

**Outputs** `samples_<task>`, `models/<task>/<model_id>/`, `evaluations`, `registry_events`.

**Triage** `train` 65: too few samples or labels in the window, widen the interval. A verdict of FAIL
or INSUFFICIENT is no failure: read `metrics.txt` and `card.md` of the model. `train` 137: lower its
memory limit in the configuration. `approve` waits: answer it under *Required Actions*.

**Owner** machine learning
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, TaskGroup, chain

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_model_training",
    schedule=None,
    start_date=settings.start_date(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    params={
        **interval_form(),
        "tasks": Param(
            list(MODEL_TASKS),
            type="array",
            items={"type": "string", "enum": list(MODEL_TASKS)},
            examples=list(MODEL_TASKS),
            minItems=1,
            title="Tasks to train",
        ),
    },
    doc_md=__doc__,
    tags=TAGS,
):
    start = tasks.choose()
    tasks.pin_run(settings.training_window().days) >> start
    for name in MODEL_TASKS:
        with TaskGroup(name):
            samples = Stage(task_id="samples", stage="featurize", step="samples", model_task=name)
            train = Stage(task_id="train", stage="train", model_task=name)
            model = {"model": f"{{{{ ti.xcom_pull(task_ids='{name}.train')['numbers']['model_id'] }}}}"}
            evaluate = Stage(task_id="evaluate", stage="evaluate", model_task=name, options=model)
            promote = Stage(task_id="promote", stage="promote", model_task=name, options=model)
            promotion = [*tasks.approvals(name), promote]
            branch = tasks.judge(evaluate.output, promotion[0].task_id, f"{name}.keep")
            keep = EmptyOperator(task_id="keep", doc="The champion stays; the candidate is kept for comparison.")

            chain(start, samples, train, evaluate, branch, [promotion[0], keep])
            chain(*promotion)
