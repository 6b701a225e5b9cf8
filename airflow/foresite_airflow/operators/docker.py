"""Runs a stage as a container on this machine: the back end of a single server without Kubernetes.

Through Docker's own client, which every such machine has; the operator of Airflow's Docker provider
would need the engine's socket in Python and returns the last log line as the result.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow.sdk import Context

from foresite_airflow import settings
from foresite_airflow.command import Command
from foresite_airflow.exits import KILLED
from foresite_airflow.operators.process import GRACE_SECONDS, ProcessStageOperator
from foresite_airflow.result import Result
from foresite_airflow.run import PinnedRun

#: Where the container finds the folder for its result.
RESULT_MOUNT = "/run/foresite"
#: What a stage reads from the environment; passed on where it is set.
PASSED_ON = ("FORESITE_LOG", "FORESITE_LOG_LEVEL", "HADOOP_USER_NAME")
#: Those that name a file or a folder, which is mounted as well.
MOUNTED = {"HADOOP_CONF_DIR": "ro", "KRB5_CONFIG": "ro", "KRB5_CLIENT_KTNAME": "ro"}
#: Those of one stage alone: the private key that models are signed with; the folder of the keys of
#: pseudonyms, which ingest makes.
OWN = {"promote": {"FORESITE_SIGNING_KEY": "ro"}, "ingest": {"FORESITE_PSEUDONYM_KEYS": "rw"}}
#: Where Kerberos looks without `KRB5_CONFIG`.
KRB5_CONFIG = Path("/etc/krb5.conf")
#: As the class "restricted" of Kubernetes: nothing is writable but what is mounted so.
RESTRICTED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")


class DockerStageOperator(ProcessStageOperator):
    """Starts the stage's image with the stage's arguments and follows the container to its end."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.container: str | None = None

    def execute(self, context: Context) -> Result:
        command = self.command(context)
        image = PinnedRun.of(context).images[self.stage]
        self.container = container_name(context)
        # What an earlier try left behind when its Airflow was killed.
        self.docker("rm", "--force", self.container)
        with tempfile.TemporaryDirectory(prefix="foresite-") as folder:
            # The user of the container is another one.
            Path(folder).chmod(0o777)
            call = ["docker", "run", "--name", self.container, *self.run_options(command, folder), image]
            self.log.info("rerun by hand: %s", self.rerun(command, image))
            try:
                with self.within_its_time(context):
                    code, tail = self.follow([*call, *command.arguments(), "--result", f"{RESULT_MOUNT}/result.json"])
                state = self.state()
            finally:
                self.docker("rm", "--force", self.container)
            result_file = Path(folder) / "result.json"
            text = result_file.read_text() if result_file.exists() else ""
        out_of_memory = state.get("OOMKilled") is True
        cause = "OOMKilled: out of memory" if out_of_memory else ""
        return self.conclude(context, KILLED if out_of_memory else code, text, "\n".join(tail), cause)

    def run_options(self, command: Command, result_folder: str | None) -> list[str]:
        """Rights, mounts and environment of the container."""
        options = [*RESTRICTED, f"--stop-timeout={int(GRACE_SECONDS)}", "--label=foresite.stage=" + self.stage]
        if os.geteuid() != 0:
            # The files of a local data root stay those of the user who runs Airflow.
            options.append(f"--user={os.geteuid()}:{os.getegid()}")
        root = urlsplit(command.data_root)
        is_local = root.scheme in {"", "file"}
        options.append(f"--network={settings.docker_network() or ('none' if is_local else 'host')}")
        if is_local:
            folder = unquote(root.path)
            options.append(f"--volume={folder}:{folder}")
        if command.config:
            folder = str(Path(command.config).parents[1])
            options.append(f"--volume={folder}:{folder}:ro")
        options += [f"--env={name}" for name in PASSED_ON if os.environ.get(name)]
        for name, mode in (MOUNTED | OWN.get(self.stage, {})).items():
            if value := os.environ.get(name):
                path = value.removeprefix("FILE:")
                options += [f"--env={name}", f"--volume={path}:{path}:{mode}"]
        if not is_local and not os.environ.get("KRB5_CONFIG") and KRB5_CONFIG.exists():
            options.append(f"--volume={KRB5_CONFIG}:{KRB5_CONFIG}:ro")
        if result_folder:
            options.append(f"--volume={result_folder}:{RESULT_MOUNT}")
        return options + settings.docker_options()

    def rerun(self, command: Command, image: str) -> str:
        """The line that runs this container by hand."""
        call = ["docker", "run", "--rm", *self.run_options(command, None), image, *command.arguments()]
        return shlex.join(call)

    def state(self) -> dict[str, Any]:
        """How the container ended, as the engine has it."""
        said = self.docker("inspect", "--format", "{{json .State}}", self.container or "")
        state = json.loads(said) if said else {}
        return state if isinstance(state, dict) else {}

    def docker(self, *arguments: str) -> str:
        """One short call of Docker's client; what it printed, nothing where it failed."""
        done = subprocess.run(
            ["docker", *arguments],  # noqa: S607, whichever the path leads to
            capture_output=True,
            text=True,
            timeout=60 + GRACE_SECONDS,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def stop(self) -> None:
        """Stops the container, on which its client ends as well."""
        if self.container and self.process and self.process.poll() is None:
            self.docker("stop", "--time", str(int(GRACE_SECONDS)), self.container)
        super().stop()


def container_name(context: Context) -> str:
    """One name for all tries of a task, so that a later one finds what an earlier one left."""
    instance = context["ti"]
    parts = [instance.dag_id, instance.run_id, instance.task_id]
    if instance.map_index is not None and instance.map_index >= 0:
        parts.append(str(instance.map_index))
    return re.sub(r"[^a-zA-Z0-9_.-]", "-", ".".join(parts))
