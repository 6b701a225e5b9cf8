"""Task logs are forgotten after a while, and nothing else is."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.harness import Stages

DAY = 86400


def write(path: Path, days_old: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("INFO done")
    at = time.time() - days_old * DAY
    os.utime(path, (at, at))
    return path


def test_old_logs_go_young_ones_stay(tmp_path: Path) -> None:
    from foresite_airflow.log_keeper import forget

    old = write(tmp_path / "dag_id=a" / "run_id=1" / "task_id=t" / "attempt=1.log", 15)
    young = write(tmp_path / "dag_id=a" / "run_id=2" / "task_id=t" / "attempt=1.log", 13)
    other = write(tmp_path / "passwords.json", 400)
    assert forget(tmp_path, 14) == 1
    assert not old.exists()
    assert young.exists()
    assert other.exists()
    # The folder was written to just now; it goes when it has been empty for as long.
    assert old.parent.exists()
    for folder in (old.parent, old.parent.parent):
        os.utime(folder, (0, 0))
    assert forget(tmp_path, 14) == 0
    assert not old.parent.exists()
    assert young.exists()


def test_zero_days_keep_everything(tmp_path: Path) -> None:
    from foresite_airflow.log_keeper import forget

    old = write(tmp_path / "a.log", 4000)
    assert forget(tmp_path, 0) == 0
    assert old.exists()


def test_the_nightly_care_does_it(dags: dict[str, Any], stages: Stages) -> None:
    task = dags["telecom_maintenance"].get_task("forget_logs")
    # Nobody waits for it and it waits for nobody: full storage may need both.
    assert not task.upstream_task_ids
    assert not task.downstream_task_ids
