"""A stage as a container of a real engine; skipped, with the reason, without one or without the images.

`make test-images` runs them on the images that it built, and lets none be skipped (FORESITE_NEED_MACHINE=1).
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow import settings
from tests.harness import NOON, Run

HISTORY = ("2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z")
NETWORK = {
    "seed": 5,
    "start": HISTORY[0],
    "end": HISTORY[1],
    "hourly_days": 4,
    "xml_days": 1,
    "truth_days": 2,
    "regions": [
        {
            "name": "north",
            "prefix": "N",
            "time_zone": "Europe/Berlin",
            "holidays": "DE",
            "latitude": 53.5,
            "longitude": 10.0,
            "sites": 2,
        }
    ],
}


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=60)


def containers() -> list[str]:
    """Those of stages, ended ones included."""
    return docker("ps", "--all", "--quiet", "--filter", "label=foresite.stage").stdout.split()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data root and a configuration for the docker back end."""
    image = settings.image("simulate")
    if not shutil.which("docker") or docker("image", "inspect", image).returncode != 0:
        reason = f"no Docker engine with the image {image}: run `make images`"
        if os.environ.get("FORESITE_NEED_MACHINE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    (tmp_path / "configs" / "simulate").mkdir(parents=True)
    (tmp_path / "configs" / "simulate" / "default.json").write_text(json.dumps(NETWORK))
    root = tmp_path / "data"
    root.mkdir()
    # As root, Airflow leaves the container its own user.
    root.chmod(0o777)
    monkeypatch.setenv("FORESITE_BACKEND", "docker")
    monkeypatch.setenv("FORESITE_CONFIG_DIR", str(tmp_path / "configs"))
    monkeypatch.setenv("FORESITE_DATA_ROOT", root.as_uri())
    yield root
    assert not containers(), "a container was left behind"


def form(stage: str, **more: str) -> dict[str, str]:
    return {"stage": stage, "interval_start": HISTORY[0], "interval_end": HISTORY[1], **more}


def test_a_container_writes_to_the_data_root_and_hands_on_its_result(root: Path, run_dag: Any) -> None:
    run: Run = run_dag("telecom_stage", NOON, form("simulate"))
    assert run.states("run") == ["success"]
    assert run.of("run").xcom_pull(task_ids="run")["status"] == "done"
    assert any((root / "landing").rglob("*.xml.gz"))
    again: Run = run_dag("telecom_stage", NOON, form("simulate"))
    assert again.of("run").xcom_pull(task_ids="run")["status"] == "unchanged"


def test_an_exit_code_means_what_it_means_elsewhere(root: Path, run_dag: Any) -> None:
    run: Run = run_dag("telecom_stage", NOON, form("derive"))
    assert run.states("run") == ["failed"]
    assert run.of("run").try_number == 1, "a missing table is no reason to try again"


def test_a_container_out_of_memory_is_tried_twice(root: Path, run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESITE_DOCKER_OPTIONS", "--memory=8m --memory-swap=8m")
    run: Run = run_dag("telecom_stage", NOON, form("simulate"))
    assert run.states("run") == ["failed"]
    assert run.of("run").try_number == 2


def test_an_image_that_is_not_there_is_a_failure(root: Path, run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESITE_IMAGE_TAG", "no-such-tag")
    run: Run = run_dag("telecom_stage", NOON, form("simulate"))
    assert run.states("run") == ["failed"]


def test_sigterm_to_the_task_ends_the_container_and_is_never_a_success(
    root: Path, run_dag: Any, tmp_path: Path
) -> None:
    start = "2023-01-01T00:00:00Z"
    long = {**NETWORK, "start": start}
    (tmp_path / "configs" / "simulate" / "default.json").write_text(json.dumps(long))
    sender = threading.Thread(target=terminate_when_running, args=(2,))
    sender.start()
    run: Run = run_dag("telecom_stage", NOON, form("simulate", interval_start=start))
    sender.join()
    assert run.states("run") == ["failed"]


def terminate_when_running(times: int) -> None:
    """Sends SIGTERM to this process, as the supervisor does to a task, for each container that appears."""
    seen: set[str] = set()
    deadline = time.monotonic() + 120
    while len(seen) < times and time.monotonic() < deadline:
        for container in set(containers()) - seen:
            seen.add(container)
            time.sleep(0.3)
            os.kill(os.getpid(), 15)
        time.sleep(0.05)


def test_the_logged_command_is_one_that_a_shell_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    from foresite_airflow.operators.docker import DockerStageOperator
    from tests.test_local_operator import command

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    operator = DockerStageOperator(task_id="one", stage="derive")
    assert operator.rerun(command(), "foresite/derive:dev").startswith(
        "docker run --rm --read-only --tmpfs=/tmp --cap-drop=ALL --security-opt=no-new-privileges --stop-timeout=10 "
        "--label=foresite.stage=derive --user=1000:1000 --network=none --volume=/d:/d --volume=/c:/c:ro "
    )


@pytest.fixture
def on_hdfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The options of a stage's container whose data root lies on HDFS with Kerberos."""
    from foresite_airflow.operators import docker as module
    from tests.test_local_operator import command

    config = tmp_path / "krb5.conf"
    config.touch()
    monkeypatch.setattr(module, "KRB5_CONFIG", config)
    for name in ("KRB5_CONFIG", "HADOOP_USER_NAME", "FORESITE_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", "FILE:/etc/foresite.keytab")
    monkeypatch.setenv("FORESITE_SIGNING_KEY", "/keys/signing.pem")
    monkeypatch.setenv("FORESITE_LOG", "lines")

    def options(stage: str) -> list[str]:
        operator = module.DockerStageOperator(task_id="one", stage=stage)
        call = dataclasses.replace(command(), stage=stage, data_root="hdfs://namenode:8020/foresite")
        return operator.run_options(call, None)

    options.config = config  # type: ignore[attr-defined]
    return options


def test_only_promote_gets_the_signing_key(on_hdfs: Any) -> None:
    key = ["--env=FORESITE_SIGNING_KEY", "--volume=/keys/signing.pem:/keys/signing.pem:ro"]
    assert [option for option in on_hdfs("promote") if option in key] == key
    assert not [option for option in on_hdfs("train") if "signing" in option.lower()]


def test_only_ingest_gets_the_keys_of_pseudonyms(on_hdfs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESITE_PSEUDONYM_KEYS", "/keys/people")
    keys = ["--env=FORESITE_PSEUDONYM_KEYS", "--volume=/keys/people:/keys/people:rw"]
    assert [option for option in on_hdfs("ingest") if option in keys] == keys
    assert not [option for option in on_hdfs("advise") if "PSEUDONYM" in option]


def test_kerberos_finds_its_files(on_hdfs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options = on_hdfs("derive")
    assert "--env=KRB5_CLIENT_KTNAME" in options
    assert "--volume=/etc/foresite.keytab:/etc/foresite.keytab:ro" in options
    assert f"--volume={on_hdfs.config}:{on_hdfs.config}:ro" in options
    assert "--env=FORESITE_LOG" in options
    monkeypatch.setenv("KRB5_CONFIG", "/site/krb5.conf")
    options = on_hdfs("derive")
    assert "--volume=/site/krb5.conf:/site/krb5.conf:ro" in options
    assert f"--volume={on_hdfs.config}:{on_hdfs.config}:ro" not in options
