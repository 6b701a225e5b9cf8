"""
### One stage, by hand

**What** Runs a single stage with the arguments of the form: a rerun, a backfill of one slot, a dry run.

**Inputs** and **outputs** Those of the stage; see its reference page.

**Triage** The task log opens with the command that does the same in a shell. On a cluster the stage runs in
`run`, a training and whatever asks for a GPU in `run_on_gpu`, what writes no table beside others in `run_unpooled`:
each takes a slot of its own pool.

**Owner** whoever triggers it
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, chain

from foresite_airflow import settings, stage_needs, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS, STAGES

Stage = stage_operator()

with DAG(
    "telecom_stage",
    schedule=None,
    start_date=settings.start_date(),
    default_args=task_defaults(),
    params={
        "stage": Param("derive", type="string", enum=list(STAGES), title="Stage"),
        "task": Param(None, type=["null", "string"], enum=[None, *MODEL_TASKS], title="Prediction task"),
        "step": Param(None, type=["null", "string"], title="Step", description="For ingest: plan, shard, commit."),
        "plan": Param(None, type=["null", "string"], title="Plan", description="Id of an ingest plan."),
        "shard": Param(None, type=["null", "string"], title="Shard", pattern=r"^\d+/\d+$"),
        **interval_form(),
        "profile": Param(
            None,
            type=["null", "string"],
            enum=[None, *stage_needs.profiles()],
            title="Resources",
            description="On a cluster; default: those of the stage.",
        ),
        "force": Param(False, type="boolean", title="Force", description="Recompute what is there already."),
        "rebuild": Param(False, type="boolean", title="Rebuild", description="Compare with what was published."),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Check the inputs, touch nothing."),
    },
    doc_md=__doc__,
    tags=TAGS,
):
    asked: dict[str, Any] = {
        "stage": "{{ params.stage }}",
        "model_task": "{{ params.task or '' }}",
        "step": "{{ params.step or '' }}",
        "plan": "{{ params.plan or '' }}",
        "shard": "{{ params.shard or '' }}",
        "profile": "{{ params.profile or '' }}",
        "force": "{{ params.force }}",
        "check_only": "{{ params.dry_run }}",
        "rebuild": "{{ params.rebuild }}",
    }
    pin = tasks.pin_run()
    if settings.backend() == "kubernetes":
        # A pool is taken before a template is read: one task per pool, and a branch that knows the form.
        chain(pin, tasks.pick_pool(), [Stage(task_id=name, pool=pool, **asked) for pool, name in tasks.BY_POOL.items()])
    else:
        pin >> Stage(task_id="run", **asked)
