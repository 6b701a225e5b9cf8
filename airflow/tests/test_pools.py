"""Pools are made once; how many slots they have afterwards is the site's to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from foresite_airflow import pools, stage_needs
from foresite_airflow.environment import FOLDER


def slots() -> dict[str, tuple[int, bool]]:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return {
            str(pool.pool): (int(pool.slots), bool(pool.include_deferred)) for pool in session.scalars(select(Pool))
        }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pools.json"
    path.write_text(stage_needs.pool_file())
    return path


def test_a_pool_of_the_site_keeps_its_slots(file: Path) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Pool).where(Pool.pool.in_(stage_needs.pools())))
        session.add(Pool(pool="foresite_gpu", slots=7, description="ours", include_deferred=False))
    before = slots()
    # As the Job calls it, in a process that nobody prepared.
    call = [sys.executable, "-m", "foresite_airflow.pools", str(file)]
    done = subprocess.run(call, cwd=FOLDER, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "INFO pools made names=foresite_hdfs_writers" in done.stderr
    wanted = stage_needs.pools()["foresite_hdfs_writers"]
    assert slots() == before | {"foresite_hdfs_writers": (wanted.slots, True)}
    assert pools.create_missing(file) == []
    assert slots()["foresite_gpu"] == (7, False)


def test_a_call_without_a_file_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert pools.main([]) == 2
    assert "usage: python -m foresite_airflow.pools FILE" in capsys.readouterr().err
