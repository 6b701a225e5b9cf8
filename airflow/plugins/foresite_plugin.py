"""What the DAGs need beyond operators: their timetable, and the pages in Airflow's UI."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from foresite_airflow.timetable import LateDataIntervalTimetable

PREFIX = "/foresite"
#: A ranked list; drawn here, because a page may load nothing from elsewhere.
ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23{colour}' "
    "stroke-width='2' stroke-linecap='round'><path d='M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01'/></svg>"
)


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
        "icon": ICON.format(colour="3f3f46"),
        "icon_dark_mode": ICON.format(colour="e4e4e7"),
        "nav_top_level": is_top_level,
    }


class ForesitePlugin(AirflowPlugin):
    """Registers all of it; Airflow declares these attributes as they are."""

    name = "foresite"
    timetables = [LateDataIntervalTimetable]  # noqa: RUF012
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Foresite"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        view("Worklist", "worklist", is_top_level=True),
        view("Models", "models"),
        view("Data completeness", "completeness"),
    ]
