"""Tables beside pyarrow and, inside a test cluster, the store beside Hadoop's own client.

`make -C bench storage` brings a cluster up where Java is and measures all parts; `PARTS="tables commits"` only these.
FORESITE_BENCH_SHARE=0.05 tries it out with a twentieth of everything.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure
import storage_hdfs

ROWS = measure.scaled(5_000_000)
COMMITS = measure.scaled(2_000)
OLD_COMMITS = measure.scaled(10_000)
RUNS = 3
MIXES = ("kpis", "repeated", "distinct")
STORAGE = measure.BINARIES / "examples" / "storage"
PEER = Path(__file__).with_name("peer_storage.py")


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run with the median of its own seconds."""
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def ours(root: str | Path, *operation: object) -> dict[str, Any]:
    """One operation of ours: its own figures with CPU and memory of the process."""
    return measure.told([STORAGE, root, *map(str, operation)])


def peer(*operation: object) -> dict[str, Any]:
    """One operation of pyarrow."""
    return measure.told([sys.executable, PEER, *map(str, operation)])


def tables(folder: Path) -> dict[str, Any]:
    """Writing and scanning five million rows of twenty floats: as KPIs are, and the extremes."""
    return {"rows": ROWS} | {mix: mixed(folder / mix, mix) for mix in MIXES}


def mixed(folder: Path, mix: str) -> dict[str, Any]:
    """Tables of one mix of values, runs in turn."""
    folder.mkdir()
    written: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("ours", "pyarrow", "pyarrow, our encodings")
    }
    for run in range(RUNS):
        root = folder / f"root-{run}"
        written["ours"].append(ours(root, "write", ROWS, mix))
        table = root / "tables" / "bench_kpis"
        for name, operation in (
            ("pyarrow", "write"),
            ("pyarrow, our encodings", "write-as-ours"),
        ):
            target = folder / operation
            written[name].append(peer(operation, table, target))
            shutil.rmtree(target)
        if run > 0:
            shutil.rmtree(folder / f"root-{run - 1}")
    scans: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("ours", "pyarrow", "pyarrow, one thread")
    }
    for _ in range(RUNS):
        scans["ours"].append(ours(root, "scan"))
        scans["pyarrow"].append(peer("scan", table))
        scans["pyarrow, one thread"].append(peer("scan-one-thread", table))
    sums = {round(runs[0]["sum"], 1) for runs in scans.values()}
    assert len(sums) == 1, f"the readers disagree: {sums}"
    shutil.rmtree(root)
    return {
        "write": {name: median(runs) for name, runs in written.items()},
        "scan": {name: median(runs) for name, runs in scans.items()},
    }


def commits(root: str | Path, count: int) -> dict[str, Any]:
    """Latencies of small commits."""
    return ours(root, "commits", count)


def old_table(folder: Path) -> dict[str, Any]:
    """Opening a table of ten thousand commits."""
    ours(folder, "commits", OLD_COMMITS)
    return ours(folder, "snapshots", 20)


def main() -> None:
    """Measures the parts that are named, all of them by default; records them beside what was recorded before."""
    root = os.environ.get("HDFS_URI")
    with tempfile.TemporaryDirectory(prefix="foresite-bench-") as name:
        folder = Path(name)
        parts = {
            "tables": lambda: tables(folder),
            "commits": lambda: commits(folder / "commits", COMMITS),
            "old_table": lambda: old_table(folder / "old"),
        }
        if root:
            place = f"{root}/tmp/bench-{time.time_ns()}"
            parts["hdfs"] = lambda: storage_hdfs.hdfs(place, folder, COMMITS)
        unknown = [part for part in sys.argv[1:] if part not in parts]
        if unknown:
            raise SystemExit(f"{unknown[0]}: known are {', '.join(parts)}")
        for part in sys.argv[1:] or parts:
            measure.record("storage", {part: parts[part]()}, add=True)


if __name__ == "__main__":
    main()
