"""Two models of a task: one stands beside the other on trial and follows it, a roll-back lets the former one serve
again, and nobody who asks notices.

Behind `test_twin`, which repeats no decisions of people; it ends with the champion that it began with.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from live.airflow import Airflow
from live.commands import wait_for
from live.inference import Ask, Row, by_grpc, by_rest, metadata
from live.landing import stamp
from live.load import Load, fresh, kept, remote
from live.overlay import give_share
from live.runs import PATIENCE, PROMOTION, TRAINING
from live.services import SERVICES
from live.site import Site
from live.tables import Tables

#: Trained within a minute, and asked without a table.
TASK = "capacity"
SERVICE = SERVICES[TASK]
REASON = "dates come too early"
#: Of the entities, the challenger answers for so many.
SHARE = 0.3


@pytest.fixture(scope="module")
def rivals(site: Site, training: str, airflow: Airflow, tables: Tables) -> tuple[str, str]:
    """The champion of the first training, and its successor, which serves."""
    first = champion(events(tables))
    assert first, f"the gate slice gave no model of {TASK} a PASS, so that there is no champion to come back"
    second = trained_again(site, airflow)
    assert champion(events(tables)) == second != first
    wait_for("the second model in service", 120, lambda: answering(at_hand()) == {second} or None)
    airflow.pause(PROMOTION, paused=False)
    return first, second


def test_a_roll_back_reaches_its_service_and_loses_no_request(
    rivals: tuple[str, str], airflow: Airflow, tables: Tables
) -> None:
    first, second = rivals
    before, seen, image = events(tables), SERVICE.seen(), SERVICE.image()
    assert champion(before) == second
    with under_load() as load:
        more_of(load)
        decided(airflow, "rollback", REASON)
        serves_alone(first, load)
    lost_nothing(load)
    # The same pod of the same image, never begun anew.
    assert (SERVICE.seen(), SERVICE.image()) == (seen, image)
    assert events(tables)[:-1] == before
    expected = {"event": "rolled_back", "alias": "champion", "model_id": first, "person": "admin", "reason": REASON}
    assert last_event(tables, *expected) == expected


def test_a_challenger_answers_for_its_share_and_becomes_champion(
    rivals: tuple[str, str], airflow: Airflow, tables: Tables
) -> None:
    first, second = rivals
    assert champion(events(tables)) == first
    decided(airflow, "challenge", "on trial", model=second)
    assert last_event(tables, "event", "alias", "model_id") == {
        "event": "promoted",
        "alias": "challenger",
        "model_id": second,
    }
    with under_load() as load:
        # Longer than the service waits between two looks at the aliases.
        more_of(load, 600)
        assert answering(sectors()) == {first}, "without a share nobody is answered by it"
        give_share(SERVICE.name, SHARE)
        SERVICE.rolled()
        SERVICE.wait_ready(120)
        wait_for("both models in service", 120, lambda: answering(sectors()) == {first, second} or None)
        by_entity = told_apart(sectors())
        assert sum(model == second for model in by_entity.values()) / len(by_entity) == pytest.approx(SHARE, abs=0.15)
        assert {row["entity_id"]: row["model_id"] for row in by_grpc(SERVICE.grpc, TASK, sectors())} == by_entity
        # Who names a version is answered by it, about every entity.
        for version, model in {"champion": first, "challenger": second}.items():
            assert answering(sectors(), version) == {model}

        decided(airflow, "promote", "as good on trial", model=second)
        serves_alone(second, load)
        SERVICE.undo()
        SERVICE.wait_ready(120)
        assert answering(sectors()) == {second}
        decided(airflow, "rollback", "the end of the trial")
        serves_alone(first, load)
    lost_nothing(load)
    aliases = [(event["event"], event["alias"], event["model_id"]) for event in events(tables)[-3:]]
    assert aliases == [
        ("promoted", "challenger", second),
        ("promoted", "champion", second),
        ("rolled_back", "champion", first),
    ]


def under_load() -> Load:
    """Clients of one series that never ask twice."""
    path, ask = f"/v2/models/{SERVICE.name}/infer", at_hand()
    return Load(fresh(SERVICE.rest, path, ask), kept(SERVICE.rest, path, ask), remote(SERVICE.grpc, TASK, ask))


def lost_nothing(load: Load) -> None:
    assert load.lost == []
    assert set(load.answers) == {"rest 200", "rest, kept 200", "grpc OK"}, load.answers
    print(f"answered: {dict(load.answers)}")


def decided(airflow: Airflow, action: str, reason: str, **more: str) -> None:
    """What a person decides, by Airflow's API."""
    run = airflow.trigger(PROMOTION, {"task": TASK, "action": action, "reason": reason, **more})
    assert set(airflow.succeed(PROMOTION, run, PATIENCE)) == {"pin", "decide"}


def serves_alone(model: str, load: Load) -> None:
    """Waits until only this model answers, and for more of the load after that."""
    wait_for(f"{model} in service", 60, lambda: answering(sectors()) == {model} or None)
    more_of(load)


def more_of(load: Load, count: int = 100) -> None:
    """Waits for so many more answers."""
    ended = load.count
    wait_for("more of the load", 60, lambda: load.count > ended + count or None)


def events(tables: Tables) -> list[dict[str, Any]]:
    """What the registry holds of the task, in order."""
    return sorted(tables.read("registry_events", task=TASK).to_pylist(), key=lambda event: int(event["seq"]))


def last_event(tables: Tables, *names: str) -> dict[str, Any]:
    """The newest of them, as far as it is asked for."""
    newest = events(tables)[-1]
    return {name: newest[name] for name in names}


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


def sectors() -> Ask:
    """The same about a hundred entities."""
    names = [f"north/N{number:03}" for number in range(100)]
    ask = at_hand()
    return replace(ask, texts={"entity": names}, numbers={"history": [ask.numbers["history"][0] for _ in names]})


def answering(ask: Ask, version: str = "") -> set[str]:
    """The models that an answer names."""
    model = f"{SERVICE.name}/versions/{version}" if version else SERVICE.name
    return {row["model_id"] for row in by_rest(SERVICE.rest, model, ask)}


def told_apart(ask: Ask) -> dict[str, str]:
    """Which model speaks of which entity; the same one of all its horizons, however often it is asked."""
    found: dict[str, str] = {}
    for row in (*said(ask), *said(ask)):
        assert found.setdefault(row["entity_id"], row["model_id"]) == row["model_id"]
    return found


def said(ask: Ask) -> list[Row]:
    return by_rest(SERVICE.rest, SERVICE.name, ask)
