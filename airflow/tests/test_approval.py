"""A person between a verdict and a promotion, where the site asks for one."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from jinja2 import Template

from tests.harness import Stages

SUNDAY = datetime(2026, 3, 22, 3, tzinfo=timezone.utc)
DAG_ID = "telecom_model_training"


def test_without_a_word_of_the_site_nobody_is_asked(dags: dict[str, Any]) -> None:
    assert not [task_id for task_id in dags[DAG_ID].task_ids if "approve" in task_id]
    assert dags[DAG_ID].get_task("anomaly.promote").upstream_task_ids == {"anomaly.judge"}


@pytest.mark.parametrize(
    ("verdict", "question"),
    [
        ("PASS", "Promote the new anomaly model?"),
        ("INSUFFICIENT", "Let the new anomaly model speak unproven?"),
    ],
)
def test_what_is_asked_says_what_becomes_of_the_model(
    verdict: str, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foresite_airflow import tasks

    monkeypatch.setenv("FORESITE_PROMOTION_APPROVAL", "true")
    (approval,) = tasks.approvals("anomaly")

    class Told:
        """What the tasks before it returned."""

        @staticmethod
        def xcom_pull(task_ids: str) -> dict[str, Any]:
            results: dict[str, dict[str, Any]] = {
                "anomaly.train": {"numbers": {"model_id": "m1"}},
                "anomaly.evaluate": {"verdict": verdict},
            }
            return results[task_ids]

    templates = {field: str(getattr(approval, field)) for field in ("subject", "body")}
    asked = {field: Template(text).render(ti=Told) for field, text in templates.items()}
    assert asked["subject"] == question
    assert f"Model `m1`, verdict **{verdict}**." in asked["body"]
    assert ("becomes the challenger" in asked["body"]) == (verdict != "PASS")
    assert "`models/anomaly/m1/card.md`" in asked["body"]


@pytest.fixture
def people(airflow: Any, bearer: Any) -> Any:
    """Answers what Airflow asks of people, through its API; what was promoted when each was asked."""
    import sqlalchemy
    from airflow.models.dagrun import DagRun
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    asked: dict[str, Any] = {}

    def waiting() -> list[tuple[str, str, str, str | None]]:
        with create_session() as session:
            query = sqlalchemy.select(TaskInstance, HITLDetail).join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
            # The question is written a moment before the task waits; nobody could answer it by then.
            query = query.where(TaskInstance.state == "awaiting_input", HITLDetail.responded_at.is_(None))
            found = list(session.execute(query))
            return [(ti.run_id, ti.task_id, detail.subject, detail.body) for ti, detail in found]

    def answer(choices: dict[str, str], promoted: Any) -> None:
        deadline = time.monotonic() + 600
        while len(asked) < len(choices) and time.monotonic() < deadline:
            for run_id, task_id, subject, body in waiting():
                before = promoted()
                path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
                sent = {"chosen_options": [choices[task_id]], "params_input": {}}
                said = airflow.patch(path, json=sent, headers=bearer("ADMIN"))
                assert said.status_code == 200, said.text
                asked[task_id] = (subject, body, before)
            time.sleep(0.2)

    def answer_or_give_up(choices: dict[str, str], promoted: Any) -> None:
        """Airflow waits for people without end."""
        try:
            answer(choices, promoted)
        finally:
            if len(asked) < len(choices):
                with create_session() as session:
                    session.execute(sqlalchemy.update(DagRun).where(DagRun.dag_id == DAG_ID).values(state="failed"))

    def begin(choices: dict[str, str], promoted: Any) -> threading.Thread:
        thread = threading.Thread(target=answer_or_give_up, args=(choices, promoted), daemon=True)
        thread.start()
        return thread

    begin.asked = asked  # type: ignore[attr-defined]
    return begin


def test_a_promotion_waits_for_a_person_and_a_rejection_promotes_nothing(
    stages: Stages, run_dag: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESITE_PROMOTION_APPROVAL", "true")
    stages.behave("evaluate", verdict="PASS")
    choices = {"anomaly.approve": "Approve", "maintenance.approve": "Reject", "capacity.approve": "Reject"}

    def promoted() -> list[str]:
        return [call["flags"]["task"] for call in stages.calls("promote")]

    thread = people(choices, promoted)
    run = run_dag(DAG_ID, SUNDAY)
    thread.join(10)
    assert run.state == "success"
    assert promoted() == ["anomaly"]
    assert run.states("maintenance.promote") == run.states("capacity.promote") == ["skipped"]
    subject, body, before = people.asked["anomaly.approve"]
    assert subject == "Promote the new anomaly model?"
    assert "Model `model-of-anomaly`, verdict **PASS**" in body
    assert "anomaly" not in before, "promoted before anybody agreed"


def test_a_model_that_failed_its_gate_is_not_asked_about(
    stages: Stages, run_dag: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESITE_PROMOTION_APPROVAL", "true")
    stages.behave("evaluate", verdict="FAIL")
    run = run_dag(DAG_ID, SUNDAY.replace(hour=4))
    assert run.state == "success"
    assert run.states("anomaly.approve") == run.states("anomaly.promote") == ["skipped"]
    assert not stages.calls("promote")
