"""What every stage of the main job costs on the demo network: 20 sites, 27 months of history, four
weeks of files, then one live hour."""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import record, stage

HISTORY = (
    "--interval-start",
    "2023-12-01T00:00:00Z",
    "--interval-end",
    "2026-03-01T00:00:00Z",
)
FILES = (
    "--interval-start",
    "2026-02-01T00:00:00Z",
    "--interval-end",
    "2026-03-01T00:00:00Z",
)
HOUR = (
    "--interval-start",
    "2026-02-28T23:00:00Z",
    "--interval-end",
    "2026-03-01T00:00:00Z",
)
CLOCK = ("--as-of", "2026-03-01T00:30:00Z")
TASKS = ("anomaly", "maintenance", "capacity")


def main() -> None:
    """Runs the job in the order of the DAGs and records each stage."""
    results = {}
    with tempfile.TemporaryDirectory(prefix="foresite-bench-") as folder:
        root = Path(folder)
        results["simulate"] = stage("simulate", root, *HISTORY, config="demo")
        for name in ("ingest", "validate", "derive"):
            results[name] = stage(name, root, *FILES, *CLOCK)
        results["featurize profiles"] = stage(
            "featurize", root, *HOUR, *CLOCK, "--step", "profiles"
        )
        for task in TASKS:
            of = ("--task", task)
            results[f"featurize samples {task}"] = stage(
                "featurize", root, *HISTORY, *CLOCK, *of, "--step", "samples"
            )
            for name in ("train", "evaluate", "promote"):
                results[f"{name} {task}"] = stage(name, root, *HISTORY, *CLOCK, *of)
            results[f"featurize hour {task}"] = stage(
                "featurize", root, *HOUR, *CLOCK, *of, "--step", "features"
            )
            results[f"predict hour {task}"] = stage("predict", root, *HOUR, *CLOCK, *of)
        results["advise hour"] = stage("advise", root, *HOUR, *CLOCK)
        results["derive again (unchanged)"] = stage("derive", root, *FILES, *CLOCK)
    record("stages", results)


if __name__ == "__main__":
    main()
