"""The pages in Airflow's UI, in a real API server of this process, over a stand-in for the console."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.pages import wording
from tests.harness import bearer, token
from tests.stand_in_console import Console, running

PAGES = ("worklist", "models", "completeness")
DAG_ID = "telecom_model_promotion"
FORM = {"task": "maintenance", "model": "9d1ecfaa2f2133c0", "reason": "false alarms"}
#: What a browser adds to a form of the page itself.
OWN = {"Sec-Fetch-Site": "same-origin"}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(airflow: Any) -> Iterator[Any]:
    """A browser that nobody has logged in with."""
    airflow.cookies.clear()
    yield airflow
    airflow.cookies.clear()


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    with running(Console()) as made:
        monkeypatch.setenv("FORESITE_CONSOLE_URL", made.url)
        yield made


def log_in(client: Any, role: str) -> None:
    client.cookies.set("_token", token(role))


def runs() -> list[Any]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == DAG_ID).order_by(DagRun.id)))


def test_every_route_asks_who_it_is(client: Any, console: Console) -> None:
    from foresite_airflow.pages.app import app

    routes = [(route.path, method) for route in app.routes for method in route.methods]  # type: ignore[attr-defined]
    assert {path for path, _ in routes} == {f"/{page}" for page in PAGES} | {"/models/rollback"}
    for path, method in routes:
        answer = client.request(method, f"/foresite{path}", headers=OWN, data=FORM if method == "POST" else None)
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
    for text in ("Traffic fell, the neighbours&#39; did not", "Depot · sector 2", "97\u00a0%", "planned work W-17"):
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
        answer = client.get(f"/foresite/{page}", params={"run": HOSTILE})
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


def test_a_console_that_is_not_there_is_said_with_what_to_do(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(client, "VIEWER")
    expected = {
        "": (503, "No console is configured"),
        "http://127.0.0.1:9": (502, "cannot be reached"),
        "http://[broken": (502, "cannot be reached"),
        "127.0.0.1:9": (502, "cannot be reached"),
    }
    for url, (status, text) in expected.items():
        monkeypatch.setenv("FORESITE_CONSOLE_URL", url)
        for page in PAGES:
            answer = client.get(f"/foresite/{page}")
            assert answer.status_code == status, url
            assert text in answer.text
            assert "FORESITE_CONSOLE_URL" in answer.text


@pytest.mark.parametrize(
    ("status", "answer", "expected", "text"),
    [
        (503, {"error": "data root file:///x/: no such directory"}, 503, "no such directory"),
        (401, {"error": "token"}, 502, "FORESITE_CONSOLE_TOKEN_FILE"),
        (404, {}, 502, "HTTP 404"),
        (200, b"<html>", 502, "an answer that is none"),
        (200, b"{" + b" " * (9 << 20) + b"}", 502, "more than 8388608 bytes"),
    ],
)
def test_what_the_console_refuses_is_told(
    status: int, answer: Any, expected: int, text: str, client: Any, console: Console
) -> None:
    log_in(client, "VIEWER")
    console.status, console.answers["worklist"] = status, answer
    page = client.get("/foresite/worklist")
    assert page.status_code == expected
    assert text in page.text


def test_the_token_is_read_anew_and_sent(
    client: Any, console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(client, "VIEWER")
    file = tmp_path / "token"
    monkeypatch.setenv("FORESITE_CONSOLE_TOKEN_FILE", str(file))
    missing = client.get("/foresite/worklist")
    assert (missing.status_code, "token" in missing.text) == (503, True)
    for secret in ("s3cret-1", "s3cret-2"):
        file.write_text(f"{secret}\n")
        page = client.get("/foresite/worklist")
        assert page.status_code == 200
        assert secret not in page.text
    assert [sent for _, sent in console.seen] == ["Bearer s3cret-1", "Bearer s3cret-2"]


def test_a_file_of_several_tokens_gives_the_first_that_counts(
    client: Any, console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While tokens change there are two of them in the file that the services read, too."""
    log_in(client, "VIEWER")
    file = tmp_path / "token"
    monkeypatch.setenv("FORESITE_CONSOLE_TOKEN_FILE", str(file))
    for text, sent in (
        ("one\ntwo\n", "one"),
        ("one 2020-01-01T00:00:00Z\n\ntwo 2999-01-01T00:00:00Z\n", "two"),
    ):
        file.write_text(text)
        assert client.get("/foresite/worklist").status_code == 200
        assert console.seen[-1][1] == f"Bearer {sent}"
    file.write_text("one 2020-01-01T00:00:00Z\n")
    page = client.get("/foresite/worklist")
    assert (page.status_code, "still counts" in page.text) == (503, True)


def certificate(folder: Path, name: str) -> Path:
    """A certificate for this machine that is its own authority, with its key behind it."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    (folder / f"{name}.pem").write_bytes(text)
    return folder / f"{name}.pem"


def test_the_consoles_certificate_is_checked_against_the_named_authority(
    client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(client, "VIEWER")
    console = Console()
    console.certify(certificate(tmp_path, "console"))
    authority = tmp_path / "ca.crt"
    monkeypatch.setenv("FORESITE_CONSOLE_URL", console.url)
    with running(console):
        untrusted = client.get("/foresite/worklist")
        monkeypatch.setenv("FORESITE_CONSOLE_CA_FILE", str(authority))
        missing = client.get("/foresite/worklist")
        authority.write_text(certificate(tmp_path, "another").read_text())
        another = client.get("/foresite/worklist")
        assert console.seen == []
        # A new file counts at once.
        authority.write_text((tmp_path / "console.pem").read_text())
        assert client.get("/foresite/worklist").status_code == 200
    assert (untrusted.status_code, "CERTIFICATE_VERIFY_FAILED" in untrusted.text) == (502, True)
    assert (missing.status_code, "FORESITE_CONSOLE_CA_FILE" in missing.text) == (503, True)
    assert (another.status_code, "CERTIFICATE_VERIFY_FAILED" in another.text) == (502, True)


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


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
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
