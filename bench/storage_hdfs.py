"""The store on HDFS beside Hadoop's client in a process that stays, its shell, and WebHDFS.

Runs inside `tests/hdfs/hdfs-cluster run … --`. Runs of ours and of Java take turns. Java counts from inside, each
operation several times: the first round is a process that has just connected, the best one a process that is warm.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import measure
from webhdfs import WebHdfs

LARGE_MIB = measure.scaled(200)
FILES = measure.scaled(200)
SHELL_CALLS = 5
RUNS = 3
ROUNDS = 5
JAVA = (
    "java",
    "-Xmx1g",
    "-Djava.net.preferIPv4Stack=true",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)
PEER = Path(__file__).with_name("HdfsPeer.java")
CLUSTER = measure.ROOT / "tests" / "hdfs" / "hdfs-cluster"


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def jars() -> str:
    """The folder of Hadoop's jars."""
    fetched = subprocess.run(
        [CLUSTER, "fetch"], check=True, capture_output=True, text=True
    )
    return fetched.stdout.split()[-1]


class Bench:
    """A folder on HDFS and those who work in it."""

    def __init__(self, root: str, folder: Path) -> None:
        self.root = root
        self.path = urlsplit(root).path
        self.classes = f"{os.environ['HADOOP_CONF_DIR']}:{jars()}/*"
        self.web = WebHdfs()
        self.large = folder / "large"
        self.large.write_bytes(os.urandom(1 << 20) * LARGE_MIB)
        self.small = folder / "small"
        self.small.mkdir()
        for index in range(FILES):
            (self.small / str(index)).write_bytes(b"x" * 1024)

    def ours(self, *operation: object) -> float:
        """Seconds of one operation of ours."""
        program = measure.BINARIES / "examples" / "storage"
        seconds: float = measure.told([program, self.root, *map(str, operation)])[
            "seconds"
        ]
        return seconds

    def java(self, rounds: int, *operation: object) -> list[float]:
        """Seconds of each round of one operation of Java."""
        command = [*JAVA, "-cp", self.classes, str(PEER), str(rounds), self.root]
        command += map(str, operation)
        found: list[float] = measure.told([*command])["rounds"]
        return found

    def shell(self, *arguments: object) -> float:
        """Wall seconds of one call of `hdfs dfs`, with the start of Java."""
        cost = measure.run([CLUSTER, "dfs", *map(str, arguments)])
        return cost["wall_s"]

    def in_turn(
        self, operation: tuple[object, ...], peer: tuple[object, ...], rounds: int
    ) -> dict[str, float]:
        """Medians over runs of ours and of Java's first and best rounds."""
        ours, first, best = [], [], []
        for run in range(RUNS):
            numbered = [str(part).replace("RUN", str(run)) for part in operation]
            ours.append(self.ours(*numbered))
            java = self.java(
                rounds, *[str(part).replace("RUN", str(run)) for part in peer]
            )
            first.append(java[0])
            best.append(min(java))
        return {
            "ours_s": median(ours),
            "java_s": median(first),
            "java_warm_s": median(best),
        }

    def over_the_web(self, work: Callable[[], object]) -> float:
        """Median wall seconds of work over WebHDFS."""
        spent = []
        for _ in range(RUNS):
            started = time.monotonic()
            work()
            spent.append(time.monotonic() - started)
        return round(median(spent), 3)

    def each(self, work: Callable[[int], None]) -> None:
        """The work for every small file."""
        for index in range(FILES):
            work(index)

    def transfers(self) -> dict[str, Any]:
        """One large file each way."""
        data = self.large.read_bytes()
        place = f"{self.root}/java-large"
        write = self.in_turn(
            ("put", self.large, "large-RUN"), ("put", self.large, f"{place}-RUN"), 2
        )
        write["webhdfs_s"] = self.over_the_web(
            lambda: self.web.write(f"{self.path}/web-large", data)
        )
        read = self.in_turn(("get", "large-0"), ("get", f"{self.root}/large-0"), 2)
        read["webhdfs_s"] = self.over_the_web(
            lambda: self.web.read(f"{self.path}/large-0")
        )
        return {"large_mib": LARGE_MIB, "write": write, "read": read}

    def many(self) -> dict[str, Any]:
        """Files of a kilobyte, and questions whether one is there."""
        small = self.in_turn(("small", FILES), ("small", FILES), ROUNDS)
        one = median(
            [
                self.shell("-put", self.small / "0", f"{self.root}/one-{call}")
                for call in range(SHELL_CALLS)
            ]
        )
        small["shell_call_a_file_s"] = round(one * FILES, 1)
        small["shell_one_call_s"] = self.shell("-put", self.small, f"{self.root}/shell")
        small["webhdfs_s"] = self.over_the_web(
            lambda: self.each(
                lambda index: self.web.write(f"{self.path}/web/{index}", b"x" * 1024)
            )
        )
        stat = self.in_turn(("stat", FILES), ("stat", FILES), ROUNDS)
        stat["webhdfs_s"] = self.over_the_web(
            lambda: self.each(lambda index: self.web.stat(f"{self.path}/small/{index}"))
        )
        return {"files": FILES, "small": small, "stat": stat}

    def commits(self, count: int) -> dict[str, Any]:
        """Latencies of small commits."""
        program = measure.BINARIES / "examples" / "storage"
        return measure.told([program, self.root, "commits", str(count)])


def hdfs(root: str, folder: Path, commits: int) -> dict[str, Any]:
    """All of it."""
    bench = Bench(root, folder)
    return {**bench.transfers(), **bench.many(), "commits": bench.commits(commits)}
