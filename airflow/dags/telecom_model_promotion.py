"""
### Promote, roll back or revoke a model, or let it challenge, by hand

**What** Writes one decision into the registry, with who and why. A rollback is one event: the model
that was champion before becomes it again. A challenger is scored beside the champion by services
that give it a share.

**Inputs** `models/<task>/<model_id>/` with its evaluation; `registry_events`.

**Outputs** One row of `registry_events`, one signature.

**Triage** 2 with `not trusted`: who serves would refuse what this key signs, or signed before a rollback
(`docs/operations.md`, *Which keys count*). 65: the bundle's sums or signature do not hold, do not promote it.
66: no such model.

**Owner** machine learning
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, task_defaults
from foresite_airflow.operators import stage_operator
from foresite_airflow.vocabulary import MODEL_TASKS

Stage = stage_operator()

with DAG(
    "telecom_model_promotion",
    schedule=None,
    start_date=settings.start_date(),
    max_active_runs=1,
    default_args=task_defaults(),
    params={
        "task": Param("anomaly", type="string", enum=list(MODEL_TASKS), title="Prediction task"),
        "action": Param("promote", type="string", enum=["promote", "challenge", "rollback", "revoke"], title="Action"),
        "model": Param(None, type=["null", "string"], title="Model id", description="Default: the newest evaluated."),
        "reason": Param("", type="string", minLength=1, title="Reason", description="Goes into the audit trail."),
    },
    doc_md=__doc__,
    tags=TAGS,
):
    decide = Stage(
        task_id="decide",
        stage="promote",
        model_task="{{ params.task }}",
        options={
            "action": "{{ params.action }}",
            "model": "{{ params.model or '' }}",
            "reason": "{{ params.reason }}",
            "person": "{{ dag_run.triggering_user_name or '' }}",
        },
    )

    tasks.pin_run(look_back_days=1) >> decide
