"""Commands of this machine, and where things lie."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[3]
CLUSTER = ROOT / "tests" / "cluster" / "cluster"
HDFS = ROOT / "tests" / "hdfs" / "hdfs-cluster"
#: The machine, as pods reach it; the address is there while the cluster is up.
HOST = "10.243.0.1"

Found = TypeVar("Found")


class CommandError(RuntimeError):
    """A command failed."""


def run(
    *command: str | Path,
    text: str | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit: float = 600,
    warns: bool = False,
) -> str:
    """Runs a command to its end; what it printed. What it says beside that is shown where it `warns`."""
    done = subprocess.run(
        [str(part) for part in command],
        input=text,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=None if warns else subprocess.PIPE,
        text=True,
        timeout=limit,
        check=False,
        # Where nobody may interrupt, a terminal does not reach the command either: some look out for signals anew.
        start_new_session=signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise CommandError(f"{' '.join(map(str, command))}: exit {done.returncode}: {said[-2000:]}")
    return done.stdout


def images(*arguments: str) -> str:
    """The images of the cluster's node."""
    state = Path(run(CLUSTER, "kubeconfig").strip()).parent
    return run("ctr", "--address", state / "containerd.sock", "--namespace", "k8s.io", "images", *arguments)


def wait_for(what: str, seconds: float, look: Callable[[], Found | None]) -> Found:
    """Looks until something is found, at most so long."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not there after {seconds:.0f} s")
        time.sleep(0.5)
    return found
