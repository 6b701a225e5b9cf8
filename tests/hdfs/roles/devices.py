"""Runs that end with a served model in seconds: a small network, and devices in trouble by what they measure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from interop.pipeline import AS_OF, DAY, HISTORY, NETWORK, SAMPLES, Span, stamp
from roles.site import Step, written

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = START + timedelta(days=70)
ALL, NEWEST, LAST_DAY = (START, END), (END - timedelta(hours=6), END), (END - timedelta(days=1), END)
#: Later than whatever a test delivers.
NOW = datetime.now(timezone.utc) + timedelta(days=1)
OF_TASK = ("--task", "devices")
MAPPING = {
    "name": "devices",
    "target": "kpis",
    "sources": [{"path": "devices/*.csv"}],
    "entity": {"type": {"constant": "device"}, "id": "device"},
    "time": {"from": {"stamp": {"value": "at"}}, "cadence_seconds": 3600, "wall_clock": False},
    "channels": [{"name": "x"}, {"name": "y"}],
    "history": {},
}
TASK = {
    "task": "devices",
    "about": "Devices in trouble.",
    "entity_type": "device",
    "head": {"kind": "binary"},
    "cutoffs": {"step": "6h"},
    "look_back": "6h",
    "inputs": {
        "granularity": "1h",
        "wall_clock": False,
        "rolling": [{"channels": ["x"], "windows": ["6h"], "statistics": ["last", "mean"]}],
    },
    "label": {"rule": "point", "channel": "y"},
    "slices": {"rule": {"by": "time", "fractions": [0.4, 0.1, 0.2, 0.15, 0.15]}},
    "metrics": ["pr_auc"],
    "baselines": ["base_rate"],
}


def measured() -> str:
    """The file that a mediation delivers: a device is in trouble above 0.7, mostly."""
    chance = random.Random(7)  # noqa: S311, made-up data
    lines = ["device,at,x,y"]
    for device in range(12):
        for hour in range(int((END - START) / timedelta(hours=1))):
            x = chance.random()
            trouble = int(x + 0.3 * (chance.random() - 0.5) > 0.7)
            lines.append(f"device-{device:02},{stamp(START + timedelta(hours=hour))},{x:.4f},{trouble}")
    return "\n".join(lines) + "\n"


class Steps:
    """The runs of the stages, in order; their configurations lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tasks").mkdir()
        written(folder / "tasks" / "devices.json", TASK)

    def of_network(self) -> list[Step]:
        """The files of a simulated network, and KPIs out of them."""
        return [
            self.step("simulate", HISTORY, AS_OF, config=NETWORK),
            *(self.step(stage, DAY, AS_OF) for stage in ("ingest", "validate", "derive")),
        ]

    def of_devices(self) -> list[Step]:
        """From the delivered file to a model."""
        tasks = {"tasks": str(self.folder / "tasks")}
        return [
            self.ingest(),
            self.step("featurize", ALL, NOW, *OF_TASK, "--step", "samples", config=tasks),
            self.step("featurize", NEWEST, NOW, *OF_TASK, config=tasks),
            self.step("train", None, NOW, *OF_TASK, config=tasks),
            self.step("evaluate", None, NOW, *OF_TASK),
        ]

    def promote(self, *arguments: str) -> Step:
        config = {"signing_key": str(self.folder / "key.pem"), "create_missing_key": True, "public_keys": "keys"}
        return self.step("promote", None, NOW, *OF_TASK, *arguments, config=config)

    def after_a_promotion(self) -> list[Step]:
        """Predictions, and what is said of them."""
        return [
            self.step("predict", NEWEST, NOW, *OF_TASK),
            self.step("advise", NEWEST, NOW),
            self.step("monitor", LAST_DAY, NOW),
            self.step("export", LAST_DAY, NOW),
        ]

    def that_would_change(self, model: str) -> list[Step]:
        """A run of every stage that does something once more, with `--force`; the model was promoted."""
        _, *others = self.of_network()
        other = self.step("simulate", HISTORY, AS_OF, config={**NETWORK, "seed": 6})
        decided = self.promote("--action", "revoke", "--model", model)
        return [other, *others, *self.of_devices(), decided, *self.after_a_promotion(), self.maintain("compact")]

    def of_care(self) -> list[Step]:
        """What a night does: seals, changes tables, deletes."""
        steps = ("seal-audit", "compact", "retention", "checkpoint", "vacuum", "verify-audit")
        return [self.maintain(step) for step in steps]

    def maintain(self, step: str) -> Step:
        return self.step("maintain", None, AS_OF + timedelta(days=30), "--step", step, config={"delete": True})

    def ingest(self, *mappings: dict[str, Any]) -> Step:
        """Takes files of devices and of these mappings at once."""
        config = {"pm": [], "mappings": [MAPPING, *mappings], "settle_seconds": 0}
        return self.step("ingest", ALL, NOW, config=config)

    def step(self, stage: str, span: Span | None, as_of: datetime, *arguments: str, config: object = None) -> Step:
        file = SAMPLES / stage / "default.json"
        if config is not None:
            file = written(self.folder / f"{stage}-{len(list(self.folder.iterdir()))}.json", config)
        interval = ("--interval-start", stamp(span[0]), "--interval-end", stamp(span[1])) if span else ()
        return Step(stage, file, (*interval, "--as-of", stamp(as_of), *arguments))
