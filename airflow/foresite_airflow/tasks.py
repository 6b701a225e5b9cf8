"""The Python tasks that stand between the stages: pinning, mapping, branching, the asset event.

Arguments are typed `Any`: a DAG file passes an `XComArg`, the running task gets its value.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Metadata, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from foresite_airflow import log_keeper, mapping, settings, stage_needs
from foresite_airflow.assets import FEATURES
from foresite_airflow.clock import parse_time
from foresite_airflow.mapping import Call
from foresite_airflow.run import PIN, PinnedRun, pin, windows
from foresite_airflow.vocabulary import MODEL_TASKS

log = logging.getLogger(__name__)

#: The task of `telecom_stage` for each pool, by the pool.
BY_POOL = {
    stage_needs.WRITERS_POOL: "run",
    stage_needs.GPU_POOL: "run_on_gpu",
    stage_needs.NO_POOL: "run_unpooled",
}

#: Template of the start of the run's newest hour.
NEWEST_START = f"{{{{ ti.xcom_pull(task_ids='{PIN}')['newest_start'] }}}}"


@task(task_id=PIN, multiple_outputs=False)
def pin_run(look_back_days: int | None = None) -> dict[str, Any]:
    """Fixes interval, as-of and configuration of the run."""
    return pin(get_current_context(), None if look_back_days is None else timedelta(days=look_back_days))


@task
def shards(plan: Any) -> list[Call]:
    """One call per shard of the plan."""
    return mapping.shards(plan)


@task(trigger_rule="none_failed")
def stale_intervals(commit: Any) -> list[Call]:
    """The intervals that have to be derived again, late corrections included."""
    return mapping.stale_intervals(commit)


@task.short_circuit(ignore_downstream_trigger_rules=False, trigger_rule="none_failed")
def is_new_day() -> bool:
    """Lets its direct followers run when a day of UTC ends within the interval."""
    run = PinnedRun.of(get_current_context())
    start, end = parse_time(run.interval_start), parse_time(run.interval_end)
    return mapping.is_due(start, end, timedelta(days=1))


@task
def forget_logs() -> int:
    """Removes the task logs that nobody wrote to for days; returns how many."""
    from airflow.configuration import conf

    return log_keeper.forget(Path(conf.get_mandatory_value("logging", "base_log_folder")), settings.log_days())


@task(outlets=[FEATURES])
def publish() -> Iterator[Metadata]:
    """Tells the inference DAG which interval is ready, and as of when."""
    run = PinnedRun.of(get_current_context())
    yield Metadata(FEATURES, asdict(replace(run, interval_start=run.newest_start)))


@task
def event_windows() -> list[Call]:
    """The intervals whose features are ready, oldest first."""
    return windows(get_current_context())


@task
def due_windows(ready: Any, model_task: str) -> list[Call]:
    """Those of the ready windows in which this prediction is made."""
    return mapping.due_windows(ready, mapping.CADENCE[model_task])


@task.branch
def pick_pool() -> str:
    """The task of the pool that the form's stage and profile take a slot of."""
    params = get_current_context()["params"]
    profile = params.get("profile") or settings.stage_profile(params["stage"])
    return BY_POOL[stage_needs.pool_of(params["stage"], profile)]


@task(multiple_outputs=False)
def training(decided: Any) -> dict[str, Any]:
    """The params of the training that monitor's step `retrain` decided for; skipped where it decided for none."""
    decided_for = mapping.numbers_of(decided)["retrain"]
    due = [name for name in decided_for if name in MODEL_TASKS]
    for name in sorted(set(decided_for) - set(due)):
        log.warning("task %s is due, and telecom_model_training has no group of it: train it by telecom_stage", name)
    if not due:
        raise AirflowSkipException("no task is trained again: the log of `retrain` says why")
    run = PinnedRun.of(get_current_context())
    return {"tasks": due, "interval_end": run.interval_end, "as_of": run.as_of}


@task.branch
def which_past(published: list[str], asked: dict[str, str]) -> list[str]:
    """The tasks that compute again what was published; those of `asked`, by model task, where the form names models."""
    models = get_current_context()["params"]["models"]
    return [asked[name] for name in MODEL_TASKS if models.get(name)] or published


@task(trigger_rule="none_failed_min_one_success", multiple_outputs=False)
def compare(rebuilt: Any) -> dict[str, str]:
    """The verdict of every stage that was rebuilt, by task id; fails where one is not as it was published."""
    verdicts = mapping.rebuilt(rebuilt)
    for name, verdict in sorted(verdicts.items()):
        log.info("%s: %s", name, verdict)
    differing = sorted(name for name, verdict in verdicts.items() if verdict == "different")
    if differing:
        raise AirflowFailException(
            f"not as published: {', '.join(differing)}: table `rebuilds` says what differs, and in what the code,"
            " the clock or the inputs are others now"
        )
    return verdicts


@task.branch
def choose() -> list[str]:
    """The first task of each group that the run's params name."""
    return [f"{name}.samples" for name in get_current_context()["params"]["tasks"]]


@task.branch
def judge(evaluation: Any, promote: str, keep: str) -> str:
    """A model that the gate slice rejected stays a candidate; promote decides about all others."""
    return keep if evaluation.get("verdict") == "FAIL" else promote


def approvals(model_task: str) -> list[BaseOperator]:
    """The task in which a person agrees to a promotion, where the site asks for it; none otherwise.

    It waits in Airflow's *Required Actions*, without a worker. A rejection, or no answer in time, skips what
    follows: the champion stays.
    """
    if not settings.promotion_needs_approval():
        return []
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    trained = f"{{{{ ti.xcom_pull(task_ids='{model_task}.train')['numbers']['model_id'] }}}}"
    verdict = f"ti.xcom_pull(task_ids='{model_task}.evaluate')['verdict']"
    unproven = (
        " The gate slice holds too few events to say which is better: beside a champion it becomes the challenger,"
        " which nobody is shown; where there is none it stands in for one."
    )

    worse = f"ti.xcom_pull(task_ids='{model_task}.evaluate').get('numbers', {{}}).get('worse_than_serving')"
    refused = f" It stays a candidate whatever you answer, clearly worse than the model that serves: {{{{ {worse} }}}}."

    def by_verdict(proven: str, otherwise: str) -> str:
        return f"{{% if {verdict} == 'PASS' %}}{proven}{{% else %}}{otherwise}{{% endif %}}"

    return [
        ApprovalOperator(
            task_id="approve",
            subject=by_verdict(
                f"Promote the new {model_task} model?", f"Let the new {model_task} model speak unproven?"
            ),
            body=f"Model `{trained}`, verdict **{{{{ {verdict} }}}}**.{by_verdict('', unproven)}"
            f"{{% if {verdict} != 'PASS' and {worse} %}}{refused}{{% endif %}}"
            f" Read `models/{model_task}/{trained}/card.md` first.",
            defaults=ApprovalOperator.REJECT,
            response_timeout=settings.approval_patience(),
        )
    ]
