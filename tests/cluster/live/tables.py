"""The tables, read by deltalake: no line of it is shared with the stages that wrote them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

#: What makes a row of each table that the hourly pipeline writes unique.
KEYS = {
    "pm_counters": ("ne_dn", "ldn", "period_start", "granularity_s", "counter_set", "known_at"),
    "kpis": ("entity_type", "entity_id", "period_start", "granularity_s", "source", "known_at"),
    "features_anomaly": ("entity_type", "entity_id", "period_start", "known_at"),
    "predictions_anomaly": ("prediction_id", "as_of"),
}


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

    def read(self, name: str) -> pa.Table:
        return self.open(name).to_pyarrow_table()

    def count(self, name: str, **equal: object) -> int:
        """Rows with these values."""
        table = self.read(name)
        columns = [table[column].to_pylist() for column in equal]
        return sum(row == tuple(equal.values()) for row in zip(*columns, strict=True)) if equal else table.num_rows

    def cells(self, start: datetime) -> set[str]:
        """Cells whose KPIs of the hour were derived from counters."""
        wanted = {"entity_type": "cell", "period_start": start, "source": "derived", "granularity_s": 3600}
        rows = self.read("kpis").select([*wanted, "entity_id"]).to_pylist()
        return {row.pop("entity_id") for row in rows if wanted.items() <= row.items()}

    def repeated(self, name: str) -> list[tuple[object, ...]]:
        """Keys that stand there more than once."""
        table = self.read(name)
        keys = [key for key in KEYS[name] if key in table.column_names]
        found = Counter(zip(*(table[key].to_pylist() for key in keys), strict=True))
        return [key for key, times in found.items() if times > 1]

    def serving(self) -> dict[str, str]:
        """Task → model that `registry_events` lets serve: its champion, else who stands in."""
        events = sorted(self.read("registry_events").to_pylist(), key=lambda event: int(event["seq"]))
        named: dict[str, dict[str, str]] = {}
        for event in events:
            if event["event"] == "promoted":
                named.setdefault(event["task"], {})[event["alias"]] = event["model_id"]
        found = {task: aliases.get("champion") or aliases.get("provisional") for task, aliases in named.items()}
        return {task: model for task, model in found.items() if model}
