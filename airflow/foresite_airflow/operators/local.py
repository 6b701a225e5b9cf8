"""Runs a stage as a process on this machine: the back end of a laptop and of the tests."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from foresite_airflow import settings
from foresite_airflow.command import Command
from foresite_airflow.exits import exit_code
from foresite_airflow.operators.base import StageOperator
from foresite_airflow.result import Result

#: How long a stage has to end after SIGTERM.
GRACE_SECONDS = 10.0
#: How many of its last lines a failed stage leaves in the exception.
TAIL_LINES = 5

LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
}
LINE = re.compile(rf"^\s*({'|'.join(LEVELS)})\s+(.*)$")


class LocalStageOperator(StageOperator):
    """Starts `foresite-<stage>` in a process group of its own and follows it to its end."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process: subprocess.Popen[bytes] | None = None

    def execute(self, context: Context) -> Result:
        command = self.command(context)
        program = settings.binaries() / command.binary
        if not os.access(program, os.X_OK):
            raise AirflowFailException(f"{program} is not there: run `make build`, or point FORESITE_BIN_DIR at it")
        self.log.info("rerun by hand: %s", command.rerun(str(program)))
        with tempfile.TemporaryDirectory(prefix="foresite-") as folder:
            result_file = Path(folder) / "result.json"
            code, tail = self.follow(program, command, result_file)
            text = result_file.read_text() if result_file.exists() else ""
        return self.conclude(context, code, text, "\n".join(tail))

    def follow(self, program: Path, command: Command, result_file: Path) -> tuple[int, deque[str]]:
        """Runs the program to its end; returns its exit code and its last lines."""
        # The kernel ends the stage when this process dies first, however it dies: a stage left
        # behind would go on to hold cores and memory that nobody sees.
        guard = ["setpriv", "--pdeathsig", "KILL", "--"]
        call = [*guard, str(program), *command.arguments(), "--result", str(result_file)]
        self.process = subprocess.Popen(
            call,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        try:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                text = line.decode(errors="replace").rstrip()
                tail.append(text)
                self.relay(text)
            return exit_code(self.process.wait()), tail
        finally:
            self.stop()

    def relay(self, text: str) -> None:
        """Passes a line of the stage on to the task log at the level that it starts with."""
        matched = LINE.match(text)
        level, message = matched.groups() if matched else ("INFO", text)
        self.log.log(LEVELS[level], message)

    def on_kill(self) -> None:
        self.killed = True
        self.stop()

    def stop(self) -> None:
        """Ends the whole process group: politely first, for good after the grace time."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.log.warning("the stage ignored SIGTERM for %s s and is killed", GRACE_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
