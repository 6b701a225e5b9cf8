"""`make airflow`: the DAGs living in Airflow's UI, on a simulated network that goes on hour by hour.

The first start writes and loads a history that ends with the current hour; after that the simulator
writes each closed hour and the schedules take it up. Stopped with Ctrl-C (or a closed terminal), it
goes on where it was, and makes up for the hours it missed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.clock import parse_time, rfc3339
from foresite_airflow.command import Command
from foresite_airflow.environment import one_machine

#: The length of the history: what the simulator writes on its own, 27 months.
HISTORY = timedelta(days=822)
#: How long Airflow's processes have to end after Ctrl-C.
PATIENCE_SECONDS = 20.0


def main() -> int:
    # A closed terminal ends what runs in it, as Ctrl-C does; nobody else would end Airflow then.
    for stop in (signal.SIGTERM, signal.SIGHUP):
        # What is ignored already stays so: `nohup` asks to outlive the terminal.
        if signal.getsignal(stop) is not signal.SIG_IGN:
            signal.signal(stop, signal.default_int_handler)
    try:
        return live()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def live() -> int:
    """Checks what can be checked at once, brings the network up to the current hour, serves the UI."""
    try:
        port = settings.ui_port()
    except ValueError as wrong:
        print(f"airflow: {wrong}", file=sys.stderr)
        return 2
    if in_use(port):
        print(f"airflow: port {port} is in use: run FORESITE_PORT={port + 1} make airflow", file=sys.stderr)
        return 1
    home = settings.REPOSITORY / ".foresite" / "living"
    data_root, configurations = home / "data", home / "configurations"
    data_root.mkdir(parents=True, exist_ok=True)
    born = birth(configurations)
    os.environ.update(
        {
            "FORESITE_BACKEND": "local",
            "FORESITE_DATA_ROOT": data_root.as_uri(),
            "FORESITE_CONFIG_DIR": str(configurations),
            "FORESITE_CATCH_UP": "true",
            "FORESITE_CONFIG_PROFILES": "simulator",
            "FORESITE_START_DATE": rfc3339(born),
            **one_machine(home / "airflow", port),
        }
    )
    if not (home / "history-loaded").exists():
        if grow_up(home) != 0:
            return 1
        (home / "history-loaded").touch()
    if write_missed_hours(data_root, born, datetime.now(timezone.utc)) != 0:
        return 1
    print(f"airflow: http://localhost:{port} in about a minute; Ctrl-C ends it", flush=True)
    return serve(home)


def birth(configurations: Path) -> datetime:
    """Where the history of this network ends; the first call makes its configuration."""
    simulate = configurations / "simulate" / "default.json"
    if not simulate.exists():
        for source in settings.configurations().glob("*/*.json"):
            copy = configurations / source.parent.name / source.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        end = full_hour(datetime.now(timezone.utc))
        start = (end - HISTORY).replace(hour=0)
        described = json.loads((configurations / "simulate" / "demo.json").read_text())
        simulate.write_text(json.dumps({**described, "start": rfc3339(start), "end": rfc3339(end)}))
    return parse_time(json.loads(simulate.read_text())["end"])


def grow_up(home: Path) -> int:
    """Writes, loads and learns the history in a process of its own; its runs show in the UI."""
    return subprocess.call([sys.executable, "-m", "foresite_airflow.living_history", str(home)])


def write_missed_hours(data_root: Path, born: datetime, now: datetime) -> int:
    """Writes the hours that closed while nobody simulated; returns the exit code of the stage.

    The schedules make up for them side by side, and the pipeline must not look for files before the
    simulator wrote them. That one then finds them as they are.
    """
    start, end = written_until(data_root, born), full_hour(now)
    if start >= end:
        return 0
    print(f"airflow: writing the hours that were missed since {rfc3339(start)}", flush=True)
    command = Command(
        stage="simulate",
        config=str(settings.configurations() / "simulate" / "default.json"),
        data_root=settings.data_root(),
        interval_start=rfc3339(start),
        interval_end=rfc3339(end),
        as_of=rfc3339(end),
        run_id="missed-hours",
    )
    done = subprocess.run([str(settings.binaries() / command.binary), *command.arguments()], stderr=subprocess.PIPE)
    if done.returncode != 0:
        print(done.stderr.decode(errors="replace").rstrip(), file=sys.stderr)
        print(f"airflow: the missed hours could not be written: exit {done.returncode}", file=sys.stderr)
    return done.returncode


def written_until(data_root: Path, born: datetime) -> datetime:
    """The end of the newest hour that the simulator wrote; an alarm log comes every hour, however empty."""
    logs = (data_root / "landing" / "alarms").glob("alarms_????????.????.csv")
    newest = max((path.name for path in logs), default=None)
    if newest is None:
        return born
    hour = datetime.strptime(newest, "alarms_%Y%m%d.%H%M.csv").replace(tzinfo=timezone.utc)
    return max(born, hour + timedelta(hours=1))


def full_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def serve(home: Path) -> int:
    """Runs Airflow until it ends or Ctrl-C comes; leaves no process behind."""
    program = Path(sys.executable).with_name("airflow")
    with (home / "airflow.log").open("ab") as log:
        airflow = subprocess.Popen([str(program), "standalone"], stdout=log, stderr=log, start_new_session=True)
    try:
        return airflow.wait()
    except KeyboardInterrupt:
        print("airflow: stopping", flush=True)
        return 0
    finally:
        end(airflow)


def end(airflow: subprocess.Popen[bytes]) -> None:
    """Ends the whole process group, politely first; its leader may go before the others have ended.

    Not to be hurried by a second Ctrl-C, which would leave behind what has not ended yet.
    """
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    for step in (signal.SIGTERM, signal.SIGKILL):
        reached = reach(airflow.pid, step)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while reached and time.monotonic() < deadline:
            time.sleep(0.2)
            airflow.poll()
            reached = reach(airflow.pid, 0)
        if not reached:
            return


def reach(group: int, step: int) -> bool:
    """Sends a signal to a process group; 0 only asks whether somebody is left."""
    try:
        os.killpg(group, step)
    except ProcessLookupError:
        return False
    return True


def in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
