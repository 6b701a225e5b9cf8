"""Airflow keeps the log of every task for ever; on a volume of fixed size somebody has to forget."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

DAY_SECONDS = 86400.0
#: What tasks write, and the DAG processor beside them; other files may be a person's.
SUFFIX = ".log"


def forget(folder: Path, days: float) -> int:
    """Removes the logs below a folder that are older, and the folders that held nothing else; returns how many logs."""
    if days <= 0:
        return 0
    oldest, removed = time.time() - days * DAY_SECONDS, 0
    for place, _, names in os.walk(folder, topdown=False):
        for path in (Path(place) / name for name in names if name.endswith(SUFFIX)):
            # A link may lead nowhere, and somebody else may clean up as well.
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
        # Refused for a folder that holds something; a young one may be that of a task which begins.
        with contextlib.suppress(OSError):
            if Path(place) != folder and Path(place).stat().st_mtime < oldest:
                Path(place).rmdir()
    return removed
