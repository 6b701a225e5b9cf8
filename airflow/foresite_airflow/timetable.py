"""Data intervals that are taken up a while after they end, when their files have arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime


class LateDataIntervalTimetable(CronDataIntervalTimetable):
    """A cron data interval whose run starts `lateness` after its end.

    The interval stays exact ([12:00, 13:00)); only the start moves. A cron shifted by the
    lateness would shift the interval too, and a waiting first task would hold a worker.
    """

    def __init__(self, cron: str, lateness: timedelta) -> None:
        super().__init__(cron, timezone="UTC")
        self.lateness = lateness

    @property
    def summary(self) -> str:
        return f"{self._expression} + {self.lateness}"

    def serialize(self) -> dict[str, Any]:
        return {"cron": self._expression, "lateness_seconds": self.lateness.total_seconds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> LateDataIntervalTimetable:
        return cls(data["cron"], timedelta(seconds=data["lateness_seconds"]))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        if info is None or info.data_interval is None:
            return info
        return DagRunInfo(run_after=info.data_interval.end + self.lateness, data_interval=info.data_interval)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand takes the newest interval that the schedule would have taken by then."""
        return super().infer_manual_data_interval(run_after=run_after - self.lateness)

    def _skip_to_latest(self, earliest: DateTime | None) -> DateTime:
        """The newest interval whose end plus lateness has passed, not merely the newest ended one."""
        latest = self._get_prev(self._align_to_prev(now() - self.lateness))
        return latest if earliest is None else max(latest, self._align_to_next(earliest))


def now() -> DateTime:
    return DateTime.now("UTC")
