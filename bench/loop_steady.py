"""A hundred days in which traffic grows steadily: how often the gate trains again, and whether who was promoted stays
the better one.

The simulator has one drift without end, the growth of traffic. It is turned up from 26 % to 80 % a year (a sixth in a
hundred days) from a lower load, so that the network is as busy as the demo's when the models learn; there is no
software roll-out. Each day is lived as `telecom_inference` and `telecom_monitoring` do, but in one run a task for all
cutoffs of the day, and with one worklist, that of its last hour. What `--step retrain` decides for is trained and
promoted as by `telecom_model_training`.

After each promotion to champion over a model that served, a copy of the tables goes on with that model as the
challenger, in the shadow, for two weeks; once all truth about these has come, the copy's monitor compares the two. The
copy keeps that challenger out of what the gate sees. Who only stands in casts no shadow, and a detector has no truth
that comes by itself: these are not compared.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from loop_hdfs import FOLDERS
from loop_network import DAY, HOUR, LOOP, TASKS, TRAINED_AT, Network
from measure import SAMPLES

Found = dict[str, Any]

GROWTH = {"growth_per_year": 0.8, "busy_hour_load": 0.13}
WORK = {"rehomed": 0.2, "upgrade_days_before_end": 0}
#: What `telecom_model_training` looks back by default.
TRAINING = 830 * DAY
#: Days for which both models speak, and days after them until all truth has come: horizon and reporting delay.
COMPARED = 14
TRUTH = {"maintenance": 33, "capacity": 91}


def lived(seed: int, days: int) -> Found:
    """What the gate decided, and what became of the models."""
    # Everything lies in the history; each row says when it could be known.
    later = days + COMPARED + max(TRUTH.values()) + 1
    network = Network.of(
        "steady",
        seed=seed,
        end=(TRAINED_AT + later * DAY).isoformat(),
        hourly_days=183 + later,
        xml_days=0,
        demand=GROWTH,
        work=WORK,
    )
    network.run("ingest", (TRAINED_AT, network.end))
    network.learn(has_files=False)
    decisions: dict[str, Counter[str]] = {task: Counter() for task in TASKS}
    models = []
    for number in range(days):
        day = TRAINED_AT + number * DAY
        serving = spoken(network, day)
        network.run("advise", (day + DAY - HOUR, day + DAY))
        network.run("monitor", (day, day + DAY), "--step", "measure")
        decided = network.run("monitor", (day, day + DAY), "--step", "retrain")["numbers"]
        network.tidy((day, day + DAY))
        for task in TASKS:
            decisions[task][decided[f"reason_{task}"]] += 1
        for task in decided["retrain"]:
            models.append({"day": number + 1, **trained(network, day + DAY, task, serving[task])})
    return {"days": days, "growth": GROWTH, "quota": quota(), "decisions": decisions, "models": models}


def spoken(network: Network, day: datetime, tasks: tuple[str, ...] = TASKS) -> dict[str, str | None]:
    """Predictions of all cutoffs of a day; the models that served."""
    serving = {}
    for task in tasks:
        of = ("--task", task)
        network.run("featurize", (day, day + DAY), "--step", "features", *of)
        serving[task] = network.run("predict", (day, day + DAY), *of)["numbers"].get("model_id")
    network.run("featurize", (day + DAY - HOUR, day + DAY), "--step", "profiles")
    return serving


def trained(network: Network, end: datetime, task: str, former: str | None) -> Found:
    """A candidate, and what became of it; where it took the place of another, how the two did afterwards."""
    history, of = (end - TRAINING, end), ("--task", task)
    network.run("featurize", history, "--step", "samples", *of)
    model = network.run("train", history, *of)["numbers"]["model_id"]
    verdict = network.run("evaluate", history, *of, "--model", model)["verdict"]
    became = "candidate"
    if verdict != "FAIL":
        became = network.run("promote", history, *of, "--model", model)["verdict"]
    found = {"task": task, "verdict": verdict, "became": became}
    # The same data make the same model.
    if became == "champion" and former not in (None, model):
        found["beside_former"] = beside(network, end, task, former) if task in TRUTH else None
    return found


def beside(network: Network, end: datetime, task: str, former: str) -> Found:
    """The former model beside the one that was promoted at `end`, on what both say in the two weeks after."""
    twin = replace(network, root=LOOP / "steady-twin", data_root=LOOP / "steady-twin")
    shutil.rmtree(twin.root, ignore_errors=True)
    for folder in FOLDERS:
        shutil.copytree(network.root / folder, twin.root / folder)
    twin.run("promote", (end - DAY, end), "--task", task, "--action", "challenge", "--model", former)
    for number in range(COMPARED):
        spoken(twin, end + number * DAY, (task,))
    told = end + (COMPARED + TRUTH[task]) * DAY
    twin.run("monitor", (told - DAY, told), "--step", "measure")
    found = compared(twin, task, told)
    shutil.rmtree(twin.root)
    return found


def compared(twin: Network, task: str, told: datetime) -> Found:
    """Loss of the former model less that of the promoted one, with its 95 % interval."""
    import polars as pl

    names = ["value", "low", "high", "samples", "state", "reason"]
    own = (
        (pl.col("task") == task) & (pl.col("metric") == "loss_against_champion") & (pl.col("window_end") == told)
    )
    rows = pl.read_delta(str(twin.root / "tables" / "performance")).filter(own).select(names)
    return rows.row(0, named=True) if rows.height else dict.fromkeys(names)


def quota() -> dict[str, int]:
    """Trainings of a task in so many days, as configured."""
    document = json.loads((SAMPLES / "monitor" / "default.json").read_text())
    found: dict[str, int] = document["retraining"]["quota"]
    return found


def most(found: Found, task: str) -> int:
    """The most trainings of a task in any window that its quota counts."""
    days = [model["day"] for model in found["models"] if model["task"] == task]
    window = found["quota"]["days"]
    return max((sum(day - window < one <= day for one in days) for day in days), default=0)
