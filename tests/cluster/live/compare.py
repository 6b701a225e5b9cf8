"""Whether two tables hold the same rows."""

from __future__ import annotations

import polars
import pyarrow as pa


def differences(one: pa.Table, other: pa.Table, without: set[str]) -> list[str]:
    """A sentence per column that differs, those that do not count left out; the order of rows does not count."""
    first, second = ordered(one, without), ordered(other, without)
    if first.columns != second.columns:
        return [f"columns that only one has: {sorted(set(first.columns) ^ set(second.columns))}"]
    if first.height != second.height:
        return [f"{first.height} rows and {second.height}"]
    return [
        f"`{name}`: {first[name].to_list()[at]!r} and {second[name].to_list()[at]!r} in row {at}"
        for name in first.columns
        if not first[name].equals(second[name], null_equal=True)
        for at in [row_of_difference(first[name], second[name])]
    ]


def ordered(table: pa.Table, without: set[str]) -> polars.DataFrame:
    """Rows in an order of their values; numbers that may be rounded decide last."""
    frame = polars.DataFrame(polars.from_arrow(table.select(sorted(set(table.column_names) - without))))
    plain = [name for name, kind in frame.schema.items() if not kind.is_nested()]
    order = sorted(plain, key=lambda name: (frame.schema[name].is_float(), name))
    return frame.sort(order, nulls_last=True)


def row_of_difference(one: polars.Series, other: polars.Series) -> int:
    pairs = enumerate(zip(one.to_list(), other.to_list(), strict=True))
    return next((at for at, (left, right) in pairs if repr(left) != repr(right)), -1)
