"""Rolling a model back, by Airflow's own API: its rights, its checks, its audit log.

The call stays inside the API server and carries the credentials of whoever asked, so that a page can
do nothing which its reader could not do by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from fastapi import HTTPException, Request

DAG_ID = "telecom_model_promotion"
RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"
#: A name for calls that do not leave the process.
INSIDE = "http://airflow"
#: Where the plugin puts the app that the pages are mounted in.
AIRFLOW = "foresite.airflow"
#: Runs that the page shows.
RECENT = 5
PATIENCE = httpx.Timeout(30.0)


@dataclass(frozen=True)
class Rollback:
    """What the form asks for; an empty model means the champion before the present one."""

    task: str
    model: str
    reason: str

    def conf(self) -> dict[str, str]:
        asked = {"task": self.task, "action": "rollback", "reason": self.reason}
        return {**asked, "model": self.model} if self.model else asked


async def start(request: Request, rollback: Rollback) -> str:
    """Triggers the DAG as the user of the request; returns the run's id. Raises `HTTPException`."""
    require_own_page(request)
    body = {"logical_date": None, "conf": rollback.conf(), "note": f"From the models page: {rollback.reason}"}
    answer = await call(request, "POST", RUNS, body)
    if answer.status_code != httpx.codes.OK:
        raise HTTPException(answer.status_code, refusal(answer))
    return str(answer.json()["dag_run_id"])


async def recent(request: Request) -> list[dict[str, Any]]:
    """The last runs of the DAG, newest first; none where they may not be seen."""
    answer = await call(request, "GET", f"{RUNS}?limit={RECENT}&order_by=-run_after")
    if answer.status_code != httpx.codes.OK:
        return []
    runs: list[dict[str, Any]] = answer.json()["dag_runs"]
    return runs


async def call(request: Request, method: str, path: str, body: Any = None) -> httpx.Response:
    """Asks the API of the Airflow that the pages are mounted in."""
    transport = httpx.ASGITransport(app=request.scope[AIRFLOW], raise_app_exceptions=False)
    # By the referrer Airflow tells a run that was started in the UI.
    sent = {"Authorization": f"Bearer {token_of(request)}", "Referer": f"{INSIDE}/foresite/models"}
    async with httpx.AsyncClient(transport=transport, base_url=INSIDE, timeout=PATIENCE) as client:
        return await client.request(method, path, json=body, headers=sent)


def token_of(request: Request) -> str:
    """The token that Airflow let this request in for."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    return request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")


def require_own_page(request: Request) -> None:
    """Refuses a form of another site: a browser sends its credentials along with whatever page it shows.

    `Sec-Fetch-Site` is what browsers say on secure and local addresses, `Origin` elsewhere; what says
    neither is no browser, and has a token of its own. Raises `HTTPException`.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site == "same-origin"
    elif origin is not None:
        is_own = urlsplit(origin).netloc == request.headers.get("host")
    else:
        is_own = "authorization" in request.headers
    if not is_own:
        raise HTTPException(403, "This was not asked from Foresite's own page.")


def refusal(answer: httpx.Response) -> str:
    """Why Airflow's API refused, in its own words."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"Airflow answered HTTP {answer.status_code}."
    return detail if isinstance(detail, str) else f"Airflow refuses the request: {detail}"
