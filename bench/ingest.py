"""PM files to tables: `foresite-ingest` beside the script that people usually write.

Both read the same simulated 3GPP 32.435 files of 20 sites and four weeks; the script parses with
lxml and writes one Parquet file with pyarrow. The stage does more (quality flags, ledger, Delta
commits), so its lead is understated.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import measure

HISTORY = ("2023-12-01T00:00:00Z", "2026-03-01T00:00:00Z")


def main() -> None:
    """Simulates, measures both, records."""
    with tempfile.TemporaryDirectory(prefix="foresite-bench-") as folder:
        root = Path(folder)
        interval = ("--interval-start", HISTORY[0], "--interval-end", HISTORY[1])
        measure.stage("simulate", root, *interval, config="demo")
        files = sorted(root.glob("landing/pm/*/*.xml.gz"))
        for other in ("alarms", "events", "history", "inventory", "tickets"):
            for path in root.glob(f"landing/{other}/**/*.*"):
                path.unlink()
        clock = ("--as-of", "2026-03-01T00:30:00Z")
        ours = measure.stage("ingest", root, *interval, *clock)
        script = Path(__file__).with_name("peer_ingest.py")
        peer = measure.run(
            [sys.executable, script, root / "landing" / "pm", root / "peer.parquet"]
        )
        size = sum(path.stat().st_size for path in files)
        measure.record(
            "ingest",
            {
                "files": len(files),
                "megabytes_compressed": round(size / 1e6, 1),
                "foresite-ingest": ours,
                "lxml + pyarrow": peer,
                "cpu_ratio": round(peer["cpu_s"] / ours["cpu_s"], 1),
            },
        )


if __name__ == "__main__":
    main()
