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
from live.faults import killed_once
from live.kube import stage_pods
from live.landing import HOUR, stamp
from live.runs import PIPELINE, STAGE, TRAINING, by_hand
from live.services import SERVICES
from live.site import DUE_HOURS, STATE, STOPPING, Site, down, say, up
from live.tables import Tables

#: Hours that have landed beside the history: two of the schedule, the others for what is broken.
LANDED_HOURS = 8


#: Stages that a training starts.
TRAINING_STAGES = ("featurize", "train", "evaluate", "promote")


@dataclass
class Story:
    """What happened before the tests: the history loaded, then two hours by the schedule."""

    history: str
    scheduled: list[str]
    #: One pod of each stage, as the cluster had it.
    seen_pods: list[dict[str, Any]] = field(default_factory=list)


def pytest_keyboard_interrupt() -> None:
    """One Ctrl-C is enough: another would cut short pytest's own end, in which the site is taken down."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


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
def training(site: Site, story: Story, airflow: Airflow, tables: Tables) -> str:
    """The run that trained on the history, the first process of each of its stages killed; the services are watched
    before and after it."""
    told = STATE / "training"
    if told.exists():
        return told.read_text()
    before = {task: service.seen() for task, service in SERVICES.items()}
    airflow.pause(TRAINING, paused=False)
    with killed_once(*TRAINING_STAGES) as killed:
        run = airflow.trigger(TRAINING, site.landing.history)
        airflow.succeed(TRAINING, run, 2400)
    say("trained")
    (STATE / "killed.json").write_text(json.dumps(sorted(killed)))
    serving = tables.serving()
    after = {task: SERVICES[task].wait_ready(120) for task in serving}
    say("models in service")
    predict_the_last_day(site, airflow)
    say("last day of the history predicted")
    (STATE / "taken-up.json").write_text(json.dumps({"before": before, "after": after, "serving": serving}))
    told.write_text(run)
    return run


def predict_the_last_day(site: Site, airflow: Airflow) -> None:
    """The tasks that no hour of the tests may be due for."""
    airflow.pause(STAGE, paused=False)
    day = site.last_day
    calls = [("featurize", "maintenance"), ("predict", "maintenance"), ("predict", "capacity")]
    for stage, task in calls:
        airflow.succeed(STAGE, by_hand(airflow, stage, day, task=task), 600)


@pytest.fixture(scope="session")
def taken_up(training: str) -> dict[str, dict[str, Any]]:
    """What was seen of the services before and after the training, and which model serves each task."""
    found: dict[str, dict[str, Any]] = json.loads((STATE / "taken-up.json").read_text())
    return found
