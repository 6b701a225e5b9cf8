"""Telling somebody of a failed task, through Airflow's own notifiers.

`FORESITE_NOTIFY` names them, whichever a provider brings (e-mail, chat, pager). A replay tells nobody:
whoever repeats the past watches it, and a backfill of a year would fill a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from foresite_airflow import settings
from foresite_airflow.clock import parse_time
from foresite_airflow.run import announced, moment

BACKFILL = "backfill"


def failure_callbacks() -> list[Callable[[Any], None]]:
    """`on_failure_callback` of every task: it runs after the last try. Raises `ValueError` for what is no notifier."""
    return [unless_replay(made(one["class"], one.get("arguments", {}))) for one in settings.notifiers()]


def made(path: str, arguments: dict[str, Any]) -> Callable[[Any], None]:
    """The notifier of this class; a wrong one is better found while the DAGs are read than with the first failure."""
    module, _, name = path.rpartition(".")
    try:
        notifier: Callable[[Any], None] = getattr(import_module(module), name)(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"FORESITE_NOTIFY: {path} cannot be made: {error}") from error
    return notifier


def unless_replay(notifier: Callable[[Any], None]) -> Callable[[Any], None]:
    def tell(context: Any) -> None:
        if not is_replay(context):
            notifier(context)

    return tell


def is_replay(context: Any) -> bool:
    """Whether a run repeats the past: a backfill, or of an interval that ended long before the run began."""
    dag_run = context.get("dag_run")
    run_type = getattr(dag_run, "run_type", None)
    if getattr(run_type, "value", run_type) == BACKFILL:
        return True
    end = newest_end(context)
    began = getattr(dag_run, "start_date", None) or datetime.now(timezone.utc)
    return end is not None and end + settings.lateness() + settings.notify_within() < began


def newest_end(context: Any) -> datetime | None:
    """The end of the newest interval of the run; none where it is of now."""
    try:
        if runs := announced(context):
            return parse_time(str(runs[-1]["interval_end"]))
        return moment(context, "interval_end") or context.get("data_interval_end")
    except (AirflowFailException, KeyError):
        # What failed may be this very interval, and a callback after a lost worker knows little.
        return None
