"""What is done to a running site from outside: by the machine's administrator, whom no pod can refuse."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from live.commands import CLUSTER, images, run, wait_for

KEPT = "docker.io/foresite-test/kept:1"


def processes(*words: str) -> list[int]:
    """Processes of pods whose command line holds all these words; the machine sees those of its pods."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line and all(word in line for word in words) and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def is_alive(process: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def stage_process(stage: str, *words: str, seconds: float) -> int:
    """The process of a stage's pod, as soon as there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = [number for number in processes(program_of(stage), *words) if not outside_pods(number)]
        if found:
            return found[0]
        time.sleep(0.02)
    raise TimeoutError(f"no process of {stage} within {seconds:.0f} s")


def program_of(stage: str) -> str:
    """How the command line of a stage begins in its container."""
    return f"/opt/foresite/bin/foresite-{stage} "


def outside_pods(process: int) -> bool:
    """Whether it is a process of the machine, such as the runtime that starts the pod's."""
    with contextlib.suppress(OSError):
        return "kubepods" not in Path(f"/proc/{process}/cgroup").read_text()
    return True


def kill(process: int, how: signal.Signals = signal.SIGKILL) -> bool:
    """Sends a signal; whether the process was still there."""
    try:
        os.kill(process, how)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def killed_once(*stages: str) -> Iterator[set[str]]:
    """Kills the first process of each stage that a pod runs meanwhile; the stages that this befell."""
    killed: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02) and killed < set(stages):
            for stage in set(stages) - killed:
                found = [number for number in processes(program_of(stage)) if not outside_pods(number)]
                if found and kill(found[0]):
                    killed.add(stage)

    watcher = threading.Thread(target=watch, name="killer", daemon=True)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def memory_limit_file(process: int) -> Path:
    """Where the kernel keeps the memory limit of the container of a process."""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/") / "memory.limit_in_bytes"
        if controllers == "":
            unified = Path("/sys/fs/cgroup") / path.lstrip("/") / "memory.max"
            if unified.exists():
                return unified
    raise LookupError(f"process {process} has no memory limit")


@contextlib.contextmanager
def without_image(name: str) -> Iterator[None]:
    """The node has no such image, and nowhere to pull it from."""
    images("tag", "--force", f"docker.io/{name}", KEPT)
    images("rm", f"docker.io/{name}")
    try:
        yield
    finally:
        images("tag", "--force", KEPT, f"docker.io/{name}")


@contextlib.contextmanager
def without_nodes() -> Iterator[None]:
    """No node takes a new pod."""
    node = run(CLUSTER, "kubectl", "get", "nodes", "--output", "name").strip()
    run(CLUSTER, "kubectl", "cordon", node)
    try:
        yield
    finally:
        run(CLUSTER, "kubectl", "uncordon", node)


def gone(process: int, seconds: float = 30) -> None:
    """Waits for the end of a process."""
    wait_for(f"the end of process {process}", seconds, lambda: None if is_alive(process) else True)
