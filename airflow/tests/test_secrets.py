"""Secrets are nowhere: what tasks are given to keep is in no log, no rendered field, no row of Airflow's database."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.harness import FORM, Stages

SECRETS = {
    "the fernet key": urlsafe_b64encode(b"fernet~key~of~the~tests~01234567").decode(),
    "the JWT secret": "jwt~secret~of~the~tests~" + 8 * "01234567",
    "the key of the API server": "secret~key~of~the~tests~0123456789",
    "the password of the database": "correct~horse~battery~staple",
    "the password of the connection": "battery~staple~correct~horse",
    "the password of a user": "staple~battery~horse~correct",
    "the signing key": "signing~key~of~the~tests~0123456",
    "the token": "api-token~0f3a7c5e9b1d2468",
    "the keytab": "keytab~of~the~tests~0123456789",
}

#: Values in the environment of the worker. Airflow works with its SQLite, which it opened before.
VALUES = {
    "AIRFLOW__CORE__FERNET_KEY": SECRETS["the fernet key"],
    "AIRFLOW__API_AUTH__JWT_SECRET": SECRETS["the JWT secret"],
    "AIRFLOW__API__SECRET_KEY": SECRETS["the key of the API server"],
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql://airflow:{SECRETS['the password of the database']}@db/airflow",
    "AIRFLOW_CONN_SMTP_DEFAULT": f"smtp://foresite:{SECRETS['the password of the connection']}@127.0.0.1:1",
}
#: Files that it names.
FILES = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": json.dumps({"admin": SECRETS["the password of a user"]}),
    "FORESITE_SIGNING_KEY": SECRETS["the signing key"],
    "FORESITE_CONSOLE_TOKEN_FILE": SECRETS["the token"],
    "KRB5_CLIENT_KTNAME": SECRETS["the keytab"],
}
#: Who is told of a failed task, by the connection.
NOTIFIER = {
    "class": "airflow.providers.smtp.notifications.smtp.SmtpNotifier",
    "arguments": {
        "from_email": "a@localhost",
        "to": "b@localhost",
        "subject": "failed",
        "html_content": "{{ exception }}",
    },
}

#: How a stage may write a secret.
FORMS: dict[str, Callable[[str], str]] = {
    "text": lambda word: word,
    "base64": lambda word: b64encode(f"as kim:{word}".encode()).decode(),
    "hex": lambda word: word.encode().hex(),
}

TAKEN_UP = datetime(2026, 5, 1, 13, 30, tzinfo=timezone.utc)
PROMOTION = {"task": "capacity", "action": "rollback", "reason": "worse in the north"}


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets where tasks are given them, outside of whatever is looked through."""
    folder = tmp_path_factory.mktemp("vault")
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    for name, text in FILES.items():
        (folder / name).write_text(text)
        monkeypatch.setenv(name, str(folder / name))


def forms(secret: bytes) -> set[bytes]:
    """A secret as it is, in hexadecimal, and in base64 wherever in a longer text it begins."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for before in range(3):
        text = b64encode(bytes(before) + secret)
        found.add(text[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6])
    return found


def found_in(place: str, text: bytes, secrets: dict[str, str]) -> list[str]:
    return [f"{place}: {name}" for name, secret in secrets.items() if any(f in text for f in forms(secret.encode()))]


def leaks(said: str, *folders: Path, secrets: dict[str, str] = SECRETS) -> list[str]:
    """Where a secret stands: in what the tasks said, in files below the folders, in rows of their databases."""
    found = found_in("the logs", said.encode(), secrets)
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        found += found_in(str(path), path.read_bytes(), secrets)
        if path.suffix == ".db":
            found += found_in(f"rows of {path}", rows(path), secrets)
    return found


def rows(database: Path) -> bytes:
    """All rows as text, which pages of the file may cut in two."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()


def home() -> Path:
    return Path(os.environ["AIRFLOW_HOME"])


@pytest.fixture
def notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tells of failed tasks by mail, through a connection to where nobody listens."""
    monkeypatch.setenv("FORESITE_NOTIFY", json.dumps(NOTIFIER))
    monkeypatch.setenv("FORESITE_NOTIFY_WITHIN_HOURS", "1000000")


def test_what_tasks_are_given_to_keep_is_told_nowhere(
    stages: Stages, run_dag: Any, vault: None, notifier: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_dag("telecom_data_pipeline", TAKEN_UP).state == "success"
    assert run_dag("telecom_model_promotion", TAKEN_UP, PROMOTION).state == "success"
    stages.behave("derive", exit=65, lines=["ERROR table `kpis`: not there"])
    assert run_dag("telecom_stage", TAKEN_UP, FORM).state == "failed"
    said = "".join(capfd.readouterr())
    # Looked through is what is really there: lines of the stages, commands, a mail that failed, rendered fields.
    assert "table `kpis`: not there" in said
    assert "rerun by hand:" in said
    assert "Connection refused" in said
    kept = rows(home() / "airflow.db").decode()
    assert re.search(r'INSERT INTO "?rendered_task_instance_fields"? .*telecom_data_pipeline', kept)
    assert {call["stage"] for call in stages.calls()} >= {"ingest", "featurize", "promote", "derive"}
    assert leaks(said, home(), stages.folder) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_that_a_stage_tells_is_found(
    stages: Stages, run_dag: Any, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    # A word for each, because rows stay.
    word = f"told~by~a~stage~as~{form}"
    told = FORMS[form](word)
    stages.behave("derive", lines=[f"INFO asked authorization={told}"], numbers={"authorization": told})
    assert run_dag("telecom_stage", TAKEN_UP, FORM).state == "success"
    found = leaks("".join(capfd.readouterr()), home(), stages.folder, secrets={"the word": word})
    # What it said, its result handed on between tasks, a file.
    places = ("the logs", f"rows of {home() / 'airflow.db'}", str(stages.folder / "behaviour.json"))
    assert {f"{place}: the word" for place in places} <= set(found)
