"""The services of models beside the batch: who serves, that both say the same, and what may go wrong meanwhile."""

from __future__ import annotations

import html
import json
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from live.airflow import Airflow
from live.commands import CommandError, images, wait_for
from live.faults import gone, kill
from live.hdfs import DATA_ROOT
from live.inference import Ask, Row, by_grpc, by_rest, call, exact, metadata
from live.kube import service_address
from live.load import Load, fresh, kept, remote
from live.runs import INFERENCE
from live.services import SERVICES
from live.site import PERSON, Site
from live.tables import Tables

TakenUp = dict[str, dict[str, Any]]
PAGES = {"worklist": INFERENCE, "models": "telecom_model_promotion", "completeness": "telecom_data_pipeline"}


@pytest.mark.parametrize("task", SERVICES)
def test_a_promoted_model_is_taken_up_by_itself(task: str, taken_up: TakenUp) -> None:
    before, after = taken_up["before"][task], taken_up["after"].get(task)
    assert (before["status"], before["listed"]) == (503, False)
    assert after is not None, f"the training promoted no model of {task}, and the proof is about all three"
    assert (after["status"], after["listed"]) == (200, True)
    assert (after["pod"], after["restarts"]) == (before["pod"], before["restarts"])


def batch(tables: Tables, site: Site, task: str) -> list[dict[str, Any]]:
    """What predict wrote about the newest cutoff of the last day of the history; of the second hour for anomalies."""
    as_of = site.known_at(2 if task == "anomaly" else 0)
    rows = [row for row in tables.read(f"predictions_{task}").to_pylist() if row["as_of"] == as_of]
    assert rows, task
    newest = max(row["cutoff"] for row in rows)
    return [row for row in rows if row["cutoff"] == newest]


def the_same_question(rows: list[dict[str, Any]]) -> Ask:
    """Asks what predict was asked: the same entities and cutoff, as of the same time."""
    entities = sorted({row["entity_id"] for row in rows})
    cutoff, as_of = (rows[0][name].isoformat().replace("+00:00", "Z") for name in ("cutoff", "as_of"))
    return Ask({"entity": entities, "cutoff": [cutoff]}, parameters={"as_of": as_of, "explain": True})


def keyed(rows: list[Row], names: list[str]) -> dict[tuple[str, int], Row]:
    found = {(row["entity_id"], row["horizon_s"]): {name: row[name] for name in names} for row in rows}
    assert len(found) == len(rows), "an entity and horizon stand there twice"
    return found


@pytest.mark.parametrize("task", SERVICES)
def test_rest_grpc_and_the_table_agree_to_the_last_bit(
    task: str, site: Site, taken_up: TakenUp, predicted: None, tables: Tables
) -> None:
    assert task in taken_up["serving"], f"no model of {task} serves, and the proof is about all three"
    service = SERVICES[task]
    rows = batch(tables, site, task)
    ask = the_same_question(rows)
    rest, grpc = by_rest(service.rest, service.name, ask), by_grpc(service.grpc, task, ask)
    names = list(rest[0])
    assert {"prediction_id", "model_id", "score", "values", "drivers"} <= set(names)
    expected = keyed([exact(row) for row in rows], names)
    assert keyed(rest, names) == expected
    assert keyed(grpc, names) == expected
    assert {row["model_id"] for row in expected.values()} == {taken_up["serving"][task]}
    scored = sum(row["score"] is not None for row in expected.values())
    assert scored > len(expected) / 2, "most of them are scored"


@pytest.fixture(scope="module")
def predicted(site: Site, training: str, airflow: Airflow, tables: Tables) -> None:
    """The second hour has its predictions and a worklist."""
    airflow.pause(INFERENCE, paused=False)
    if tables.version("worklist") < 0 or not tables.count("predictions_anomaly", cutoff=site.known_at(2)):
        airflow.succeed(INFERENCE, airflow.trigger(INFERENCE, site.landing.hour(2)), 900)


def by_features(tables: Tables, site: Site) -> tuple[Ask, list[Row]]:
    """A request that needs no table, of sites and their features, and what predict said about them."""
    service = SERVICES["maintenance"]
    columns = metadata(service.rest, service.name)["parameters"]["features"]
    rows = batch(tables, site, "maintenance")
    cutoff = rows[0]["cutoff"]
    known = [row for row in tables.read("features_maintenance").to_pylist() if row["period_start"] < cutoff]
    # The period that ends at the cutoff.
    newest = max(row["period_start"] for row in known)
    found = {row["entity_id"]: [row[name] for name in columns] for row in known if row["period_start"] == newest}
    ask = the_same_question(rows)
    sites = [name for name in ask.texts["entity"] if name in found]
    asked = replace(ask, texts={**ask.texts, "entity": sites}, numbers={"features": [found[name] for name in sites]})
    return asked, [exact(row) for row in rows if row["entity_id"] in found]


def test_features_at_hand_give_the_same_scores(site: Site, taken_up: TakenUp, tables: Tables) -> None:
    ask, said = by_features(tables, site)
    assert len(ask.texts["entity"]) > 10
    service = SERVICES["maintenance"]
    names = ["prediction_id", "score", "probability", "values"]
    expected = keyed(said, names)
    assert keyed(by_rest(service.rest, service.name, ask), names) == expected
    assert keyed(by_grpc(service.grpc, service.name, ask), names) == expected


def test_rolling_a_service_forth_and_back_loses_no_request(site: Site, taken_up: TakenUp, tables: Tables) -> None:
    # Another name makes another pod, as another release would.
    images("tag", "--force", "docker.io/foresite/serve:dev", "docker.io/foresite/serve-next:dev")
    ask, _ = by_features(tables, site)
    service = SERVICES["maintenance"]
    path = f"/v2/models/{service.name}/infer"
    first = service.wait_ready(120)["pod"]
    askers = [make(service.rest, path, ask) for make in (fresh, kept) for _ in range(2)]
    with Load(*askers, remote(service.grpc, service.name, ask)) as load:
        wait_for("the load", 60, lambda: load.count > 100 or None)
        service.roll_out("foresite/serve-next:dev")
        second = service.wait_ready(120)["pod"]
        assert service.image() == "foresite/serve-next:dev"
        service.undo()
        third = service.wait_ready(120)["pod"]
        assert service.image() == "foresite/serve:dev"
        ended = load.count
        wait_for("more of the load", 60, lambda: load.count > ended + 100 or None)
    assert len({first, second, third}) == 3
    assert load.lost == []
    assert set(load.answers) == {"rest 200", "rest, kept 200", "grpc OK"}, load.answers
    print(f"answered: {dict(load.answers)}")


@contextmanager
def without_hdfs(site: Site) -> Iterator[None]:
    """No NameNode answers."""
    site.hdfs.call("kill-namenode", "1")
    try:
        yield
    finally:
        site.hdfs.call("start-namenode", "1")


def test_services_go_on_without_hdfs(site: Site, taken_up: TakenUp, predicted: None, tables: Tables) -> None:
    maintenance, anomaly = SERVICES["maintenance"], SERVICES["anomaly"]
    at_hand, _ = by_features(tables, site)
    of_tables = the_same_question(batch(tables, site, "anomaly"))
    at_hand_said = by_rest(maintenance.rest, maintenance.name, at_hand)
    of_tables_said = by_rest(anomaly.rest, anomaly.name, of_tables)
    begun = maintenance.wait_ready(60)
    with without_hdfs(site):
        assert by_rest(maintenance.rest, maintenance.name, at_hand) == at_hand_said
        # What was read a moment ago may answer for a moment more.
        refusal = wait_for("a refusal", 60, lambda: refused(anomaly.rest, anomaly.name, of_tables))
        assert list(refusal) == ["error"]
        assert "tables" in refusal["error"]
        assert "\n" not in refusal["error"]
        assert anomaly.seen()["status"] == 200, "other requests can be answered"

        process = maintenance.process()
        assert kill(process)
        gone(process)
        again = wait_for("the next container", 120, lambda: restarted(begun))
        assert again["pod"] == begun["pod"]
        assert by_rest(maintenance.rest, maintenance.name, at_hand) == at_hand_said
    back = wait_for("the tables", 120, lambda: answered(anomaly.rest, anomaly.name, of_tables))
    assert back == of_tables_said
    assert by_rest(maintenance.rest, maintenance.name, at_hand) == at_hand_said


def restarted(begun: dict[str, Any]) -> dict[str, Any] | None:
    """What is seen of the service when its next container is ready."""
    try:
        found = SERVICES["maintenance"].seen()
    except (CommandError, OSError):
        return None
    return found if found["restarts"] > begun["restarts"] and found["listed"] else None


def refused(address: str, model: str, ask: Ask) -> dict[str, Any] | None:
    status, text = call(address, "POST", f"/v2/models/{model}/infer", ask.json())
    if status != 503:
        assert status == 200, f"{status}: {text}"
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def answered(address: str, model: str, ask: Ask) -> list[Row] | None:
    try:
        return by_rest(address, model, ask)
    except AssertionError:
        return None


def console(name: str, token: str) -> tuple[int, str]:
    return call(f"{service_address('foresite-console')}:8080", "GET", f"/console/v1/{name}", token=token)


def summary(name: str, token: str) -> dict[str, Any]:
    status, text = console(name, token)
    assert status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


def told(page: str, token: str) -> list[str]:
    """Words of the console that stand on its page."""
    found = summary(page, token)
    if page == "worklist":
        items = [item for task in found["lists"] for item in (*task["items"], *task["left_out"])]
        return [str(item["title"]) for item in items] + [str(item["entity_id"]) for item in items]
    if page == "models":
        return [str(model["model_id"]) for task in found["tasks"] for model in task["models"]]
    return [f'datetime="{hour["start"]}"' for hour in found["hours"] if hour["expected"]]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_airflow_shows_what_the_console_says(
    page: str, site: Site, predicted: None, airflow: Airflow
) -> None:
    words = told(page, site.console_token)
    assert words, f"the console says nothing about {page}"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        airflow.page(f"/foresite/{page}", is_known=False)
    assert refusal.value.code == 401
    shown = html.unescape(airflow.page(f"/foresite/{page}"))
    assert [word for word in words if word not in shown] == []


def on_record(site: Site) -> set[tuple[str | None, str | None]]:
    """Callers of the console that are written down on HDFS, and why those were refused that were."""
    try:
        lines = site.hdfs.text(f"{DATA_ROOT}/logins/*/*.jsonl").splitlines()
    except CommandError:
        # No file yet, or one that was just replaced.
        return set()
    return {(found["caller"], found["refused"]) for found in map(json.loads, lines)}


def test_who_asked_the_console_is_on_record_on_hdfs(site: Site) -> None:
    assert summary("health", site.console_token) == {"status": "ok"}
    assert console("health", "nobody's")[0] == 401
    expected = {(PERSON, None), (None, "the token is not known")}
    wait_for("the log-ins on HDFS", 60, lambda: expected <= on_record(site) or None)
