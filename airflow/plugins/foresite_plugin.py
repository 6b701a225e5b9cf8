"""What the DAGs need beyond operators: their timetable, their links, and the pages in Airflow's UI."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from foresite_airflow.operators.links import LINKS
from foresite_airflow.timetable import LateDataIntervalTimetable

PREFIX = "/foresite"


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The pages, imported when first asked for.

    Scheduler and tasks load this plugin as well, and have no use for a web framework.
    """
    from foresite_airflow.pages.app import app
    from foresite_airflow.pages.promotion import AIRFLOW

    # Until the pages put themselves there, `app` is Airflow.
    scope[AIRFLOW] = scope["app"]
    await app(scope, receive, send)


def view(name: str, path: str, *, is_top_level: bool = False) -> dict[str, Any]:
    """An entry of Airflow's navigation."""
    below = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return {
        "name": name,
        "href": f"{below}{PREFIX}/{path}",
        "destination": "nav",
        "url_route": f"foresite-{path}",
        "nav_top_level": is_top_level,
    }


class ForesitePlugin(AirflowPlugin):
    """Registers all of it; Airflow declares these attributes as they are."""

    name = "foresite"
    operator_extra_links = list(LINKS)  # noqa: RUF012
    timetables = [LateDataIntervalTimetable]  # noqa: RUF012
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Foresite"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        view("Worklist", "worklist", is_top_level=True),
        view("Models", "models"),
        view("Data completeness", "completeness"),
    ]
