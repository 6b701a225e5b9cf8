"""The tables, read by deltalake: no line of it is shared with the stages that wrote them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from datetime import date, datetime

import polars
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

#: What makes a row of each table that the hourly pipeline writes unique.
KEYS = {
    "pm_counters": ("ne_dn", "ldn", "period_start", "granularity_s", "counter_set", "known_at"),
    "kpis": ("entity_type", "entity_id", "period_start", "granularity_s", "source", "known_at"),
    "features_anomaly": ("entity_type", "entity_id", "period_start", "known_at"),
    "predictions_anomaly": ("prediction_id", "replay", "source"),
}

#: What of it must be unique among the predictions that people were shown.
ISSUED = ("prediction_id", "as_of", "source")


class Tables:
    """The tables of a data root; for one on HDFS the environment names a client."""

    def __init__(self, data_root: str) -> None:
        self.root = f"{data_root}/tables"

    def open(self, name: str) -> DeltaTable:
        return DeltaTable(f"{self.root}/{name}")

    def version(self, name: str) -> int:
        """The newest version; -1 of a table that is not there."""
        try:
            return self.open(name).version()
        except TableNotFoundError:
            return -1

    def read(self, name: str, columns: list[str] | None = None, **equal: object) -> pa.Table:
        """Columns, all unless some are named, of the rows with these values."""
        wanted = [pc.field(column) == value for column, value in equal.items()]
        condition = functools.reduce(operator.and_, wanted) if wanted else None
        # A file per day and bucket: only those of the day are looked at.
        day = [("date", "=", str(equal["date"]))] if "date" in equal else None
        return self.open(name).to_pyarrow_dataset(partitions=day).to_table(columns=columns, filter=condition)

    def count(self, name: str, **equal: object) -> int:
        """Rows with these values."""
        return int(self.read(name, list(equal), **equal).num_rows)

    def cells(self, start: datetime) -> set[str]:
        """Cells whose KPIs of the hour were derived from counters."""
        hour: dict[str, object] = {"date": start.date(), "period_start": start, "granularity_s": 3600}
        wanted = {**hour, "entity_type": "cell", "source": "derived"}
        return set(self.read("kpis", ["entity_id"], **wanted)["entity_id"].to_pylist())

    def repeated(self, name: str, since: date | None = None) -> list[tuple[object, ...]]:
        """Keys that stand there more than once, of a day or later; a tombstone says that there is no row."""
        opened = self.open(name)
        known = opened.schema().to_arrow().names
        recent = [("date", ">=", str(since))] if since and "date" in known else None
        dataset = opened.to_pyarrow_dataset(partitions=recent)
        wanted = sorted({*KEYS[name], *ISSUED, "replay", "tombstone"} & set(known))
        rows = polars.DataFrame(polars.from_arrow(dataset.to_table(wanted)))
        is_gone = polars.col("tombstone") if "tombstone" in known else polars.lit(value=False)
        seen = rows.filter(~is_gone)
        found = duplicates(seen, [key for key in KEYS[name] if key in known])
        if "replay" in known:
            is_replay = polars.col("replay")
            found += duplicates(seen.filter(~is_replay), ISSUED)
            # A replay that took the place of what people were shown left a tombstone there.
            issued = rows.filter(is_gone & ~is_replay).select(ISSUED)
            found += issued.join(seen.filter(is_replay), on=list(ISSUED), how="semi").unique().rows()
        return found

    def serving(self) -> dict[str, str]:
        """Task → model that `registry_events` lets serve: its champion, else who stands in."""
        events = sorted(self.read("registry_events").to_pylist(), key=lambda event: int(event["seq"]))
        named: dict[str, dict[str, str]] = {}
        for event in events:
            if event["event"] == "promoted":
                named.setdefault(event["task"], {})[event["alias"]] = event["model_id"]
        found = {task: aliases.get("champion") or aliases.get("provisional") for task, aliases in named.items()}
        return {task: model for task, model in found.items() if model}


def duplicates(rows: polars.DataFrame, keys: Sequence[str]) -> list[tuple[object, ...]]:
    """Keys that more than one of the rows have."""
    frame = rows.select(keys)
    return frame.filter(frame.is_duplicated()).unique().rows()
