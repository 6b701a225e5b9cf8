"""docker/compose.yaml on a real engine: a network's history becomes models that answer, in containers only."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

import pytest
from deltalake import DeltaTable
from live.commands import wait_for

from images import engine
from images.machine import POSTGRES, Machine, asked, compose, free_port, is_here, stand_in

#: Ports of docker/compose.yaml.
MODELS = {"anomaly": 8101, "maintenance": 8102, "capacity": 8103}
#: Looks whether a service is ready, from inside its container, by what every Debian has.
READY = """exec 3<>/dev/tcp/127.0.0.1/9090
printf 'GET /v2/health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3
head --lines=1 <&3"""


def unable(reason: str) -> NoReturn:
    """Skips, or fails where FORESITE_NEED_MACHINE=1 says that nothing may be skipped."""
    if os.environ.get("FORESITE_NEED_MACHINE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Up, with a simulated network in its landing folder."""
    if os.geteuid() != 0:
        unable("docker/one_machine.sh needs root")
    if compose() is None:
        unable("no Docker Compose: apt-get install docker-compose, or the plugin")
    if not is_here(POSTGRES) and stand_in() is None:
        unable(f"{POSTGRES} cannot be pulled, and Debian's package postgresql is not here to stand in for it")
    folder = tmp_path_factory.mktemp("machine")
    # The users of the containers come in by this path.
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    made = Machine(folder / "foresite", free_port())
    made.prepare()
    history = simulated(made)
    made.variables(
        FORESITE_PORT=str(made.port),
        FORESITE_CONFIG_PROFILES="demo,simulator",
        FORESITE_START_DATE=history[1],
        FORESITE_IMAGE_REPOSITORY=os.environ.get("FORESITE_IMAGE_REPOSITORY", "foresite"),
        FORESITE_IMAGE_TAG=os.environ.get("FORESITE_IMAGE_TAG", "dev"),
    )
    try:
        made.up()
        yield made
    finally:
        if os.environ.get("FORESITE_SITE_KEEP") != "1":
            made.down()


def simulated(machine: Machine) -> tuple[str, str]:
    """Lets the network of the demo write its history; its span."""
    config = machine.folder / "configuration" / "simulate" / "demo.json"
    network = json.loads(config.read_text())
    span = (network["start"], network["end"])
    mounts = (f"--volume={machine.root}:{machine.root}", f"--volume={config}:{config}:ro")
    interval = ("--interval-start", span[0], "--interval-end", span[1])
    done = engine.run("simulate", "--config", str(config), "--data-root", str(machine.root), *interval, options=mounts)
    assert done.returncode == 0, done.stderr
    return span


def span_of(machine: Machine) -> dict[str, str]:
    network = json.loads((machine.folder / "configuration" / "simulate" / "demo.json").read_text())
    return {"interval_start": network["start"], "interval_end": network["end"]}


def run(machine: Machine, dag: str, **conf: str) -> dict[str, object]:
    """A run by hand, before those that the schedule wants."""
    airflow = machine.airflow
    asked_for = airflow.trigger(dag, conf, after=datetime(2026, 3, 2, tzinfo=timezone.utc))
    airflow.pause(dag, paused=False)
    return dict(airflow.succeed(dag, asked_for, 1200))


def answers(url: str, seconds: float) -> None:
    """Waits until something says 200."""
    wait_for(url, seconds, lambda: asked(url)[0] == 200 or None)


def test_a_second_preparation_changed_nothing(machine: Machine) -> None:
    text = (machine.folder / "environment").read_text()
    assert text.count("FORESITE_DIR=") == 1
    modes = {path.name: path.stat().st_mode & 0o777 for path in (machine.folder / "secrets").iterdir()}
    assert set(modes.values()) == {0o440}
    assert len({path.read_text() for path in (machine.folder / "secrets").iterdir()}) == len(modes)


def test_services_live_without_a_model_and_ask_for_a_token(machine: Machine) -> None:
    for port in MODELS.values():
        answers(f"http://127.0.0.1:{port}/v2/health/live", 60)
        assert asked(f"http://127.0.0.1:{port}/v2/health/ready")[0] == 503
        assert asked(f"http://127.0.0.1:{port}/v2/models/any")[0] == 401


def test_history_becomes_models_that_answer(machine: Machine) -> None:
    run(machine, "telecom_data_pipeline", **span_of(machine))
    cells = DeltaTable(f"{machine.root}/tables/kpis")
    assert cells.to_pyarrow_dataset().count_rows() > 0
    assert {path.stat().st_uid for path in Path(machine.root, "tables").rglob("*.parquet")} == {10001}
    run(machine, "telecom_model_training", **span_of(machine))
    token = machine.secret("serve-token")
    for task, port in MODELS.items():
        base = f"http://127.0.0.1:{port}"
        answers(f"{base}/v2/health/ready", 120)
        status, model = asked(f"{base}/v2/models/{task}", token)
        assert status == 200
        assert model["versions"]


def test_an_image_with_a_bundle_serves_it_without_a_data_root(machine: Machine, tmp_path: Path) -> None:
    """What the services keep is what FORESITE_IMAGE_MODELS asks for."""
    kept = {task: machine.folder / "cache" / task for task in engine.SERVICES.values()}
    # Written last.
    copies = [folder / task / "aliases.json" for task, folder in kept.items()]
    wait_for("a copy of each model", 60, lambda: all(copy.exists() for copy in copies) or None)
    for folder in kept.values():
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with engine.built(*engine.SERVICES, FORESITE_IMAGE_MODELS=str(tmp_path)) as tag:
        for name in engine.SERVICES:
            ready_without_data_root(engine.image(name, tag))


def ready_without_data_root(image: str) -> None:
    """Starts a service where nobody answers for the data root, and waits until it is ready all the same."""
    where = "--env=FORESITE_DATA_ROOT=hdfs://127.0.0.1:1/foresite"
    container = engine.docker("run", "--detach", *engine.RESTRICTED, where, image).stdout.strip()

    def ready() -> bool | None:
        return " 200 " in engine.docker("exec", container, "bash", "-c", READY, check=False).stdout or None

    try:
        wait_for(f"{image} ready", 120, ready)
    except TimeoutError as error:
        raise AssertionError(engine.docker("logs", "--tail", "10", container).stderr) from error
    finally:
        engine.docker("rm", "--force", container)


def test_a_page_of_airflow_shows_what_the_console_says(machine: Machine) -> None:
    airflow = machine.airflow
    airflow.log_in()
    page = f"http://127.0.0.1:{machine.port}/foresite/models"
    assert asked(page)[0] == 401
    status, said = asked(page, airflow.token)
    assert status == 200
    assert all(task in said for task in MODELS)


def test_who_asked_the_console_is_on_record_and_the_stages_may_delete_it(machine: Machine) -> None:
    found = wait_for("a file of log-ins", 60, lambda: list((machine.root / "logins").glob("*/*.jsonl")) or None)
    lines = [json.loads(line) for path in found for line in path.read_text().splitlines()]
    assert [line for line in lines if line["refused"] is None and line["caller"].startswith("token ")], lines
    for path in (*found, *{path.parent for path in found}):
        told = path.stat()
        assert (told.st_uid, told.st_gid, told.st_mode & 0o020) == (10002, 10001, 0o020), path


def test_nothing_of_the_stages_is_left(machine: Machine) -> None:
    """A task that ends this moment still takes its folder away: what stays is left."""

    def left() -> list[str]:
        containers = engine.docker("ps", "--all", "--quiet", "--filter", "label=foresite.stage").stdout.split()
        return containers + [str(folder) for folder in (machine.folder / "results").glob("foresite-*")]

    wait_for("the end of all containers and folders of stages", 120, lambda: not left() or None)
