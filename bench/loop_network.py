"""A simulated network of its own seed, lived through hour by hour by the stages themselves."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from measure import BINARIES, ROOT, SAMPLES

#: How often a task speaks.
EVERY_HOURS = {"anomaly": 1, "maintenance": 6, "capacity": 24}
TASKS = tuple(EVERY_HOURS)
#: Whose lists state probabilities.
STATED_TASKS = ("maintenance", "capacity")
#: The models learn from what was known then; all figures are about later.
TRAINED_AT = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATENESS = timedelta(minutes=30)
NIGHTLY = ("compact", "checkpoint", "vacuum")
LOOP = ROOT / ".foresite" / "loop"
SIMULATED = "simulate.json"
#: What the steps of a measurement found that have ended, so that one that was interrupted goes on.
STEPS = "steps.json"


def programs() -> str:
    """Hash of the stages' programs."""
    found = hashlib.sha256()
    for program in sorted(BINARIES.glob("foresite-*")):
        with program.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Network:
    """The data root of a seed, and how its stages are called."""

    root: Path
    start: datetime
    end: datetime
    #: Where stages look for it; the folder, unless it was copied.
    data_root: str | Path

    @classmethod
    def of(cls, name: str, **simulated: Any) -> Network:
        """Simulates a network anew; `simulated` goes over the demo's configuration."""
        root = LOOP / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        demo = json.loads((SAMPLES / "simulate" / "demo.json").read_text())
        (root / SIMULATED).write_text(json.dumps({**demo, **simulated}))
        network = cls.left(name)
        network.run("simulate", (network.start, network.end), config=root / SIMULATED)
        return network

    @classmethod
    def begun(cls, name: str, days: int, **simulated: Any) -> Network:
        """A network whose days were lived by these programs before their measurement was interrupted; else a new one."""
        by = {"days": days, "simulated": simulated, "programs": programs()}
        steps = LOOP / name / STEPS
        found = json.loads(steps.read_text()) if steps.exists() else {}
        if "lived" in found and found["by"] == by:
            return cls.left(name)
        network = cls.of(name, **simulated)
        network.once("by", lambda: by)
        return network

    def once(self, step: str, find: Callable[[], Any]) -> Any:
        """What a step finds, or found where it has ended before."""
        file = self.root / STEPS
        found = json.loads(file.read_text()) if file.exists() else {}
        if step not in found:
            found[step] = find()
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(found, indent=2))
            partial.rename(file)
        return found[step]

    def finished(self) -> None:
        """The next measurement begins anew."""
        (self.root / STEPS).unlink()

    @classmethod
    def left(cls, name: str) -> Network:
        """A network that an earlier part left."""
        root = LOOP / name
        file = root / SIMULATED
        if not file.exists():
            raise SystemExit(f"no network in {root}: measure the part {name.split('-')[0]} first")
        config = json.loads(file.read_text())
        start, end = (datetime.fromisoformat(config[key]) for key in ("start", "end"))
        return cls(root, start, end, root)

    def run(
        self,
        stage: str,
        span: tuple[datetime, datetime] | None,
        *arguments: str,
        as_of: datetime | None = None,
        config: Path | None = None,
    ) -> dict[str, Any]:
        """Runs a stage on its sample configuration, by the clock of today unless the call or its span says another;
        returns its result."""
        result = self.root / "result.json"
        result.unlink(missing_ok=True)
        command = [
            BINARIES / f"foresite-{stage}",
            *("--config", config or SAMPLES / stage / "default.json"),
            *("--data-root", self.data_root, "--result", result),
            *arguments,
        ]
        if span:
            start, end = map(text, span)
            command += ["--interval-start", start, "--interval-end", end]
        if clock := as_of or (span and span[1] + LATENESS):
            command += ["--as-of", text(clock)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}\n{ended.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(result.read_text())
        return found

    def learn(self, tasks: Sequence[str] = TASKS, *, has_files: bool) -> None:
        """Takes in what was known at `TRAINED_AT`, and puts a model of each task into service. Without performance
        files, the history has everything."""
        history = (self.start, TRAINED_AT)
        for stage in ("ingest", "validate", "derive") if has_files else ("ingest",):
            self.run(stage, (TRAINED_AT - 28 * DAY, TRAINED_AT))
        self.run("featurize", (TRAINED_AT - HOUR, TRAINED_AT), "--step", "profiles")
        for task in tasks:
            of = ("--task", task)
            self.run("featurize", history, "--step", "samples", *of)
            for stage in ("train", "evaluate", "promote"):
                self.run(stage, history, *of)

    def take_in(
        self, span: tuple[datetime, datetime], as_of: datetime | None = None
    ) -> None:
        """Takes in what has come, and derives every hour that this left to compute, late ones as well."""
        taken = self.run("ingest", span, as_of=as_of)["numbers"]["stale_slots"]
        spans: list[tuple[str, str]] = []
        for start, end in sorted((slot["start"], slot["end"]) for slot in taken):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        for span_of_slots in spans:
            start, end = map(datetime.fromisoformat, span_of_slots)
            for stage in ("validate", "derive"):
                self.run(stage, (start, end), as_of=as_of or span[1] + LATENESS)

    def hours(self, days: int) -> Iterator[tuple[datetime, datetime]]:
        """The hours that follow."""
        for hour in range(24 * days):
            start = TRAINED_AT + hour * HOUR
            yield start, start + HOUR

    def predict(
        self, hour: tuple[datetime, datetime], tasks: Sequence[str] = TASKS
    ) -> None:
        """What is said at the end of an hour: by anomaly every hour, maintenance every six, capacity once a day; and
        at midnight what is done for the tables."""
        if hour[1].hour == 0:
            self.run("featurize", hour, "--step", "profiles")
        for task in tasks:
            if hour[1].hour % EVERY_HOURS[task] == 0:
                self.run("featurize", hour, "--step", "features", "--task", task)
                self.run("predict", hour, "--task", task)
        if hour[1].hour == 0:
            self.tidy(hour)

    def tidy(self, span: tuple[datetime, datetime]) -> None:
        """What `telecom_maintenance` does each night, but for keeping to retention and verifying."""
        for step in NIGHTLY:
            self.run("maintain", span, "--step", step)
