"""What a run was pinned to stays, whatever is rolled out meanwhile."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from foresite_airflow import run
from tests.harness import Stages

OLD, NEW = (f"sha256:{number:064x}" for number in (1, 2))
NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)


def context(pinned: dict[str, Any] | None = None) -> Any:
    """Of a run for one hour; its task `pin` left this."""
    return {
        "params": {},
        "data_interval_start": NOON,
        "data_interval_end": NOON + timedelta(hours=1),
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: pinned),
    }


def test_a_release_moves_runs_that_begin_and_not_those_that_run(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESITE_BACKEND", "kubernetes")
    monkeypatch.setenv("FORESITE_IMAGE_REPOSITORY", "registry.example/foresite")
    monkeypatch.setenv("FORESITE_IMAGE_DIGESTS", json.dumps({"derive": OLD, "ingest": OLD}))
    running = run.pin(context())
    monkeypatch.setenv("FORESITE_IMAGE_DIGESTS", json.dumps({"derive": NEW, "ingest": OLD}))
    assert run.PinnedRun.of(context(running)).images["derive"] == f"registry.example/foresite/derive@{OLD}"
    # Clearing `pin` moves it, and of the stages only what was released.
    moved = run.PinnedRun.of(context(run.pin(context()))).images
    assert moved["derive"] == f"registry.example/foresite/derive@{NEW}"
    assert {stage for stage in moved if moved[stage] != running["images"][stage]} == {"derive"}
