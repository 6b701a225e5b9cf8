"""
### What was known, predicted and put on the worklist, once more

**What** Computes again what was published in the interval of the form and known at the as-of (later corrections need
a later one), each time with the configuration, the clock and the model that it had: `known` the KPIs and the
features, `predicted` the statements and alert states, `listed` the incidents, the worklist and what it stated. Every
value is compared, to the last bit.

Where the form names models, nothing is compared: `asked` lets each of them speak about the interval in the place of
the one that served, and makes the lists that would have come of it, the other tasks' as published. The result of
`asked.advise` says what those lists named and what came of it, by people's marks and the truth of a simulated network.
What a model says there knows all that was known at the as-of; ask hour by hour where late data must not help it. It is
asked about the day before as well: of a detector no alert opens in its first hour, and none is open from before.

**Inputs** What the stages read at the time, as it was known then

**Outputs** `rebuilds`, one row for each computation and table; of a model that was asked, its replays in
`predictions_<task>` and `alert_state`. Nothing else is written, no page changes and nobody is told.

**Triage** Red at `compare`: something is not as it was published. The log of the stage names slot, table and columns;
column `other` of `rebuilds` says in what the computation is another one now: `revision` (a newer release computes
otherwise), `reads.<table>` (rows were deleted by retention or erasure, or came later with an earlier `known_at`).
With an empty `other` the same inputs and the same code gave another value: report it, it is a defect. The verdict
`nothing_published` of a stage is no failure: it had nothing in that interval. A stage has its usual time limit, so
ask for a month at most. Red at `asked.predict_<task>` with exit 65 or 66: no trusted key signed that model, or there
is none of that id; at `asked.advise` with 66: it said nothing about the interval and the day before.

**Owner** data engineering
"""

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup, chain

from foresite_airflow import settings, tasks
from foresite_airflow.clock import day_before, just_after
from foresite_airflow.defaults import TAGS, interval_form, models_field, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

#: The span of the lists, whose first one comes after the interval's start; and `TASK=ID` of each model of the form.
SPAN = (
    "{{ just_after(ti.xcom_pull(task_ids='pin')['interval_start']) }}",
    "{{ ti.xcom_pull(task_ids='pin')['interval_end'] }}",
)
#: An alert goes on from the hours before, as far as a day.
WARM_UP = "{{ day_before(ti.xcom_pull(task_ids='pin')['interval_start']) }}"
ASKED = "{% for task, id in params.models.items() %}{{ task }}={{ id }}{{ '' if loop.last else ',' }}{% endfor %}"

with DAG(
    "telecom_time_machine",
    schedule=None,
    start_date=settings.start_date(),
    # Whoever starts it looks at it: what was long ago calls nobody out of bed.
    default_args={**task_defaults(), "on_failure_callback": None},
    user_defined_macros={"day_before": day_before, "just_after": just_after},
    params={**interval_form(), "models": models_field()},
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
    with TaskGroup("asked"):
        asked = {
            name: Stage(
                task_id=f"predict_{name}",
                stage="predict",
                model_task=name,
                interval_start=WARM_UP,
                options={"model": f"{{{{ params.models.get('{name}', '') }}}}"},
            )
            for name in MODEL_TASKS
        }
        would_list = Stage(
            task_id="advise",
            stage="advise",
            options={"replay": SPAN, "model": ASKED},
            trigger_rule="none_failed_min_one_success",
        )
    rebuilt = [*known, *predicted, *listed]
    which = tasks.which_past([one.task_id for one in rebuilt], {name: one.task_id for name, one in asked.items()})
    chain(pin, which, rebuilt, tasks.compare({one.task_id: one.output for one in rebuilt}))
    chain(which, list(asked.values()), would_list)
