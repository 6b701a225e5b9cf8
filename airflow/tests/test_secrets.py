"""Secrets are nowhere: what tasks are given to keep is in no log, no rendered field, no row of Airflow's database."""

from __future__ import annotations

import os
import re
import sqlite3
from base64 import b64encode
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.harness import FORM, Stages

PASSWORD = "correct~horse~battery~staple"
TOKEN = "api-token~0f3a7c5e9b1d2468"
KEY = "signing~key~of~the~tests~0123456"
#: One that a stage tells, so that the scan can be seen to find it.
TOLD = "told~by~a~stage~0123456789"
SECRETS = {"the password": PASSWORD, "the token": TOKEN, "the key": KEY}

#: Values in the environment of the worker.
VALUES = {
    "AIRFLOW_DB_PASSWORD": PASSWORD,
    "HADOOP_CREDSTORE_PASSWORD": PASSWORD,
    "KRB5_PASSWORD": PASSWORD,
    "FORESITE_CONSOLE_TOKEN": TOKEN,
    "FORESITE_API_TOKEN": TOKEN,
}
#: Files that it names.
FILES = {"FORESITE_SIGNING_KEY": KEY, "FORESITE_CONSOLE_TOKEN_FILE": TOKEN, "KRB5_CLIENT_KTNAME": KEY}

TAKEN_UP = datetime(2026, 5, 1, 13, 30, tzinfo=timezone.utc)
PROMOTION = {"task": "capacity", "action": "rollback", "reason": "worse in the north"}


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets where tasks are given them, outside of whatever is looked through."""
    folder = tmp_path_factory.mktemp("vault")
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    for name, secret in FILES.items():
        (folder / name).write_text(secret)
        monkeypatch.setenv(name, str(folder / name))


def forms(secret: bytes) -> set[bytes]:
    """A secret as it is, in hexadecimal, and in base64 wherever in a longer text it begins."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for before in range(3):
        text = b64encode(bytes(before) + secret)
        found.add(text[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6])
    return found


def found_in(place: str, text: bytes, secrets: dict[str, str] = SECRETS) -> list[str]:
    return [f"{place}: {name}" for name, secret in secrets.items() if any(f in text for f in forms(secret.encode()))]


def leaks(said: str, *folders: Path) -> list[str]:
    """Where a secret stands: in what the tasks said, in files below the folders, in rows of their databases."""
    found = found_in("the logs", said.encode())
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        found += found_in(str(path), path.read_bytes())
        if path.suffix == ".db":
            found += found_in(f"rows of {path}", rows(path))
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


def test_what_tasks_are_given_to_keep_is_told_nowhere(
    stages: Stages, run_dag: Any, vault: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_dag("telecom_data_pipeline", TAKEN_UP).state == "success"
    assert run_dag("telecom_model_promotion", TAKEN_UP, PROMOTION).state == "success"
    stages.behave("derive", exit=65, lines=["ERROR table `kpis`: not there"])
    assert run_dag("telecom_stage", TAKEN_UP, FORM).state == "failed"
    said = "".join(capfd.readouterr())
    # Looked through is what is really there: lines of the stages, commands, rendered fields.
    assert "table `kpis`: not there" in said
    assert "rerun by hand:" in said
    kept = rows(home() / "airflow.db").decode()
    assert re.search(r'INSERT INTO "?rendered_task_instance_fields"? .*telecom_data_pipeline', kept)
    assert {call["stage"] for call in stages.calls()} >= {"ingest", "featurize", "promote", "derive"}
    assert leaks(said, home(), stages.folder) == []


@pytest.mark.parametrize("form", [TOLD, b64encode(f"as kim:{TOLD}".encode()).decode(), TOLD.encode().hex()])
def test_a_secret_that_a_stage_tells_is_found(
    stages: Stages, run_dag: Any, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    stages.behave("derive", lines=[f"INFO asked authorization={form}"])
    run_dag("telecom_stage", TAKEN_UP, FORM)
    said = "".join(capfd.readouterr())
    assert found_in("the logs", said.encode(), {"the word": TOLD}) == ["the logs: the word"]
