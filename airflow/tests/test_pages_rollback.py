"""Rolling a model back from its page, in the name of the user."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import FOREIGN, OWN, log_in
from tests.harness import bearer
from tests.stand_in_console import Console

DAG_ID = "telecom_model_promotion"
FORM = {"task": "maintenance", "model": "9d1ecfaa2f2133c0", "reason": "false alarms"}


def runs() -> list[Any]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == DAG_ID).order_by(DagRun.id)))


def test_a_roll_back_is_a_run_in_the_users_name(client: Any, console: Console) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    log_in(client, "USER")
    assert "<form" in client.get("/foresite/models").text
    answer = client.post("/foresite/models/rollback", data=FORM, headers=OWN)
    assert answer.status_code == 200, answer.text
    assert answer.url.path == "/foresite/models"
    run = runs()[-1]
    assert run.conf == {**FORM, "action": "rollback"}
    assert run.triggering_user_name == "user-kim"
    assert run.run_id in answer.text
    with create_session() as session:
        audit = session.scalars(select(Log).where(Log.dag_id == DAG_ID).order_by(Log.id.desc())).first()
    assert audit is not None
    assert (audit.event, audit.owner) == ("trigger_dag_run", "user-kim")


def test_who_may_not_start_the_dag_may_not_roll_back(client: Any, console: Console) -> None:
    before = len(runs())
    log_in(client, "VIEWER")
    assert "<form" not in client.get("/foresite/models").text
    answer = client.post("/foresite/models/rollback", data=FORM, headers=OWN)
    assert answer.status_code == 403
    assert 'href="../models"' in answer.text
    assert len(runs()) == before


@pytest.mark.parametrize("sent", FOREIGN)
def test_a_form_of_another_site_rolls_nothing_back(sent: dict[str, str], client: Any, console: Console) -> None:
    before = len(runs())
    log_in(client, "ADMIN")
    # Where everybody is admin, Airflow itself adds a token to what a browser sends.
    for headers in (sent, {**sent, **bearer("ADMIN")} if sent else sent):
        answer = client.post("/foresite/models/rollback", data=FORM, headers=headers)
        assert answer.status_code == 403
        assert "own page" in answer.text
    assert len(runs()) == before


@pytest.mark.parametrize("sent", [{"Origin": "http://localhost:8080"}, bearer])
def test_an_old_browser_and_a_program_may(sent: Any, client: Any, console: Console) -> None:
    before = len(runs())
    log_in(client, "ADMIN")
    headers = sent("USER") if callable(sent) else sent
    answer = client.post("/foresite/models/rollback", data={**FORM, "model": ""}, headers=headers)
    assert answer.status_code == 200
    assert len(runs()) == before + 1
    assert "model" not in runs()[-1].conf


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        ({"task": "maintenance"}, 422, "reason"),
        ({**FORM, "reason": ""}, 422, "reason"),
        ({**FORM, "reason": "x" * 501}, 422, "reason"),
        ({**FORM, "task": "weather"}, 400, "weather"),
    ],
)
def test_a_form_that_cannot_be_followed_is_said(
    form: dict[str, str], status: int, text: str, client: Any, console: Console
) -> None:
    before = len(runs())
    log_in(client, "USER")
    answer = client.post("/foresite/models/rollback", data=form, headers=OWN)
    assert answer.status_code == status
    assert text in answer.text
    assert len(runs()) == before


def test_the_pages_hold_below_a_path(client: Any, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a proxy that serves Airflow at `/air`."""
    monkeypatch.setattr(client.app, "root_path", "/air")
    log_in(client, "USER")
    before = len(runs())
    assert client.get("/air/foresite/worklist").status_code == 200
    answer = client.post("/air/foresite/models/rollback", data=FORM, headers=OWN)
    assert (answer.status_code, answer.url.path) == (200, "/air/foresite/models")
    assert len(runs()) == before + 1
