"""The pages in Airflow's UI, in a real API server of this process, over a stand-in for the console."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from foresite_airflow.pages import wording
from tests.browser import OWN, PAGES, log_in
from tests.harness import bearer, token
from tests.stand_in_console import Console

FORMS = ("/models/rollback", "/worklist/mark", "/worklist/missed")
HOSTILE = "<script>alert(1)</script>"


def test_every_route_asks_who_it_is(client: Any, console: Console) -> None:
    from foresite_airflow.pages.app import app

    routes = [(route.path, method) for route in app.routes for method in route.methods]  # type: ignore[attr-defined]
    assert {path for path, _ in routes} == {f"/{page}" for page in PAGES} | {*FORMS}
    for path, method in routes:
        answer = client.request(
            method, f"/foresite{path}", headers=OWN, data={"task": "x"} if method == "POST" else None
        )
        assert answer.status_code == 401, (method, path)
        assert "Log in to Airflow" in answer.text
    assert console.seen == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_a_cookie_or_a_token(page: str, client: Any, console: Console) -> None:
    by_token = client.get(f"/foresite/{page}", headers=bearer("VIEWER"))
    assert by_token.status_code == 200, by_token.text
    log_in(client, "VIEWER")
    by_cookie = client.get(f"/foresite/{page}")
    assert by_cookie.status_code == 200
    assert "default-src 'none'" in by_cookie.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in by_cookie.headers["content-security-policy"]
    assert f'<a href="{page}" aria-current="page">' in by_cookie.text
    assert "http" not in by_cookie.text.replace(console.url, "")  # nothing is loaded from elsewhere


def test_an_expired_or_forged_token_is_none(client: Any, console: Console) -> None:
    for wrong in (token("ADMIN", timedelta(seconds=-90)), token("ADMIN")[:-6] + "forged", "x"):
        answer = client.get("/foresite/worklist", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code in {401, 403}
    assert console.seen == []


def test_the_pages_show_what_the_console_says(client: Any, console: Console) -> None:
    log_in(client, "VIEWER")
    worklist = client.get("/foresite/worklist").text
    told = ("Traffic fell, the neighbours&#39; did not", "Depot · sector 2", "97\u00a0%", "planned work W-17")
    for text in (*told, "· field north", "<td>Planned work</td>"):
        assert text in worklist
    models = client.get("/foresite/models").text
    for text in ("4f22e36e14ab9c46", "PASS", "PR AUC, 7\u00a0d", "false alarms in the north", "kim"):
        assert text in models
    data = client.get("/foresite/completeness").text
    for text in ("ManagedElement=N012", "gzip stream is cut off", "2026-03-09 13:00 UTC"):
        assert text in data
    assert [path for path, _ in console.seen] == [f"/console/v1/{page}" for page in PAGES]


def test_text_of_the_tables_is_never_markup(client: Any, console: Console) -> None:
    def hostile(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: hostile(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [hostile(inner) for inner in value]
        return f'{HOSTILE}"onload="{value}' if isinstance(value, str) else value

    console.answers = hostile(console.answers)
    log_in(client, "ADMIN")
    for page in PAGES:
        answer = client.get(f"/foresite/{page}", params={"run": HOSTILE, "marked": "done", "count": HOSTILE})
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert '"onload="' not in answer.text
        assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("change", [[], {}, {"lists": 3, "tasks": 3, "hours": 3, "days": 3}, {"cutoff": [1]}])
def test_an_answer_of_another_shape_is_no_traceback(change: Any, client: Any, console: Console) -> None:
    log_in(client, "VIEWER")
    for page in PAGES:
        example = copy.deepcopy(console.answers[page])
        console.answers[page] = {**example, **change} if change else change
        answer = client.get(f"/foresite/{page}")
        assert answer.status_code in {200, 502}
        assert "Traceback" not in answer.text
        assert "<h1>" in answer.text


def test_the_pages_stand_in_the_navigation(client: Any) -> None:
    plugins = client.get("/api/v2/plugins", headers=bearer("ADMIN")).json()["plugins"]
    views = next(plugin for plugin in plugins if plugin["name"] == "foresite")["external_views"]
    assert [view["href"] for view in views] == [f"/foresite/{page}" for page in PAGES]
    assert all(view["url_route"] and view["destination"] == "nav" for view in views)


def test_numbers_and_times_read_well_and_nonsense_is_a_dash() -> None:
    now = datetime(2026, 3, 9, 14, 31, tzinfo=timezone.utc)
    space = wording.SPACE
    assert wording.ago("2026-03-09T14:00:00Z", now) == f"31{space}min ago"
    assert wording.ago("2026-03-01T14:00:00Z", now) == f"8{space}d ago"
    assert [wording.percent(value) for value in (0, 0.001, 0.1875, 0.999)] == [
        f"0{space}%",
        f"<{space}1{space}%",
        f"19{space}%",
        f">{space}99{space}%",
    ]
    assert wording.deadline("2026-03-09T13:00:00Z", "2026-03-09T14:00:00Z") == "now"
    assert wording.deadline("2026-03-10T13:40:00Z", "2026-03-09T14:00:00Z") == "2026-03-10 13:00 UTC"
    assert wording.metric("auc_roc_14d") == f"AUC ROC, 14{space}d"
    strange: list[Any] = [None, "x", [], {}, float("nan"), 1e300, True]
    for say in wording.FILTERS.values():
        for nonsense in strange:
            assert isinstance(say(nonsense), str)
