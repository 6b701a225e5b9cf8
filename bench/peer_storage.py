"""The peer of our tables: pyarrow with its defaults, over the same rows in the same files a day."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

CHANNELS = [f"c{index:02}" for index in range(20)]


def files(table: Path) -> list[Path]:
    """The data files of a table that was only appended to: all of them are live."""
    return sorted(table.glob("date=*/*.parquet"))


def write(table: Path, target: Path) -> dict[str, float]:
    """Writes the rows of each file with the default encodings; reading them is not counted."""
    target.mkdir()
    seconds, size, rows = 0.0, 0, 0
    for index, source in enumerate(files(table)):
        batch = pq.read_table(source, partitioning=None)
        out = target / f"{index}.parquet"
        started = time.monotonic()
        pq.write_table(batch, out)
        seconds += time.monotonic() - started
        size += out.stat().st_size
        rows += batch.num_rows
    return {"seconds": seconds, "rows": rows, "bytes": size}


def scan(table: Path, *, use_threads: bool) -> dict[str, float]:
    """Sums every channel, batch by batch."""
    if not use_threads:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
    started = time.monotonic()
    data = ds.dataset([str(path) for path in files(table)], format="parquet")
    rows, total = 0, 0.0
    for batch in data.to_batches(columns=CHANNELS, use_threads=use_threads):
        rows += batch.num_rows
        total += sum(pc.sum(column).as_py() or 0.0 for column in batch.columns)
    return {"seconds": time.monotonic() - started, "rows": rows, "sum": total}


def main() -> None:
    """Does one operation and prints what it cost as JSON."""
    operation, table = sys.argv[1], Path(sys.argv[2])
    if operation == "write":
        outcome = write(table, Path(sys.argv[3]))
    else:
        outcome = scan(table, use_threads=operation == "scan")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
