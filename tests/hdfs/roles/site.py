"""A data root on the test cluster with the rights of its roles, and ways to act on it as somebody."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import data_root
import pytest
from foresite_airflow import stage_needs

from interop.pipeline import binary

Found = TypeVar("Found")
PATIENCE_SECONDS = 60.0
#: The exit code of a stage that storage refuses.
REFUSED = 73


@dataclass(frozen=True)
class Done:
    """How a program ended, and what it said."""

    code: int
    said: str


@dataclass(frozen=True)
class Step:
    """A run of a stage."""

    stage: str
    config: Path
    arguments: tuple[str, ...]

    @property
    def principal(self) -> str:
        """The one of its pod."""
        return stage_needs.stages()[self.stage].principal


@dataclass(frozen=True)
class Site:
    """A data root, and a folder for what the tests need beside it."""

    path: str
    scratch: Path

    @property
    def url(self) -> str:
        return os.environ["HDFS_URI"] + self.path

    def dfs(self, user: str, *arguments: str) -> Done:
        """Hadoop's own client as a user."""
        command = [os.environ["FORESITE_TEST_HDFS"], "dfs", *arguments]
        done = subprocess.run(command, env=environment(user), capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout + done.stderr)

    def listed(self) -> dict[str, str]:
        """All that is there: by path below the root its rights, owner, size and time."""
        lines = self.dfs("hdfs", "-ls", "-R", self.path).said.splitlines()
        parts = [line.rpartition(self.path) for line in lines if line.startswith(("d", "-"))]
        return {path.lstrip("/"): about for about, _, path in parts}

    def rights(self, *arguments: str) -> int:
        """Calls the script under test as the superuser."""
        hdfs = shlex.join(["env", "HADOOP_USER_NAME=hdfs", os.environ["FORESITE_TEST_HDFS"], "dfs"])
        return data_root.main([arguments[0], self.path, "--hdfs", hdfs, *arguments[1:]])

    def run(self, user: str, step: Step, *arguments: str) -> Done:
        """Runs a stage as a user."""
        command = [str(binary(step.stage)), "--data-root", self.url, "--config", str(step.config)]
        command += ["--result", str(self.scratch / "result.json"), *step.arguments, *arguments]
        done = subprocess.run(command, env=environment(user), capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stderr)

    def succeeds(self, *steps: Step) -> None:
        """Runs stages as their principals, to a good end."""
        for step in steps:
            done = self.run(step.principal, step)
            assert done.code == 0, f"{step.stage} as {step.principal}: {done.code}\n{done.said}"

    @contextmanager
    def service(self, user: str, *arguments: str) -> Iterator[str]:
        """A service that runs as a user; where it answers."""
        log = self.scratch / f"{arguments[0]}.log"
        command = [str(binary("serve")), *arguments, "--data-root", self.url, "--listen", "127.0.0.1:0"]
        with log.open("w") as stderr, subprocess.Popen(command, env=environment(user), stderr=stderr) as process:
            try:
                yield waited(lambda: address(log.read_text()), log)
            finally:
                process.kill()


def environment(user: str) -> dict[str, str]:
    return os.environ | {"HADOOP_USER_NAME": user, "FORESITE_LOG": "lines"}


def address(log: str) -> str | None:
    found = [line.rpartition("address=")[2].split()[0] for line in log.splitlines() if " address=" in line]
    return f"http://{found[0]}" if found else None


def waited(look: Callable[[], Found | None], log: Path) -> Found:
    """What a look gives, once it gives anything."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain; log:\n{log.read_text()}")


def asked(url: str, body: object = None) -> tuple[int, str]:
    """Status and body of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def site_of(scratch: Path) -> Site:
    """A data root of its own; nothing is there yet."""
    if "HDFS_URI" not in os.environ:
        pytest.skip("no cluster: tests/hdfs/all.sh roles")
    return Site(f"/user/roles-{uuid.uuid4()}", scratch)


def written(file: Path, config: Any) -> Path:
    """A configuration as a file."""
    file.write_text(json.dumps(config))
    return file
