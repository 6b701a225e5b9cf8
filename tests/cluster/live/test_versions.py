"""Two models of a task: a roll-back lets the former one serve again, and nobody who asks notices.

Behind `test_twin`, which repeats no decisions of people; it ends with the champion that it began with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from live.airflow import Airflow
from live.commands import wait_for
from live.inference import Ask, by_rest, metadata
from live.landing import stamp
from live.load import Load, fresh, kept, remote
from live.runs import PATIENCE, PROMOTION, TRAINING
from live.services import SERVICES
from live.site import Site
from live.tables import Tables

#: Trained within a minute, and asked without a table.
TASK = "capacity"
SERVICE = SERVICES[TASK]
REASON = "dates come too early"


def test_a_roll_back_reaches_its_service_and_loses_no_request(
    site: Site, training: str, airflow: Airflow, tables: Tables
) -> None:
    first = champion(events(tables))
    assert first, f"the gate slice gave no model of {TASK} a PASS, so that there is no champion to come back"
    second = trained_again(site, airflow)
    before = events(tables)
    assert champion(before) == second != first
    rest, ask = SERVICE.rest, at_hand()
    wait_for("the second model in service", 120, lambda: answering(rest, ask) == {second} or None)
    seen, image = SERVICE.seen(), SERVICE.image()
    path = f"/v2/models/{SERVICE.name}/infer"
    with Load(fresh(rest, path, ask), kept(rest, path, ask), remote(SERVICE.grpc, TASK, ask)) as load:
        wait_for("the load", 60, lambda: load.count > 100 or None)
        airflow.pause(PROMOTION, paused=False)
        run = airflow.trigger(PROMOTION, {"task": TASK, "action": "rollback", "reason": REASON})
        tasks = airflow.succeed(PROMOTION, run, PATIENCE)
        wait_for("the first model in service again", 60, lambda: answering(rest, ask) == {first} or None)
        ended = load.count
        wait_for("more of the load", 60, lambda: load.count > ended + 100 or None)
    assert load.lost == []
    assert set(load.answers) == {"rest 200", "rest, kept 200", "grpc OK"}, load.answers
    assert set(tasks) == {"pin", "decide"}
    # The same pod of the same image, never begun anew.
    assert (SERVICE.seen(), SERVICE.image()) == (seen, image)
    after = events(tables)
    assert after[:-1] == before
    said = {name: after[-1][name] for name in ("event", "alias", "model_id", "person", "reason")}
    expected = {"event": "rolled_back", "alias": "champion", "model_id": first, "person": "admin", "reason": REASON}
    assert said == expected
    print(f"answered: {dict(load.answers)}")


def events(tables: Tables) -> list[dict[str, Any]]:
    """What the registry holds of the task, in order."""
    return sorted(tables.read("registry_events", task=TASK).to_pylist(), key=lambda event: int(event["seq"]))


def champion(decided: list[dict[str, Any]]) -> str | None:
    """The model that the alias points to; nothing is revoked here."""
    named = [str(event["model_id"]) for event in decided if event["alias"] == "champion"]
    return named[-1] if named else None


def trained_again(site: Site, airflow: Airflow) -> str:
    """A second champion, of an interval that begins a day later.

    Another sample set, so another model; its samples are those of the first, because both intervals
    begin before the first full window. So it passes the gate wherever the first one did.
    """
    later = stamp(site.landing.start + timedelta(days=1))
    airflow.pause(TRAINING, paused=False)
    run = airflow.trigger(TRAINING, {**site.landing.history, "interval_start": later, "tasks": [TASK]})
    airflow.succeed(TRAINING, run, PATIENCE)
    judged = airflow.result(TRAINING, run, f"{TASK}.evaluate")
    assert judged["verdict"] == "PASS", judged
    return str(judged["numbers"]["model_id"])


def at_hand() -> Ask:
    """A request that needs no table: a series with a weekly shape."""
    inputs = {each["name"]: each["shape"] for each in metadata(SERVICE.rest, SERVICE.name)["inputs"]}
    return Ask(numbers={"history": [[40.0 + 3.0 * (day % 7) for day in range(inputs["history"][1])]]})


def answering(address: str, ask: Ask) -> set[str]:
    """The models that an answer names."""
    return {row["model_id"] for row in by_rest(address, SERVICE.name, ask)}
