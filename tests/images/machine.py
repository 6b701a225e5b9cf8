"""Everything of docker/compose.yaml on one engine, brought up and down by a real compose."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from live.airflow import Airflow, ApiError
from live.commands import wait_for

from images import engine
from images.engine import ROOT

PROJECT = f"foresite-test-{os.getpid()}"
#: The image of the compose file.
POSTGRES = "postgres:17-bookworm"
#: Where Debian keeps the programs of its PostgreSQL.
SERVERS = Path("/usr/lib/postgresql")


def compose() -> list[str] | None:
    """How Docker Compose is called here: the plugin, or Debian's program."""
    if engine.docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


@cache
def is_here(image: str) -> bool:
    """Whether the engine has an image, or gets it."""
    ways = (("image", "inspect"), ("pull", "--quiet"))
    return any(engine.docker(*way, image, check=False).returncode == 0 for way in ways)


def stand_in() -> dict[str, Any] | None:
    """What replaces the image of PostgreSQL where it cannot be pulled: this machine's own."""
    newest = max(SERVERS.glob("*/bin"), default=None)
    base = os.environ.get("FORESITE_IMAGE_BASE", "foresite/debian:bookworm")
    if newest is None or engine.docker("image", "inspect", base, check=False).returncode != 0:
        return None
    return {
        "image": base,
        "entrypoint": ["bash", "/stand-in/postgres.sh"],
        "environment": {"PATH": f"{newest}:/usr/bin:/bin"},
        "volumes": ["/usr:/usr:ro", f"{Path(__file__).parent}:/stand-in:ro"],
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@dataclass(frozen=True)
class Machine:
    """A folder that docker/one_machine.sh prepared, and the containers over it."""

    folder: Path
    port: int

    @property
    def root(self) -> Path:
        return self.folder / "data"

    @property
    def airflow(self) -> Airflow:
        users = json.loads((self.folder / "airflow" / "passwords.json").read_text())
        return Airflow(f"127.0.0.1:{self.port}", users["admin"])

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text().strip()

    def prepare(self) -> None:
        """Lets the script make the folder, twice: the second time it may change nothing."""
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        script = [ROOT / "docker" / "one_machine.sh", self.folder]
        environment = {**os.environ, "FORESITE_DOCKER_SOCKET": host}
        for _ in range(2):
            subprocess.run(script, env=environment, check=True, capture_output=True, timeout=60)

    def variables(self, **given: str) -> None:
        """Adds to the file of the environment, as an administrator does."""
        lines = (f"{name}={value}\n" for name, value in given.items())
        with (self.folder / "environment").open("a") as file:
            file.writelines(lines)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """One call of compose over the file, with PostgreSQL replaced where it must be."""
        files = ["--file", str(ROOT / "docker" / "compose.yaml")]
        if not is_here(POSTGRES):
            override = self.folder / "override.yaml"
            override.write_text(json.dumps({"services": {"postgres": stand_in()}}))
            files += ["--file", str(override)]
        call = [*(compose() or []), "--project-name", PROJECT, "--env-file", str(self.folder / "environment"), *files]
        # What the process has of these would win over the file: `make` exports FORESITE_PORT.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("FORESITE_")}
        done = subprocess.run(
            [*call, *arguments], env=outside, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def up(self) -> None:
        """Brings everything up, however long a cold disk takes over Airflow's first start."""
        self.compose("up", "--detach", "--no-build")
        try:
            wait_for("Airflow's API", 600, self.version)
        except TimeoutError as error:
            said = self.compose("ps") + self.compose("logs", "--no-color", "--tail", "10")
            raise TimeoutError(f"{error}\n{said}") from error

    def version(self) -> str | None:
        try:
            return str(self.airflow.call("GET", "/version")["version"])
        except (ApiError, OSError):
            return None

    def down(self) -> None:
        self.compose("down", "--volumes", "--timeout", "10", check=False)


def asked(url: str, token: str | None = None, body: Any = None) -> tuple[int, Any]:
    """Status and content of an answer, JSON understood; 0 where nobody answered."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            said = answer.read().decode()
            return answer.status, json.loads(said) if said.startswith("{") else said
    except urllib.error.HTTPError as refused:
        return refused.code, None
    except OSError:
        return 0, None
