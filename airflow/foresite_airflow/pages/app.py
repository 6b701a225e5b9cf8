"""The pages as a web application, mounted below `/foresite` in Airflow's API server.

A page may be read by who may see the DAG that makes what it shows, a model be rolled back by who may
start `telecom_model_promotion`, and an item be marked by who may start `telecom_inference`: rights are
given in one place, Airflow's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChainableUndefined, Environment, FileSystemLoader, TemplateError
from markupsafe import Markup
from starlette.exceptions import HTTPException as AnyHTTPException

from foresite_airflow.pages import marks, promotion
from foresite_airflow.pages.console import ConsoleError, summary
from foresite_airflow.pages.wording import FILTERS, is_old, on_record

FOLDER = Path(__file__).parent
PAGES = {"worklist": "Worklist", "models": "Models", "completeness": "Data completeness"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
#: A reason is a sentence or two, not a document.
LONGEST_REASON = 500
#: Names, ids and times of a form.
LONGEST_NAME = 200
ADVICE = {
    401: "Log in to Airflow, then open the page again.",
    403: "Ask who administers Airflow for the right to it.",
}

templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=ChainableUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters.update(FILTERS, on_record=on_record)
templates.tests.update(old=is_old)
# The style sheet is ours; nothing else reaches a page unescaped.
templates.globals.update(style=Markup((FOLDER / "style.css").read_text("utf-8")), pages=PAGES)  # noqa: S704

# No interactive documentation: it answers without authentication, and loads scripts from elsewhere.
app = FastAPI(title="Foresite", docs_url=None, redoc_url=None, openapi_url=None)

may_start = requires_access_dag("POST", DagAccessEntity.RUN, promotion.DAG_ID)
may_mark = requires_access_dag("POST", DagAccessEntity.RUN, marks.DAG_ID)

Name = Annotated[str, Form(min_length=1, max_length=LONGEST_NAME)]
Words = Annotated[str, Form(max_length=LONGEST_REASON)]
#: A time of a form, UTC; empty is now.
When = Annotated[str, Form(max_length=30)]


def may_see(dag_id: str) -> Any:
    return Depends(requires_access_dag("GET", param_dag_id=dag_id))


@app.get("/worklist", dependencies=[may_see(marks.DAG_ID)])
async def worklist(
    request: Request, user: GetUserDep, marked: str = "", count: str = "", disputed: str = ""
) -> HTMLResponse:
    found = await summary("worklist")
    is_allowed = await run_in_threadpool(is_authorized, may_mark, request, user)
    said = {"word": marks.WORDS.get(marked), "count": count if count.isdecimal() else "", "is_disputed": bool(disputed)}
    return page("worklist", list=found, may_mark=is_allowed, words=marks.WORDS, marked=said)


@app.post("/worklist/mark", dependencies=[Depends(may_mark)])
async def mark(
    request: Request,
    user: GetUserDep,
    mark: Name,
    incident_id: Name,
    cutoff: Name,
    text: Words = "",
    at: When = "",
    drawn: Annotated[str, Form(max_length=marks.LONGEST_FORM)] = "",
) -> RedirectResponse:
    said = {"mark": mark, "incident_id": incident_id, "cutoff": cutoff, "text": text}
    return await told(request, user, said, at, drawn)


@app.post("/worklist/missed", dependencies=[Depends(may_mark)])
async def missed(
    request: Request,
    user: GetUserDep,
    entity_type: Name,
    entity_id: Name,
    at: Annotated[str, Form(min_length=1, max_length=30)],
    task: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
    text: Words = "",
) -> RedirectResponse:
    place = {"entity_type": entity_type, "entity_id": entity_id, "task": task}
    return await told(request, user, {"mark": "missed", **place, "text": text}, at)


async def told(request: Request, user: Any, said: dict[str, str], at: str, drawn: str = "") -> RedirectResponse:
    """Hands a mark to the console, and shows the list again."""
    promotion.require_own_page(request)
    outcome = await marks.send(said, user, at, drawn)
    return RedirectResponse(f"../worklist?{urlencode(outcome.query(said['mark']))}", HTTPStatus.SEE_OTHER)


@app.get("/models", dependencies=[may_see(promotion.DAG_ID)])
async def models(request: Request, user: GetUserDep, run: str = "") -> HTMLResponse:
    found = await summary("models")
    runs = await promotion.recent(request)
    is_allowed = await run_in_threadpool(is_authorized, may_start, request, user)
    return page("models", models=found, runs=runs, started=run, may_start=is_allowed)


@app.post("/models/rollback", dependencies=[Depends(may_start)])
async def rollback(
    request: Request,
    task: Annotated[str, Form(max_length=100)],
    reason: Annotated[str, Form(min_length=1, max_length=LONGEST_REASON)],
    model: Annotated[str, Form(max_length=100)] = "",
) -> RedirectResponse:
    run_id = await promotion.start(request, promotion.Rollback(task, model, reason))
    # Relative, so that it holds below whatever path Airflow is served from.
    return RedirectResponse(f"../models?{urlencode({'run': run_id})}", HTTPStatus.SEE_OTHER)


@app.get("/completeness", dependencies=[may_see("telecom_data_pipeline")])
async def completeness() -> HTMLResponse:
    return page("completeness", data=await summary("completeness"))


def is_authorized(may: Callable[[Request, Any], None], request: Request, user: Any) -> bool:
    """Whether the user may do what a form asks for; it is hidden where not."""
    try:
        may(request, user)
    except HTTPException:
        return False
    return True


def page(name: str, status: int = HTTPStatus.OK, **content: Any) -> HTMLResponse:
    """A rendered page. Raises `ConsoleError` for content that it cannot make sense of."""
    shown = {"name": name, "now": datetime.now(timezone.utc), **content}
    try:
        text = templates.get_template(f"{name}.html").render(shown)
    except (TemplateError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise ConsoleError(
            502,
            f"The console's summary is not what this page expects: {type(error).__name__}.",
            "Check that Airflow's plugin and foresite-serve are of one release.",
        ) from error
    return HTMLResponse(text, status, HEADERS)


def problem(request: Request, status: int, what: str, advice: str) -> HTMLResponse:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    # Links are relative, and a form's address lies one step deeper than the pages.
    up = "../" if request.url.path.endswith(("/rollback", "/mark", "/missed")) else ""
    return page("problem", status, phrase=phrase, what=what, advice=advice, up=up)


@app.exception_handler(ConsoleError)
async def no_summary(request: Request, error: ConsoleError) -> HTMLResponse:
    return problem(request, error.status, error.what, error.advice)


@app.exception_handler(AnyHTTPException)
async def refused(request: Request, error: AnyHTTPException) -> HTMLResponse:
    return problem(request, error.status_code, str(error.detail), ADVICE.get(error.status_code, ""))


@app.exception_handler(RequestValidationError)
async def not_understood(request: Request, error: RequestValidationError) -> HTMLResponse:
    fields = sorted({str(found["loc"][-1]) for found in error.errors()})
    return problem(request, 422, f"The form is not complete: {', '.join(fields)}.", "Go back and fill it in.")
