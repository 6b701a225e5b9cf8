"""
### Nightly care of the tables

**What** Merges small files, applies the retention of each table, checkpoints the logs and cleans them up,
and removes what no reader needs any more; last it verifies what is left. Nothing is deleted unless the
configuration of `maintain` says `"delete": true` (profile `nightly`), and nothing that its `holds` cover. First
`seal-audit` writes down what was decided, last `verify-audit` looks whether it still stands so. Beside
them `forget_logs` removes Airflow's own task logs after `FORESITE_LOG_DAYS`.

**Inputs** and **outputs** All tables; no row changes its meaning. A file in `audit/`.

**Triage** 65: a file is not what the log says, the log of `verify` names each one; of `verify-audit`: a decision
was changed or taken out (docs/operations.md, *A sealed audit*). 75: a writer was faster, a retry catches up.
73: free some disk first.

**Owner** platform operations
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable, chain

from foresite_airflow import settings, tasks
from foresite_airflow.defaults import TAGS, interval_form, task_defaults
from foresite_airflow.operators import stage_operator

Stage = stage_operator()

#: What is new is sealed before retention takes anything. Then in the order in which each step makes the next one's work
#: smaller; what it deletes comes last.
STEPS = ("seal-audit", "compact", "retention", "checkpoint", "vacuum")
#: Each looks by itself: a broken file says nothing of the audit.
CHECKS = ("verify", "verify-audit")


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
    tasks.forget_logs()
    care, checks = ([Stage(task_id=step, stage="maintain", step=step) for step in steps] for steps in (STEPS, CHECKS))
    chain(tasks.pin_run(), *care, checks)
