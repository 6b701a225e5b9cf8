"""Running a command and saying what it cost."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
BINARIES = Path(os.environ.get("FORESITE_BIN_DIR", ROOT / "target" / "debug"))
SAMPLES = ROOT / "docs" / "samples"
#: The share of a measurement that is asked for, to try it out.
SHARE = float(os.environ.get("FORESITE_BENCH_SHARE", "1"))


def scaled(count: int) -> int:
    """So many, or the share of them that FORESITE_BENCH_SHARE asks for."""
    return max(1, round(count * SHARE))


def run(
    command: list[str | os.PathLike[str]], *, stdout: IO[str] | None = None
) -> dict[str, float]:
    """Runs a command to its end; wall and CPU seconds and peak memory of the whole process."""
    started = time.monotonic()
    environment = {**os.environ, "FORESITE_LOG": "lines", "FORESITE_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [os.fspath(part) for part in command], env=environment, stdout=stdout
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(
            f"{command[0]}: ended with {os.waitstatus_to_exitcode(status)}"
        )
    return {
        "wall_s": round(time.monotonic() - started, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_rss_mib": round(usage.ru_maxrss / 1024, 1),
    }


def told(command: list[str | os.PathLike[str]]) -> dict[str, Any]:
    """As `run`, with the JSON object that the command prints about itself."""
    with tempfile.TemporaryFile("w+") as out:
        cost = run(command, stdout=out)
        out.seek(0)
        return {**json.load(out), **cost}


def stage(
    name: str, root: Path, *arguments: str, config: str = "default"
) -> dict[str, float]:
    """Runs a stage on a sample configuration."""
    sample = SAMPLES / name / f"{config}.json"
    return run(
        [
            BINARIES / f"foresite-{name}",
            "--config",
            sample,
            "--data-root",
            root,
            *arguments,
        ]
    )


def record(name: str, results: dict[str, Any], *, add: bool = False, mixed: bool = False) -> None:
    """Writes results with the machine they were measured on; `add` keeps the other results of the same machine and
    profile, `mixed` all others: each result then says itself what it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    of = {} if mixed else {"machine": machine(), "profile": BINARIES.name}
    document = {**of, "results": results}
    before = json.loads(path.read_text()) if (add or mixed) and path.exists() else {}
    if mixed or {**before, "results": {}} == {**document, "results": {}}:
        document["results"] = before.get("results", {}) | results
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def machine() -> dict[str, Any]:
    """What the results were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    cpu = next(names, platform.machine())
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release()}
