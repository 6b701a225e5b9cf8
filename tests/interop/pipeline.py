"""A small pipeline run by the real binaries: two sites, a day of files, KPIs out of them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "docs" / "samples"
HISTORY = (datetime(2026, 2, 1, tzinfo=timezone.utc), datetime(2026, 3, 1, tzinfo=timezone.utc))
DAY = (datetime(2026, 2, 28, tzinfo=timezone.utc), HISTORY[1])
LATE_HOUR = (DAY[0] + timedelta(hours=9), DAY[0] + timedelta(hours=10))
LATE_FILE = "A20260228.0900+0000-1000+0000_N001.xml.gz"
"""The file of the late hour that is held back until `Pipeline.deliver_late`."""
NETWORK = {
    "seed": 5,
    "start": "2026-02-01T00:00:00Z",
    "end": "2026-03-01T00:00:00Z",
    "hourly_days": 20,
    "xml_days": 1,
    "truth_days": 20,
    "regions": [
        {
            "name": "north",
            "prefix": "N",
            "time_zone": "Europe/Berlin",
            "holidays": "DE",
            "latitude": 53.5,
            "longitude": 10.0,
            "sites": 2,
        }
    ],
}

Span = tuple[datetime, datetime]
Result = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def binary(stage: str) -> Path:
    folder = os.environ.get("FORESITE_BIN_DIR") or REPOSITORY / "target" / "debug"
    return Path(folder) / f"foresite-{stage}"


@dataclass(frozen=True)
class Pipeline:
    """A data root, and the binaries that fill it."""

    root: str
    scratch: Path

    def table(self, name: str) -> str:
        return f"{self.root}/tables/{name}"

    def open(self, name: str) -> DeltaTable:
        return DeltaTable(self.table(name))

    def program(self, stage: str) -> list[str]:
        """What starts a stage."""
        return [str(binary(stage))]

    def stage(self, name: str, span: Span, as_of: datetime, *arguments: str, config: Path | None = None) -> Result:
        """Runs a stage to its end, which must be exit 0; its result."""
        configuration = config or SAMPLES / name / "default.json"
        result = self.scratch / "result.json"
        result.unlink(missing_ok=True)
        command = [*self.program(name), "--config", configuration, "--data-root", self.root, "--result", result]
        interval = ["--interval-start", stamp(span[0]), "--interval-end", stamp(span[1]), "--as-of", stamp(as_of)]
        done = subprocess.run(
            [*map(str, command), *interval, *arguments],
            env=os.environ | {"FORESITE_LOG": "lines"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stderr}"
        found: Result = json.loads(result.read_text())
        return found

    def simulate(self) -> Result:
        config = self.scratch / "simulate.json"
        config.write_text(json.dumps(NETWORK))
        return self.stage("simulate", HISTORY, AS_OF, config=config)

    def load(self, span: Span, as_of: datetime) -> list[Result]:
        """What the data pipeline does with an interval."""
        return [self.stage(name, span, as_of) for name in ("ingest", "validate", "derive")]


AS_OF = HISTORY[1] + timedelta(minutes=30)
LATER = AS_OF + timedelta(hours=1)
"""The clock of the run that finds the late file."""


def made(folder: Path) -> Pipeline:
    """A pipeline on local files, run once; one file waits outside the landing folder."""
    root = folder / "data"
    root.mkdir(parents=True)
    pipeline = Pipeline(str(root), folder)
    pipeline.simulate()
    late_file(root).rename(folder / LATE_FILE)
    assert [result["status"] for result in pipeline.load(DAY, AS_OF)] == ["done"] * 3
    return pipeline


def late_file(root: Path) -> Path:
    return root / "landing" / "pm" / "north" / LATE_FILE


def deliver_late(pipeline: Pipeline) -> list[Result]:
    """Lands the file that was held back and runs the pipeline over what it touched."""
    landed = LATER.timestamp() - 600
    os.utime((pipeline.scratch / LATE_FILE).rename(late_file(Path(pipeline.root))), (landed, landed))
    taken = pipeline.stage("ingest", (AS_OF - timedelta(minutes=30), LATER), LATER)
    spans = taken["numbers"]["stale_slots"]
    assert any(span["start"] == stamp(LATE_HOUR[0]) for span in spans), spans
    return [pipeline.stage(name, LATE_HOUR, LATER) for name in ("validate", "derive")]
