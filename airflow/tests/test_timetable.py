"""The schedule: exact hours, taken up late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
import pytest


def next_run(timetable: Any, last: Any, start: Any, catchup: bool) -> Any:
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(earliest=start, latest=None, catchup=catchup)
    return timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)


@pytest.fixture
def hourly() -> Any:
    from foresite_airflow.timetable import LateDataIntervalTimetable

    return LateDataIntervalTimetable("0 * * * *", timedelta(minutes=30))


def test_the_interval_is_exact_and_the_start_is_late(hourly: Any) -> None:
    noon = pendulum.datetime(2026, 3, 1, 12)
    first = next_run(hourly, None, noon, catchup=True)
    assert (first.data_interval.start, first.data_interval.end) == (noon, noon.add(hours=1))
    assert first.run_after == noon.add(minutes=90)
    second = next_run(hourly, first.data_interval, noon, catchup=True)
    assert second.data_interval.start == noon.add(hours=1)


@pytest.mark.parametrize(("now", "start"), [("13:29", "11:00"), ("13:31", "12:00")])
def test_without_catch_up_the_newest_arrived_hour_is_taken(
    hourly: Any, now: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foresite_airflow.timetable.now", lambda: pendulum.parse(f"2026-03-01T{now}:00"))
    run = next_run(hourly, None, pendulum.datetime(2026, 1, 1), catchup=False)
    assert run.data_interval.start == pendulum.parse(f"2026-03-01T{start}:00")


def test_it_comes_back_from_the_database_as_it_was(hourly: Any) -> None:
    read = type(hourly).deserialize(hourly.serialize())
    assert read.serialize() == hourly.serialize() == {"cron": "0 * * * *", "lateness_seconds": 1800.0}
    assert read.summary == "0 * * * * + 0:30:00"


def test_a_run_by_hand_takes_an_hour_that_has_arrived(hourly: Any) -> None:
    interval = hourly.infer_manual_data_interval(run_after=pendulum.datetime(2026, 3, 1, 13, 10))
    assert interval.start == pendulum.datetime(2026, 3, 1, 11)
