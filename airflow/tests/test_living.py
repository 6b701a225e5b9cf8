"""`make airflow`: what it refuses, what it makes up for, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from foresite_airflow import living
from foresite_airflow.environment import FOLDER
from tests.harness import Stages, alive

BORN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
#: Serves as `make airflow` does, with another program in the place of Airflow.
SERVE = """
import signal, sys
from pathlib import Path
from foresite_airflow import living

# As in a terminal, wherever the tests run.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
folder = Path(sys.argv[1])
sys.executable = str(folder / "python")
living.live = lambda: living.serve(folder)
sys.exit(living.main())
"""
#: Starts a process of its own, and ends without looking after it.
STAND_IN = "#!/bin/bash\nsleep 60 & echo $! $$ >pids.part && mv pids.part pids\nwait\n"


@pytest.mark.parametrize("text", ["abc", "0", "70000", "-1", "8080 "])
def test_a_port_that_is_none_is_named(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORESITE_PORT", text)
    assert living.live() == 2
    assert f"FORESITE_PORT={text}: expected a number from 1 to 65535" in capsys.readouterr().err


def test_a_taken_port_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("FORESITE_PORT", str(port))
        assert living.live() == 1
    assert f"run FORESITE_PORT={port + 1} make airflow" in capsys.readouterr().err


def test_missed_hours_are_written_from_where_the_simulator_stopped(stages: Stages) -> None:
    now = BORN.replace(hour=17, minute=40)
    assert living.write_missed_hours(stages.data_root, BORN, now) == 0
    logs = stages.data_root / "landing" / "alarms"
    logs.mkdir(parents=True)
    for name in ("alarms_202602.csv", "alarms_20260301.1300.csv", "alarms_20260301.1200.csv"):
        (logs / name).touch()
    assert living.write_missed_hours(stages.data_root, BORN, now) == 0
    (logs / "alarms_20260301.1600.csv").touch()
    assert living.write_missed_hours(stages.data_root, BORN, now) == 0
    spans = [(call["flags"]["interval-start"], call["flags"]["interval-end"]) for call in stages.calls("simulate")]
    assert spans == [
        ("2026-03-01T12:00:00Z", "2026-03-01T17:00:00Z"),
        ("2026-03-01T14:00:00Z", "2026-03-01T17:00:00Z"),
    ]


def test_hours_that_cannot_be_written_stop_the_start(stages: Stages, capsys: pytest.CaptureFixture[str]) -> None:
    stages.behave("simulate", exit=73, lines=["ERROR disk full"])
    assert living.write_missed_hours(stages.data_root, BORN, BORN.replace(hour=13)) == 73
    assert "ERROR disk full" in capsys.readouterr().err


@pytest.mark.parametrize("step", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda step: step.name)
def test_no_process_outlives_the_terminal(step: signal.Signals, tmp_path: Path) -> None:
    program = tmp_path / "airflow"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    served = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path)], cwd=tmp_path, env=environment)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pids").exists():
        assert time.monotonic() < deadline
        assert served.poll() is None
        time.sleep(0.05)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    served.send_signal(step)
    assert served.wait(30) == 0
    assert not any(alive(pid) for pid in pids)
