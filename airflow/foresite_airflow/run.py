"""The pinned run: interval, as-of and configuration, decided once by the first task of a DAG run.

Later tasks read it from the task `pin`, so clearing one of them repeats it with the same inputs;
clearing `pin` itself moves the run to the configuration of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from foresite_airflow import settings
from foresite_airflow.clock import parse_time, rfc3339
from foresite_airflow.configuration import Configuration, folder_of
from foresite_airflow.vocabulary import STAGES

PIN = "pin"
#: What stages can count in, with days to spare on both sides.
YEARS = range(1970, 9000)


@dataclass(frozen=True)
class PinnedRun:
    """What every stage of one DAG run is called with. Times are RFC 3339 text in UTC."""

    interval_start: str
    interval_end: str
    as_of: str
    #: Start of the newest hour; features are made for that hour, however wide the run.
    newest_start: str
    #: The folder of the pinned configuration, and the `stage/name` that it holds.
    config_folder: str
    config_names: Sequence[str]
    config_hash: str
    #: stage → image; empty on the local back end.
    images: Mapping[str, str]

    @classmethod
    def of(cls, context: Context) -> PinnedRun:
        """The run that this DAG run's task `pin` has fixed."""
        pinned = context["ti"].xcom_pull(task_ids=PIN)
        if not isinstance(pinned, dict):
            raise AirflowFailException("the task `pin` left no run: clear it first")
        return cls(**{name: pinned[name] for name in cls.__dataclass_fields__})

    def config_path(self, stage: str, model_task: str | None) -> str | None:
        """The stage's file for this model task, a profile or everyone; none: built-in defaults."""
        for name in (model_task, *settings.profiles(), "default"):
            if f"{stage}/{name}" in self.config_names:
                return f"{self.config_folder}/{stage}/{name}.json"
        return None


def pin(context: Context, look_back: timedelta | None = None) -> dict[str, Any]:
    """Fixes interval, as-of and configuration of this DAG run.

    By hand, the params `interval_start`, `interval_end` and `as_of` say what to run; otherwise the
    data interval does. As-of is the end plus the configured lateness, however late the run starts,
    so that a rerun sees what the first run saw; a run with neither params nor schedule is of now.
    `look_back` says where an interval starts that has only an end. A run that asset events started
    takes over what the newest of them was pinned to.
    """
    if runs := announced(context):
        return runs[-1]
    start, end = interval(context, look_back)
    as_of = moment(context, "as_of") or (end if is_of_now(context) else end + settings.lateness())
    configuration = Configuration.read(settings.configurations())
    run = PinnedRun(
        interval_start=rfc3339(start),
        interval_end=rfc3339(end),
        as_of=rfc3339(as_of),
        newest_start=rfc3339(max(start, end - timedelta(hours=1))),
        config_folder=place(configuration),
        config_names=list(configuration.files),
        config_hash=configuration.hash,
        images={} if settings.backend() == "local" else {stage: settings.image(stage) for stage in STAGES},
    )
    return asdict(run)


def place(configuration: Configuration) -> str:
    """Puts the configuration where stages read it; returns the folder.

    On one machine that is below a local data root, or else in Airflow's home. In a cluster the
    roll-out has made the ConfigMap `foresite-config-<hash>` already, and every
    pod mounts that of its run.
    """
    if settings.backend() == "kubernetes":
        return settings.CONFIG_MOUNT
    return str(configuration.publish(folder_of(settings.data_root())))


def interval(context: Context, look_back: timedelta | None) -> tuple[datetime, datetime]:
    """The half-open interval of the run."""
    start, end = moment(context, "interval_start"), moment(context, "interval_end")
    if end is None:
        end = context.get("data_interval_end") or context["dag_run"].run_after
    if start is None and look_back is not None:
        start = end - look_back
    if start is None:
        start = context.get("data_interval_start")
    if start is None or start >= end:
        raise AirflowFailException(f"the interval [{start}, {end}) is empty: set interval_start and interval_end")
    return start, end


def is_of_now(context: Context) -> bool:
    """Whether nothing but the moment of the run says which interval is meant."""
    scheduled = context.get("data_interval_start") != context.get("data_interval_end")
    return not scheduled and moment(context, "interval_end") is None


def moment(context: Context, name: str) -> datetime | None:
    """A time among the params, or None when it is left empty."""
    text = context["params"].get(name)
    if not text:
        return None
    try:
        found = parse_time(str(text))
        if found.year not in YEARS:
            raise ValueError(f"year {found.year}")
    except ValueError as error:
        raise AirflowFailException(f"{name}={text}: expected a time such as 2026-01-31T12:00:00Z") from error
    return found


def announced(context: Context) -> list[dict[str, Any]]:
    """The pinned runs that this DAG run's asset events carry, oldest interval first.

    Several events may have gathered while a run was busy; alert state goes from one window to the
    next, so their order is that of the network's time.
    """
    events = [event for found in context.get("triggering_asset_events", {}).values() for event in found]
    runs = [event.extra for event in events if event.extra.get("interval_end")]
    return sorted(runs, key=lambda run: (run["interval_end"], run["interval_start"]))


def windows(context: Context) -> list[dict[str, str]]:
    """The intervals to predict for, oldest first; a run by hand has its pinned one."""
    names = ("interval_start", "interval_end", "as_of")
    runs = announced(context) or [asdict(PinnedRun.of(context))]
    return [{name: str(run[name]) for name in names} for run in runs]
