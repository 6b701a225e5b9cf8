"""Marking the worklist's items from their page, in the name of the user."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from foresite_airflow.pages import marks
from tests.browser import FOREIGN, OWN, log_in
from tests.stand_in_console import Console

FORM = {
    "mark": "wrong",
    "incident_id": "inc-1",
    "cutoff": "2026-03-09T14:00:00Z",
    "text": "street festival",
    "at": "2026-03-09T15:12",
}
MISSED = {"entity_type": "cell", "entity_id": "north/N010/2/n78", "task": "anomaly", "at": "2026-03-06T08:00"}
TAKEN = {"feedback_ids": ["a", "b"], "file": "landing/feedback/console-1.csv", "notes": []}


@pytest.fixture
def taking(console: Console) -> Console:
    """A console that takes marks."""
    console.answers["worklist"]["accepts_feedback"] = True
    console.answers["feedback"] = TAKEN
    return console


def test_a_mark_goes_to_the_console_in_the_users_name(client: Any, taking: Console) -> None:
    log_in(client, "USER")
    page = client.get("/foresite/worklist").text
    assert page.count('action="worklist/mark"') == 2
    assert 'name="incident_id" value="inc-1"' in page
    answer = client.post("/foresite/worklist/mark", data=FORM, headers=OWN)
    assert (answer.status_code, answer.url.path) == (200, "/foresite/worklist")
    assert taking.told == [{**FORM, "at": "2026-03-09T15:12:00Z", "person": "user-kim"}]
    assert "Your mark was taken: wrong, for 2 entities" in answer.text
    assert "the contrary" not in answer.text


def test_a_missed_event_is_reported(client: Any, taking: Console) -> None:
    log_in(client, "USER")
    assert 'action="worklist/missed"' in client.get("/foresite/worklist").text
    answer = client.post("/foresite/worklist/missed", data=MISSED, headers=OWN)
    assert answer.status_code == 200, answer.text
    assert taking.told == [{**MISSED, "mark": "missed", "at": "2026-03-06T08:00:00Z", "person": "user-kim"}]


def test_what_others_said_to_the_contrary_is_told(client: Any, taking: Console) -> None:
    taking.answers["feedback"] = {**TAKEN, "notes": ["prediction `p` was marked confirmed by Lee"]}
    log_in(client, "USER")
    answer = client.post("/foresite/worklist/mark", data=FORM, headers=OWN)
    assert "Earlier marks say the contrary" in answer.text


def drawn(client: Any) -> dict[str, str]:
    """The first form of the page as a browser would send it, without a time."""
    text = client.get("/foresite/worklist").text
    form = text[text.index('action="worklist/mark"') :].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def test_a_second_click_is_the_same_mark_and_another_form_another(client: Any, taking: Console) -> None:
    log_in(client, "USER")
    first, second = drawn(client), drawn(client)
    for form, word in ((first, "wrong"), (first, "wrong"), (second, "wrong")):
        assert client.post("/foresite/worklist/mark", data={**form, "mark": word}, headers=OWN).status_code == 200
    clicked, again, later = (told["at"] for told in taking.told)
    assert clicked == again
    assert clicked < later
    assert {"drawn", "form"}.isdisjoint(taking.told[0])


def test_a_misclick_is_put_right_within_the_minute(client: Any, taking: Console) -> None:
    """Of one person the newer mark counts: two of one moment would contradict each other."""
    log_in(client, "USER")
    first, second = drawn(client), drawn(client)
    for form, word in ((first, "wrong"), (first, "confirmed"), (first, "wrong"), (second, "confirmed")):
        assert client.post("/foresite/worklist/mark", data={**form, "mark": word}, headers=OWN).status_code == 200
    moments = [told["at"] for told in taking.told]
    assert moments == sorted(set(moments))
    now = datetime.now(timezone.utc)
    assert all(now - timedelta(minutes=1) < datetime.fromisoformat(at) <= now for at in moments)


def test_a_typed_time_is_kept_and_memory_is_bounded() -> None:
    assert marks.moment("2026-03-09T14:00") == "2026-03-09T14:00:00Z"
    assert marks.moment("2026-03-09T14:00:30") == "2026-03-09T14:00:30Z"
    clicks = marks.Clicks()
    first = clicks.moment(("Kim", "0", "inc-1"), "wrong")
    assert clicks.moment(("Lee", "0", "inc-1"), "wrong") != first
    for number in range(marks.MOST_FORMS):
        clicks.moment(("Kim", str(number + 1), "inc-1"), "wrong")
    assert len(clicks.last) == marks.MOST_FORMS
    assert clicks.moment(("Kim", "0", "inc-1"), "wrong") != first


def test_who_may_not_start_the_dag_may_not_mark(client: Any, taking: Console) -> None:
    log_in(client, "VIEWER")
    page = client.get("/foresite/worklist").text
    assert "<form" not in page
    assert "you need the right to run the DAG telecom_inference" in page
    for path, form in (("mark", FORM), ("missed", MISSED)):
        answer = client.post(f"/foresite/worklist/{path}", data=form, headers=OWN)
        assert answer.status_code == 403
        assert 'href="../worklist"' in answer.text
    assert taking.told == []


def test_a_console_that_takes_no_marks_has_no_forms(client: Any, console: Console) -> None:
    log_in(client, "ADMIN")
    page = client.get("/foresite/worklist").text
    assert "<form" not in page
    assert "telecom_inference</" not in page


@pytest.mark.parametrize("sent", FOREIGN)
def test_a_form_of_another_site_marks_nothing(sent: dict[str, str], client: Any, taking: Console) -> None:
    log_in(client, "ADMIN")
    for path, form in (("mark", FORM), ("missed", MISSED)):
        answer = client.post(f"/foresite/worklist/{path}", data=form, headers=sent)
        assert answer.status_code == 403
        assert "own page" in answer.text
    assert taking.told == []


@pytest.mark.parametrize(
    ("status", "expected", "text"),
    [
        (422, 422, "prediction `p` is not known"),
        (409, 409, "which of the two holds"),
        (429, 429, "Wait a minute"),
        (403, 403, "--accept-feedback"),
        (401, 502, "refuses the token"),
        (503, 503, "cannot read the data root"),
    ],
)
def test_what_the_console_does_not_take_is_said(
    status: int, expected: int, text: str, client: Any, taking: Console
) -> None:
    log_in(client, "USER")
    taking.status, taking.answers["feedback"] = status, {"error": "mark 1: prediction `p` is not known"}
    answer = client.post("/foresite/worklist/mark", data=FORM, headers=OWN)
    assert answer.status_code == expected
    assert text in answer.text


@pytest.mark.parametrize("left_out", ["mark", "incident_id", "cutoff"])
def test_a_form_that_is_not_complete_is_said(left_out: str, client: Any, taking: Console) -> None:
    log_in(client, "USER")
    form = {name: value for name, value in FORM.items() if name != left_out}
    answer = client.post("/foresite/worklist/mark", data=form, headers=OWN)
    assert (answer.status_code, left_out in answer.text) == (422, True)
    assert taking.told == []
