"""Tables beside pyarrow and, where a cluster is announced, the store beside Hadoop's own client.

`FORESITE_BENCH_HDFS` names a folder on HDFS (`hdfs://…/bench`); `make hdfs-up` starts a cluster and
`tests/hdfs/hdfs-cluster env` prints what a client needs. Without it the local half is measured.
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

ROWS = 5_000_000
COMMITS = 2_000
OLD_COMMITS = 10_000
LARGE_MIB = 200
SMALL_FILES = 200
RUNS = 3
MIXES = ("kpis", "repeated", "distinct")
STORAGE = measure.BINARIES / "examples" / "storage"
PEER = Path(__file__).with_name("peer_storage.py")
CLUSTER = measure.ROOT / "tests" / "hdfs" / "hdfs-cluster"


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


def hadoop(*arguments: object) -> float:
    """Wall seconds of one call of Hadoop's file-system shell."""
    started = time.monotonic()
    measure.run([CLUSTER, "dfs", *map(str, arguments)])
    return time.monotonic() - started


def hdfs(root: str, folder: Path) -> dict[str, Any]:
    """The store beside Hadoop's client, whose start-up is measured and taken off."""
    large = folder / "large"
    large.write_bytes(os.urandom(1 << 20) * LARGE_MIB)
    start = min(hadoop("-ls", root.rsplit("/", 1)[0]) for _ in range(3))
    results: dict[str, Any] = {
        "start_of_java_s": round(start, 2),
        "large_mib": LARGE_MIB,
    }
    put = [ours(root, "put", large, f"large-{run}") for run in range(RUNS)]
    java_put = [
        hadoop("-put", large, f"{root}/java-large-{run}") - start for run in range(RUNS)
    ]
    get = [ours(root, "get", "large-0") for _ in range(RUNS)]
    java_get = []
    for run in range(RUNS):
        java_get.append(
            hadoop("-get", f"{root}/large-0", folder / f"back-{run}") - start
        )
    small = folder / "small"
    small.mkdir()
    for index in range(SMALL_FILES):
        (small / str(index)).write_bytes(b"x" * 1024)
    names = [f"{root}/small/{index}" for index in range(SMALL_FILES)]
    results["write"] = {"ours": median(put), "java_s": sorted(java_put)[RUNS // 2]}
    results["read"] = {"ours": median(get), "java_s": sorted(java_get)[RUNS // 2]}
    results["small"] = {
        "files": SMALL_FILES,
        "ours": ours(root, "small", SMALL_FILES),
        "java_s": hadoop("-put", small, f"{root}/java-small") - start,
        "java_one_call_s": hadoop("-put", small / "0", f"{root}/java-one"),
    }
    results["stat"] = {
        "ours": ours(root, "stat", SMALL_FILES),
        "java_s": hadoop("-stat", "%n", *names) - start,
    }
    results["commits"] = commits(root, COMMITS)
    return results


def main() -> None:
    """Measures the parts that are named, all of them by default, and records them."""
    root = os.environ.get("FORESITE_BENCH_HDFS")
    with tempfile.TemporaryDirectory(prefix="foresite-bench-") as name:
        folder = Path(name)
        parts = {
            "tables": lambda: tables(folder),
            "commits": lambda: commits(folder / "commits", COMMITS),
            "old_table": lambda: old_table(folder / "old"),
        }
        if root:
            parts["hdfs"] = lambda: hdfs(f"{root}/{time.time_ns()}", folder)
        else:
            print("no cluster is announced by FORESITE_BENCH_HDFS: local parts only")
        results = {part: parts[part]() for part in sys.argv[1:] or parts}
    measure.record("storage", results)


if __name__ == "__main__":
    main()
