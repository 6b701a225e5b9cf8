"""Tells Airflow about the timetable, so that the scheduler can read it back from the database."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from foresite_airflow.timetable import LateDataIntervalTimetable


class ForesitePlugin(AirflowPlugin):
    """Registers what the DAGs need beyond operators."""

    name = "foresite"
    timetables = [  # noqa: RUF012, declared by Airflow as it is
        LateDataIntervalTimetable,
    ]
