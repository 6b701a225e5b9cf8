"""Following a process that is a stage, or stands for one, to its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from typing import Any

from foresite_airflow.exits import exit_code
from foresite_airflow.operators.base import StageOperator
from foresite_airflow.result import TAIL_LINES

#: How long a stage has to end after SIGTERM.
GRACE_SECONDS = 10.0

# The kernel ends the process when this one dies first, however it dies: a stage left behind would go
# on to hold cores and memory that nobody sees.
GUARD = ("setpriv", "--pdeathsig", "KILL", "--")


class ProcessStageOperator(StageOperator):
    """Starts a process group of its own and passes on its lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process: subprocess.Popen[bytes] | None = None

    def follow(self, call: Sequence[str]) -> tuple[int, deque[str]]:
        """Runs a program to its end; returns its exit code and its last lines."""
        self.process = subprocess.Popen(
            [*GUARD, *call],
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
