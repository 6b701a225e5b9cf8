"""What all DAGs have in common: retries, owner, the form for a run by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param

from foresite_airflow import notify, settings
from foresite_airflow.exits import TRANSIENT_TRIES
from foresite_airflow.vocabulary import MODEL_TASKS

TAGS = ["foresite"]


def task_defaults() -> dict[str, Any]:
    """`default_args`: the tries of the exit table, at 30 s doubled up to 10 min (1 s on a laptop), and who is told."""
    return {
        "owner": "foresite",
        "retries": TRANSIENT_TRIES - 1,
        "retry_delay": settings.retry_delay(),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=6),
        "on_failure_callback": notify.failure_callbacks(),
    }


def interval_form() -> dict[str, Param]:
    """The interval of a run by hand; left empty, the schedule's own."""
    about = "RFC 3339, UTC, for example 2026-01-31T12:00:00Z"
    return {
        "interval_start": Param(None, type=["null", "string"], title="Interval start", description=about),
        "interval_end": Param(None, type=["null", "string"], title="Interval end (exclusive)", description=about),
        "as_of": Param(None, type=["null", "string"], title="As of", description="Default: end plus lateness."),
    }


def models_field() -> Param:
    """Models by task, as of the time machine's form."""
    return Param(
        {},
        type="object",
        title="Models",
        description="Asked in the place of those that served, by task; none: what was published is compared.",
        properties={name: {"type": "string", "minLength": 1} for name in MODEL_TASKS},
        additionalProperties=False,
    )
