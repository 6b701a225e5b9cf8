"""From the result of one stage to the calls of the next: shards of a plan, slots gone stale."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from foresite_airflow.clock import parse_time
from foresite_airflow.result import Result

Call = dict[str, str]

#: How often a prediction is made, counted in whole periods of UTC.
CADENCE = {
    "anomaly": timedelta(hours=1),
    "maintenance": timedelta(hours=6),
    "capacity": timedelta(days=1),
}


def shards(plan: Result) -> list[Call]:
    """One call per shard of an ingest plan; none when there is nothing to take."""
    numbers = numbers_of(plan)
    count = int(numbers["shards"])
    return [{"plan": str(numbers["plan_id"]), "shard": f"{index}/{count}"} for index in range(count)]


def stale_intervals(commit: Result) -> list[Call]:
    """The intervals that the commit left to recompute, oldest first, overlaps joined.

    A slot also has a source and a bucket, but a stage takes all of an interval in one call.
    """
    spans = sorted((str(slot["start"]), str(slot["end"])) for slot in numbers_of(commit).get("stale_slots", []))
    joined: list[tuple[str, str]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [{"interval_start": start, "interval_end": end} for start, end in joined]


def rebuilt(results: dict[str, Result | None]) -> dict[str, str]:
    """The verdict of each rebuild by task id; a task that was skipped has none."""
    return {name: str(result.get("verdict", "")) for name, result in results.items() if result}


def numbers_of(result: Result) -> dict[str, Any]:
    """The key numbers of a result; a result that was too long for them cannot be mapped over."""
    numbers: dict[str, Any] = result.get("numbers", {})
    if numbers.get("truncated"):
        raise AirflowFailException(f"the result of {result.get('stage')} was too long: its numbers are cut off")
    return numbers


def is_due(start: datetime, end: datetime, every: timedelta) -> bool:
    """Whether a whole period of UTC ends within (start, end]."""
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (end - epoch) // every > (start - epoch) // every


def due_windows(windows: list[Call], every: timedelta) -> list[Call]:
    """The windows in which a prediction of this cadence is made, oldest first."""
    return [
        window
        for window in windows
        if is_due(parse_time(window["interval_start"]), parse_time(window["interval_end"]), every)
    ]
