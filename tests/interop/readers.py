"""The same table through every reader, as Arrow in one order of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import duckdb_extension_delta
import polars
import pyarrow as pa
from deltalake import DeltaTable

Reader = Callable[[str, "int | None"], pa.Table]


def deltalake_reads(path: str, version: int | None = None) -> pa.Table:
    return DeltaTable(path, version=version).to_pyarrow_table()


def polars_reads(path: str, version: int | None = None) -> pa.Table:
    return polars.read_delta(path, version=version).to_arrow()


def duckdb_reads(path: str, version: int | None = None) -> pa.Table:
    """Through DuckDB's own Delta extension, which comes as a Python package."""
    at = "" if version is None else f", version={version}"
    table = duckdb_connection().sql(f"SELECT * FROM delta_scan('{path}'{at})").to_arrow_table()  # noqa: S608
    return in_utc(table)


def duckdb_connection() -> duckdb.DuckDBPyConnection:
    folder = Path(duckdb_extension_delta.__file__).parent
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.load_extension(str(next(folder.rglob("delta.duckdb_extension"))))
    return connection


def in_utc(table: pa.Table) -> pa.Table:
    """DuckDB hands out moments in the zone of the machine; the moments stay the same."""
    zoned = [
        field.with_type(pa.timestamp("us", tz="UTC"))
        if pa.types.is_timestamp(field.type) and field.type.tz is not None
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(zoned))


READERS: dict[str, Reader] = {"deltalake": deltalake_reads, "polars": polars_reads, "duckdb": duckdb_reads}


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    """The values of a table, columns by name, rows in one order whatever the order of the files."""
    table = table.select(sorted(table.column_names))
    found = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return sorted(found, key=repr)
