"""
### What was known, predicted and put on the worklist, once more

**What** Computes again what was published in the interval of the form and known at the as-of (later corrections need
a later one), each time with the configuration, the clock and the model that it had: `known` the KPIs and the
features, `predicted` the statements and alert states, `listed` the incidents, the worklist and what it stated. Every
value is compared, to the last bit.

**Inputs** What the stages read at the time, as it was known then

**Outputs** `rebuilds`, one row for each computation and table. Nothing else is written, no page changes and nobody is
told.

**Triage** Red at `compare`: something is not as it was published. The log of the stage names slot, table and columns;
column `other` of `rebuilds` says in what the computation is another one now: `revision` (a newer release computes
otherwise), `reads.<table>` (rows were deleted by retention or erasure, or came later with an earlier `known_at`).
With an empty `other` the same inputs and the same code gave another value: report it, it is a defect. The verdict
`nothing_published` of a stage is no failure: it had nothing in that interval. A stage has its usual time limit, so
ask for a month at most.

**Owner** data engineering
"""

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, chain

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_time_machine",
    schedule=None,
    start_date=settings.start_date(),
    # Whoever starts it looks at it: what was long ago calls nobody out of bed.
    default_args={**task_defaults(), "on_failure_callback": None},
    params=interval_form(),
    doc_md=__doc__,
    tags=TAGS,
):
    pin = tasks.pin_run()
    with TaskGroup("known"):
        known = [
            Stage(task_id="derive", stage="derive", rebuild=True),
            *(
                Stage(task_id=f"featurize_{name}", stage="featurize", step="features", model_task=name, rebuild=True)
                for name in MODEL_TASKS
            ),
        ]
    with TaskGroup("predicted"):
        predicted = [
            Stage(task_id=f"predict_{name}", stage="predict", model_task=name, rebuild=True) for name in MODEL_TASKS
        ]
    with TaskGroup("listed"):
        listed = [Stage(task_id="advise", stage="advise", rebuild=True)]
    rebuilt = [*known, *predicted, *listed]
    chain(pin, rebuilt, tasks.compare({one.task_id: one.output for one in rebuilt}))
