"""Keeps a folder of logs within days and bytes, beside a part of Airflow that writes them.

    python -m foresite_airflow.log_keeper FOLDER --days 30 --most-mib 1024

Airflow never deletes a log by itself, and a volume that is full of them ends the scheduler with all
its tasks: the cluster evicts a pod whose scratch grew past its limit. Runs until it is told to stop.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: What tasks write, and the parts of Airflow beside them; other files may be a person's.
SUFFIX = ".log"
MIB = 1 << 20
DAY = 86400.0
#: A younger folder may be one that somebody is about to write into.
EMPTY_SECONDS = 3600.0


@dataclass(frozen=True)
class Log:
    """A file of the folder: when it was last written, and what it takes of the disk."""

    written: float
    size: int
    path: Path


@dataclass(frozen=True)
class Kept:
    """What a clean-up left, and what it took away."""

    files: int
    size: int
    deleted: int


def forget(folder: Path, days: float) -> int:
    """Deletes what is older than so many days, for 0 nothing; returns how many logs went."""
    return clean(folder, days, sys.maxsize, time.time()).deleted if days > 0 else 0


def clean(folder: Path, days: float, most: int, now: float) -> Kept:
    """Deletes what is older than so many days, then the oldest until at most so many bytes are left."""
    found = sorted(logs(folder), key=lambda log: (log.written, log.path))
    size, deleted = sum(log.size for log in found), 0
    for log in found:
        if log.written >= now - days * DAY and size <= most:
            break
        # It may be gone, or not be ours.
        with suppress(OSError):
            log.path.unlink()
            deleted += 1
        size -= log.size
    remove_empty(folder, now - EMPTY_SECONDS)
    return Kept(len(found) - deleted, size, deleted)


def logs(folder: Path) -> Iterator[Log]:
    """Every log, links as themselves."""
    for place, _, names in os.walk(folder):
        for name in (name for name in names if name.endswith(SUFFIX)):
            path = Path(place, name)
            with suppress(OSError):
                about = path.lstat()
                # What the disk counts; some file systems report nothing for a file that was just made.
                yield Log(about.st_mtime, max(about.st_size, about.st_blocks * 512), path)


def remove_empty(folder: Path, before: float) -> None:
    """Folders without anything in them since then, innermost first."""
    for place, _, _ in os.walk(folder, topdown=False):
        path = Path(place)
        with suppress(OSError):
            if path != folder and path.stat().st_mtime < before:
                # Fails for one that is not empty.
                path.rmdir()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="keeps a folder of logs within days and bytes")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, required=True, help="how long a log stays")
    parser.add_argument("--most-mib", type=int, required=True, help="how much all of them may take")
    parser.add_argument("--every-seconds", type=float, default=300, help="wait between two looks")
    asked = parser.parse_args(arguments)
    stop = threading.Event()
    # Nothing ends the first process of a container but what it handles itself.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        kept = clean(asked.folder, asked.days, asked.most_mib * MIB, time.time())
        if kept.deleted:
            sys.stderr.write(f"INFO logs deleted files={kept.deleted} left={kept.files} mib={kept.size // MIB}\n")
        stop.wait(asked.every_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
