"""The peer of our tables: pyarrow, over the same rows in the same files a day."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

CHANNELS = [f"c{index:02}" for index in range(20)]


def files(table: Path) -> list[Path]:
    """The data files of a table that was only appended to: all of them are live."""
    return sorted(table.glob("date=*/*.parquet"))


def encodings_of(source: Path) -> dict[str, Any]:
    """The options that make pyarrow encode each column as we did."""
    group = pq.ParquetFile(source).metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    split = [
        column.path_in_schema
        for column in columns
        if "BYTE_STREAM_SPLIT" in column.encodings
    ]
    others = [column.path_in_schema for column in columns]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in others if name not in split],
        "column_encoding": dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
    }


def write(table: Path, target: Path, *, as_ours: bool) -> dict[str, float]:
    """Writes the rows of each file with the defaults or our encodings; reading them is not counted. `synced_seconds` adds
    the time until the files are on the disk, where ours are when a commit returns."""
    target.mkdir()
    seconds, synced, cpu, size, rows = 0.0, 0.0, 0.0, 0, 0
    for index, source in enumerate(files(table)):
        options = encodings_of(source) if as_ours else {}
        batch = pq.read_table(source, partitioning=None)
        out = target / f"{index}.parquet"
        started, busy = time.monotonic(), time.process_time()
        pq.write_table(batch, out, **options)
        seconds += time.monotonic() - started
        cpu += time.process_time() - busy
        with out.open("rb") as written:
            os.fsync(written.fileno())
        synced += time.monotonic() - started
        size += out.stat().st_size
        rows += batch.num_rows
    return {
        "seconds": seconds,
        "synced_seconds": synced,
        "cpu_seconds": cpu,
        "rows": rows,
        "bytes": size,
    }


def scan(table: Path, *, use_threads: bool) -> dict[str, float]:
    """Sums every channel, batch by batch."""
    if not use_threads:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
    started, busy = time.monotonic(), time.process_time()
    data = ds.dataset([str(path) for path in files(table)], format="parquet")
    rows, total = 0, 0.0
    for batch in data.to_batches(columns=CHANNELS, use_threads=use_threads):
        rows += batch.num_rows
        total += sum(pc.sum(column).as_py() or 0.0 for column in batch.columns)
    cpu = time.process_time() - busy
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": cpu,
        "rows": rows,
        "sum": total,
    }


def main() -> None:
    """Does one operation and prints what it cost as JSON."""
    operation, table = sys.argv[1], Path(sys.argv[2])
    if operation.startswith("write"):
        as_ours = operation == "write-as-ours"
        outcome = write(table, Path(sys.argv[3]), as_ours=as_ours)
    else:
        outcome = scan(table, use_threads=operation == "scan")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
