"""What a simulated network lands, written here and copied to HDFS as its files would arrive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from live.commands import ROOT, run
from live.hdfs import DATA_ROOT, Hdfs

HOUR = timedelta(hours=1)
#: 27 months, as the simulator writes on its own; genuine performance files only for the last two days.
HISTORY = timedelta(days=822)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Landing:
    """A network whose history ends at `born`."""

    folder: Path
    born: datetime
    binary: Path

    @property
    def start(self) -> datetime:
        return (self.born - HISTORY).replace(hour=0)

    @property
    def history(self) -> dict[str, str]:
        return {"interval_start": stamp(self.start), "interval_end": stamp(self.born)}

    def hour(self, number: int) -> dict[str, str]:
        """The interval of the n-th hour after the history, from 1."""
        end = self.born + number * HOUR
        return {"interval_start": stamp(end - HOUR), "interval_end": stamp(end)}

    def write(self, interval: dict[str, str]) -> None:
        """Lets the simulator write an interval."""
        config = self.folder / "simulate.json"
        if not config.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            described = json.loads((ROOT / "docs" / "samples" / "simulate" / "demo.json").read_text())
            ends = {"start": stamp(self.start), "end": stamp(self.born), "xml_days": 2}
            config.write_text(json.dumps({**described, **ends}))
        span = ("--interval-start", interval["interval_start"], "--interval-end", interval["interval_end"])
        run(self.binary, "--config", config, "--data-root", self.folder / "root", *span)

    def deliver(self, hdfs: Hdfs, hours: int) -> None:
        """Writes the history and some hours after it, and copies them to HDFS with the times of their landing."""
        for interval in (self.history, *(self.hour(number) for number in range(1, hours + 1))):
            self.write(interval)
        hdfs.put(*(self.folder / "root").iterdir(), into=DATA_ROOT)
