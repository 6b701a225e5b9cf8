"""Links beside a task in Airflow's UI: the report, the table version, its lineage, the pod.

The task writes them while it ends, as Airflow wants it; the API server only reads them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink

from foresite_airflow import settings
from foresite_airflow.result import Result


class StageLink(BaseOperatorLink):
    """A link that the operator noted under its name; none while it noted nothing."""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        noted: dict[str, str] = getattr(operator, "links", {})
        return noted.get(self.name, "")


class ReportLink(StageLink):
    """The report that `advise` published."""

    name = "Report"


class TableVersionLink(StageLink):
    """The entry in the table's log of the version that the stage wrote last."""

    name = "Table version"


class LineageLink(StageLink):
    """What was read to make it, with which configuration and code."""

    name = "Lineage"


class PodLink(StageLink):
    """The pod in whatever shows the pods of this cluster."""

    name = "Pod"


LINKS = (ReportLink(), TableVersionLink(), LineageLink(), PodLink())


def of_result(result: Result) -> dict[str, str]:
    """The links that follow from a result."""
    found = {}
    if report := result.get("numbers", {}).get("report"):
        found[ReportLink.name] = settings.file_url(str(report))
    if outputs := result.get("outputs"):
        table, version = outputs[-1].get("table"), outputs[-1].get("version")
        if table is not None and isinstance(version, int):
            found[TableVersionLink.name] = settings.file_url(f"tables/{table}/_delta_log/{version:020}.json")
    if lineage := result.get("lineage_id"):
        found[LineageLink.name] = settings.file_url(f"lineage/{lineage}.json")
    return found
