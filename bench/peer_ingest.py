"""The peer of `foresite-ingest`: lxml into pyarrow, one row per value."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

SCHEMA = pa.schema(
    [
        ("element", pa.string()),
        ("object", pa.string()),
        ("end", pa.string()),
        ("counter", pa.string()),
        ("value", pa.string()),
    ]
)


def rows_of(path: Path) -> dict[str, list[str]]:
    """The values of one file, column by column."""
    columns: dict[str, list[str]] = {name: [] for name in SCHEMA.names}
    tree = etree.fromstring(gzip.decompress(path.read_bytes()))
    namespace = tree.nsmap[None]
    tag = f"{{{namespace}}}".__add__
    element = next(tree.iter(tag("managedElement"))).get("localDn", "")
    for info in tree.iter(tag("measInfo")):
        end = info.find(tag("granPeriod")).get("endTime")
        names = {kind.get("p"): kind.text for kind in info.iter(tag("measType"))}
        for measured in info.iter(tag("measValue")):
            ldn = measured.get("measObjLdn")
            for value in measured.iter(tag("r")):
                columns["element"].append(element)
                columns["object"].append(ldn)
                columns["end"].append(end)
                columns["counter"].append(names[value.get("p")])
                columns["value"].append(value.text or "")
    return columns


def main() -> None:
    """Reads every file below a folder into one Parquet file."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    with pq.ParquetWriter(target, SCHEMA) as writer:
        for path in sorted(source.rglob("*.xml.gz")):
            try:
                writer.write_table(pa.table(rows_of(path), schema=SCHEMA))
            except (EOFError, etree.XMLSyntaxError):
                continue  # a truncated file, as real landing folders have them


if __name__ == "__main__":
    main()
