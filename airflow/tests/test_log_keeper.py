"""The logs of Airflow stay within days and bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foresite_airflow import log_keeper
from foresite_airflow.environment import FOLDER

NOW = time.time()
MIB = 1 << 20


def log(folder: Path, name: str, *, days: float, size: int = 1000) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    age(path, days)
    return path


def age(path: Path, days: float) -> None:
    at = NOW - days * 86400
    os.utime(path, (at, at), follow_symlinks=False)


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_what_is_too_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    log(tmp_path, "dag_id=a/run_id=1/task_id=t/attempt=1.log", days=31)
    log(tmp_path, "dag_id=a/run_id=2/task_id=t/attempt=1.log", days=29)
    kept = log_keeper.clean(tmp_path, 30, 100 * MIB, NOW)
    assert left(tmp_path) == {"dag_id=a/run_id=2/task_id=t/attempt=1.log"}
    assert (kept.files, kept.deleted) == (1, 1)


def test_past_the_bytes_the_oldest_goes_first_and_no_more_than_must(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        log(tmp_path, f"{day}.log", days=day, size=MIB)
    kept = log_keeper.clean(tmp_path, 30, 2 * MIB, NOW)
    assert left(tmp_path) == {"1.log", "2.log"}
    assert kept.size == 2 * MIB
    assert log_keeper.clean(tmp_path, 30, 2 * MIB, NOW).deleted == 0


def test_nothing_outside_of_the_folder_is_touched(tmp_path: Path) -> None:
    inside, outside = tmp_path / "logs", tmp_path / "elsewhere"
    kept = log(outside, "kept.log", days=90)
    inside.mkdir()
    (inside / "latest").symlink_to(outside)
    (inside / "kept.log").symlink_to(kept)
    age(inside / "kept.log", 90)
    log_keeper.clean(inside, 30, 100 * MIB, NOW)
    assert kept.exists()
    assert left(inside) <= {"latest"}


def test_an_empty_folder_goes_when_nobody_is_about_to_write_into_it(tmp_path: Path) -> None:
    for name, days in (("old/inner", 2.0), ("new", 0.01)):
        (tmp_path / name).mkdir(parents=True)
        age(tmp_path / name, days)
    age(tmp_path / "old", 2.0)
    log_keeper.clean(tmp_path, 30, MIB, NOW)
    assert not (tmp_path / "old" / "inner").exists()
    assert (tmp_path / "new").exists()
    # That it lost its inner one made it young.
    age(tmp_path / "old", 2.0)
    log_keeper.clean(tmp_path, 30, MIB, NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"new"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "old.log").touch()
    age(tmp_path / "old.log", 40_000)
    started = subprocess.Popen(
        [sys.executable, "-m", "foresite_airflow.log_keeper", str(tmp_path), "--days=1", "--most-mib=1"],
        cwd=FOLDER,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stderr
    assert started.stderr.readline() == "INFO logs deleted files=1 left=0 mib=0\n"
    started.send_signal(number)
    assert started.wait(timeout=60) == 0
    started.stderr.close()
