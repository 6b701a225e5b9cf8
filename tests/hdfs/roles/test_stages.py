"""The real stages and services, each under the principal of its pod, and under those of others.

What a role may do succeeds, up to a model that is trained, signed and served; what it may not do is exit 73.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from data_root import OWNER, PLACES, Place
from deltalake import DeltaTable

from interop.pipeline import SAMPLES
from roles.devices import Steps, measured
from roles.people import GROUPS, may
from roles.site import REFUSED, Done, Site, asked, site_of, waited

#: What people leave, by folder of `landing/`.
LEFT = {
    "feedback": "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text\n"
    "f-1,missed,2026-02-20T00:00:00Z,site,north/N002,,,K. Brandt,\n",
    "suppressions": "suppression_id,fact,at,entity_type,entity_id,task,driver,owner,reason,start_at,end_at\n"
    "s-1,set,2026-02-20T00:00:00Z,site,north/N002,devices,,K. Brandt,festival,,2026-03-16T04:00:00Z\n",
    "events": "id,name,from,until,entities,latitude,longitude,radius_km\n"
    "e-1,Cup final,2026-03-14T17:00:00Z,2026-03-14T20:00:00Z,north/N001,,,\n",
}
#: By user, the principals whose stages he may run.
AS_GOOD_AS = {"foresite": {"foresite"}, "foresite-source": {"foresite-source"}}
#: A trainer is a writer. He may revoke, as he writes the events of models, and compact, as he writes every table.
AS_GOOD_AS |= {"foresite-train": {"foresite", "foresite-train", OWNER}}
READERS = ("foresite-serve", "foresite-console")


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    return Steps(tmp_path_factory.mktemp("configurations"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> Site:
    """A pipeline in which everybody has done his part."""
    site = site_of(tmp_path_factory.mktemp("site"))
    assert site.rights("apply") == 0
    deliver(site)
    site.succeeds(*steps.of_network(), *steps.of_devices())
    # Nobody else promotes what is not signed yet, not even with a key: his would not be trusted.
    assert site.run("foresite-train", steps.promote()).code == REFUSED
    site.succeeds(steps.promote(), *steps.after_a_promotion())
    return site


def deliver(site: Site) -> None:
    """A mediation's file."""
    file = site.scratch / "measured.csv"
    file.write_text(measured())
    assert site.dfs("foresite-source", "-mkdir", f"{site.path}/landing/devices").code == 0
    assert site.dfs("foresite-source", "-put", str(file), f"{site.path}/landing/devices/measured.csv").code == 0


def place_of(path: str) -> Place:
    """The place whose rights hold for a path."""
    return max((place for place in PLACES if f"{path}/".startswith(f"{place.path}/") or not place.path), key=len_of)


def len_of(place: Place) -> int:
    return len(place.path)


@pytest.mark.parametrize("user", [user for user in GROUPS if user != OWNER])
def test_a_stage_of_another_role_is_refused(site: Site, steps: Steps, user: str) -> None:
    before = site.listed()
    model = next(path.split("/")[2] for path in before if path.startswith("models/devices/"))
    for step in steps.that_would_change(model):
        if step.principal not in AS_GOOD_AS.get(user, set()):
            done = site.run(user, step, "--force")
            assert done.code == REFUSED, f"{step.stage} as {user}: {done.code}\n{done.said}"
    after = site.listed()
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert [path for path in changed if not may(user, place_of(path), "w")] == []


@pytest.mark.parametrize("user", READERS)
def test_a_reader_reads_every_live_file(site: Site, steps: Steps, user: str) -> None:
    for step in ("verify", "history"):
        done = site.run(user, steps.maintain(step))
        assert done.code == 0, done.said


def test_a_reader_serves_the_model_that_was_signed(site: Site) -> None:
    log = site.scratch / "model.log"
    with site.service("foresite-serve", "model", "--task", "devices", "--grpc-listen", "127.0.0.1:0") as url:
        waited(lambda: asked(f"{url}/v2/health/ready")[0] == 200, log)
        inputs = [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [0.9, 0.5]}]
        status, body = asked(f"{url}/v2/models/devices/infer", {"inputs": inputs})
        assert status == 200, body


def test_who_is_in_no_group_serves_nothing(site: Site) -> None:
    log = site.scratch / "model.log"
    with site.service("stranger", "model", "--task", "devices", "--grpc-listen", "127.0.0.1:0") as url:
        waited(lambda: "AccessControlException" in log.read_text(), log)
        assert asked(f"{url}/v2/health/ready")[0] == 503


def leave(site: Site, user: str, folder: str) -> Done:
    """A user leaves a file in a folder of `landing/`."""
    file = site.scratch / f"{user}.csv"
    file.write_text(LEFT[folder])
    return site.dfs(user, "-put", str(file), f"{site.path}/landing/{folder}/{user}.csv")


def test_who_leaves_files_leaves_them_where_he_may(site: Site, steps: Steps) -> None:
    mark = {"mark": "missed", "entity_type": "site", "entity_id": "north/N001", "person": "K. Brandt"}
    mark |= {"at": "2026-02-20T00:00:00Z"}
    with site.service("foresite-console", "console", "--accept-feedback") as url:
        status, body = asked(f"{url}/console/v1/feedback", [mark])
        assert status == 202, body
        by_console = json.loads(body)["file"]
    with site.service("foresite-serve", "console", "--accept-feedback") as url:
        status, body = asked(f"{url}/console/v1/feedback", [mark | {"entity_id": "north/N002"}])
        assert status == 503, body
    assert {folder for folder in LEFT if leave(site, "kim", folder).code == 0} == {"feedback"}
    assert {folder for folder in LEFT if leave(site, "lee", folder).code == 0} == set(LEFT)
    assert {folder for folder in LEFT if leave(site, "foresite", folder).code == 0} == set()
    assert "Permission denied" in site.dfs("kim", "-cat", f"{site.path}/{by_console}").said
    mappings = [json.loads((SAMPLES / "ingest" / f"mapping-{folder}.json").read_text()) for folder in LEFT]
    site.succeeds(steps.ingest(*mappings))
    tables = {"feedback": {"north/N001", "north/N002"}, "suppressions": {"north/N002"}}
    for table, entities in tables.items():
        found = DeltaTable(f"{site.url}/tables/{table}").to_pyarrow_table()
        assert set(found["entity_id"].to_pylist()) == entities
    assert DeltaTable(f"{site.url}/tables/local_events").to_pyarrow_table().num_rows > 0


def test_a_console_writes_down_who_asked_and_no_service_does(site: Site) -> None:
    log = site.scratch / "console.log"
    with site.service("foresite-console", "console", "--record-logins") as url:
        assert asked(f"{url}/console/v1/health")[0] == 200
        file = waited(lambda: next((path for path in site.listed() if path.endswith(".jsonl")), None), log)
    with site.service("foresite-serve", "console", "--record-logins") as url:
        assert asked(f"{url}/console/v1/health")[0] == 200
        waited(lambda: "log-ins wait" in log.read_text(), log)
    assert file.startswith("logins/")
    assert "Permission denied" in site.dfs("foresite-serve", "-cat", f"{site.path}/{file}").said


def test_nobody_puts_another_folder_in_the_place_of_one(site: Site) -> None:
    """Not even who may write beside it; and nobody gives himself rights."""
    before = site.listed()
    path = site.path
    tries: dict[str, list[tuple[str, ...]]] = {
        "foresite": [
            ("-mv", f"{path}/tables/registry_events", f"{path}/tables/mine"),
            ("-rm", "-r", "-skipTrash", f"{path}/tables/erasures"),
            ("-rm", "-r", "-skipTrash", f"{path}/models/devices"),
            ("-rm", "-skipTrash", f"{path}/models/devices/*/bundle/card.md"),
            ("-mv", f"{path}/keys", f"{path}/tables/keys"),
            ("-setfacl", "-m", "group:foresite-writers:rwx", f"{path}/keys"),
            ("-chmod", "-R", "777", path),
        ],
        "foresite-source": [("-mv", f"{path}/landing/feedback", f"{path}/landing/devices/feedback")],
        "foresite-train": [("-mv", f"{path}/_staging/models", f"{path}/models/staging")],
    }
    for user, commands in tries.items():
        for command in commands:
            assert site.dfs(user, *command).code != 0, f"{user}: {command}"
    assert site.listed() == before


def test_an_administrator_cares_for_what_others_wrote_and_removes_it(site: Site, steps: Steps) -> None:
    done = site.run("foresite", steps.maintain("checkpoint"))
    assert done.code == REFUSED, f"{done.code}\n{done.said}"
    site.succeeds(*steps.of_care())
    assert site.dfs("foresite", "-mkdir", "-p", f"{site.path}/tables/scrap/part").code == 0
    assert site.dfs("foresite-train", "-rm", "-r", "-skipTrash", f"{site.path}/tables/scrap").code != 0
    assert site.dfs(OWNER, "-rm", "-r", "-skipTrash", f"{site.path}/tables/scrap").code == 0


def test_a_data_root_that_exists_gets_the_roles(tmp_path: Path) -> None:
    """One that the user of all stages made and owns, as storage.md has it at first."""
    site, steps = site_of(tmp_path), Steps(tmp_path)
    for command in (("-mkdir", site.path), ("-chown", "foresite:foresite", site.path), ("-chmod", "750", site.path)):
        assert site.dfs("hdfs", *command).code == 0
    network = steps.of_network()
    for step in network:
        assert site.run("foresite", step).code == 0
    assert site.rights("check") == 1
    assert site.run("foresite-serve", steps.maintain("verify")).code == REFUSED
    assert site.rights("apply") == 2
    assert site.rights("apply", "--existing") == 0
    assert site.rights("check") == 0
    assert site.run("foresite-serve", steps.maintain("verify")).code == 0
    assert site.run("stranger", steps.maintain("verify")).code == REFUSED
    for step in network:
        assert site.run(step.principal, step, "--force").code == 0, step.stage
    site.succeeds(steps.maintain("checkpoint"))
