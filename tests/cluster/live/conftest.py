"""One site for all tests, its network brought to life: made here and ended here, unless somebody has it up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from live.airflow import FINISHED, Airflow
from live.commands import wait_for
from live.kube import stage_pods
from live.landing import HOUR, stamp
from live.site import DUE_HOURS, STATE, Site, down, say, up
from live.tables import Tables

PIPELINE = "telecom_data_pipeline"
TRAINING = "telecom_model_training"
INFERENCE = "telecom_inference"
#: Hours that have landed beside the history: two of the schedule, the others for what is broken.
LANDED_HOURS = 8


@dataclass
class Story:
    """What happened before the tests: the history loaded, then two hours by the schedule."""

    history: str
    scheduled: list[str]
    #: One pod of each stage, as the cluster had it.
    seen_pods: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    kept = (STATE / "site.json").exists() or "FORESITE_SITE_KEEP" in os.environ
    # Whoever ends this run ends what it started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    made = up()
    try:
        yield made
    finally:
        if not kept:
            down()


@pytest.fixture(scope="session")
def airflow(site: Site) -> Airflow:
    return site.airflow


@pytest.fixture(scope="session")
def tables(site: Site) -> Tables:
    return site.tables


@pytest.fixture(scope="session")
def story(site: Site, airflow: Airflow) -> Story:
    told = STATE / "story.json"
    if told.exists():
        return Story(**json.loads(told.read_text()))
    site.landing.deliver(site.hdfs, LANDED_HOURS)
    say("landed")
    known = stamp(site.born + timedelta(minutes=30))
    # Before the first hour of the schedule, which waits for it: one run at a time.
    history = airflow.trigger(PIPELINE, {**site.landing.history, "as_of": known}, after=site.born + HOUR)
    airflow.pause(PIPELINE, paused=False)
    pods: dict[str, dict[str, Any]] = {}

    def due_hours() -> list[str] | None:
        for pod in stage_pods():
            pods.setdefault(pod["metadata"]["labels"]["foresite/stage"], pod)
        runs = airflow.runs(PIPELINE)
        scheduled = [run for run in runs if run["run_type"] == "scheduled"][:DUE_HOURS]
        failed = [run["dag_run_id"] for run in runs if run["state"] == "failed"]
        assert not failed, f"{failed}: {airflow.tasks(PIPELINE, failed[0])}"
        ended = [run["dag_run_id"] for run in scheduled if run["state"] in FINISHED]
        return ended if len(ended) == DUE_HOURS else None

    scheduled = wait_for("two hours by the schedule", 2400, due_hours)
    story = Story(history, scheduled, list(pods.values()))
    told.write_text(json.dumps(asdict(story)))
    say("history and two hours loaded")
    return story


@pytest.fixture(scope="session")
def training(site: Site, story: Story, airflow: Airflow) -> str:
    """The run that trained on the history."""
    told = STATE / "training"
    if told.exists():
        return told.read_text()
    airflow.pause(TRAINING, paused=False)
    run = airflow.trigger(TRAINING, site.landing.history)
    airflow.succeed(TRAINING, run, 2400)
    told.write_text(run)
    say("trained")
    return run
