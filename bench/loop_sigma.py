"""The rule that most operators start with: per cell, channel and hour of the week, mean and three deviations.

Its alerts of consecutive hours are one item, as a person would count them, and they are scored as the worklist is: an
event of a cell, or of the site above it, is found by an item that overlaps it before people know of it anyway.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
from loop_network import DAY, HOUR, TRAINED_AT, Network

REFERENCE = 56 * DAY
#: An item goes on over pauses of so long, like an incident of the worklist.
TOGETHER = 6 * HOUR
#: The worklist may name an anomaly so long after its end.
AFTER = 2 * HOUR
SIGMAS = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)
ENTITY = ["entity_id", "channel"]


def three_sigma(network: Network, end: datetime) -> list[dict[str, Any]]:
    """Items and recall at several multiples of the deviation, three first."""
    deviations = deviating(hourly(network, end))
    truth = events(network, end)
    found = []
    for sigma in SIGMAS:
        items = joined(deviations.filter(pl.col("z") > sigma))
        named = hits(items, truth)
        found.append(
            {
                "sigma": sigma,
                "items": items.height,
                "events": truth.height,
                "found": named,
            }
        )
    return found


def hourly(network: Network, end: datetime) -> pl.DataFrame:
    """Hourly values of the cells, long: entity, channel, hour, value; the version that was known last."""
    rows = pl.read_delta(str(network.root / "tables" / "kpis")).filter(
        (pl.col("entity_type") == "cell")
        & (pl.col("granularity_s") == 3600)
        & ~pl.col("tombstone")
        & pl.col("period_start").is_between(TRAINED_AT - REFERENCE, end, closed="left")
    )
    rows = rows.sort("known_at").unique(["entity_id", "period_start"], keep="last")
    channels = [name for name, kind in rows.schema.items() if kind == pl.Float64]
    long = rows.select("entity_id", "period_start", *channels).unpivot(
        index=["entity_id", "period_start"], variable_name="channel", value_name="value"
    )
    return long.drop_nulls("value")


def deviating(values: pl.DataFrame) -> pl.DataFrame:
    """How many deviations each value after the reference lies from the mean of its hour of the week."""
    hour = (
        pl.col("period_start").dt.weekday().cast(pl.Int32) * 24
        + pl.col("period_start").dt.hour()
    ).alias("hour")
    values = values.with_columns(hour)
    reference = values.filter(pl.col("period_start") < TRAINED_AT)
    usual = reference.group_by([*ENTITY, "hour"]).agg(
        mean=pl.col("value").mean(), count=pl.len()
    )
    # Eight values an hour of the week give no deviation: that of all hours, each about its own mean.
    residual = reference.join(usual, on=[*ENTITY, "hour"]).with_columns(
        rest=pl.col("value") - pl.col("mean")
    )
    spread = residual.group_by(ENTITY).agg(deviation=pl.col("rest").std())
    later = values.filter(pl.col("period_start") >= TRAINED_AT)
    later = later.join(usual, on=[*ENTITY, "hour"]).join(spread, on=ENTITY)
    z = (pl.col("value") - pl.col("mean")).abs() / pl.col("deviation")
    return (
        later.with_columns(z=z)
        .filter(pl.col("z").is_finite())
        .select("entity_id", "period_start", "z")
    )


def joined(alerts: pl.DataFrame) -> pl.DataFrame:
    """Alert hours of a cell, whatever the channel, as items with start and end."""
    hours = (
        alerts.select("entity_id", "period_start")
        .unique()
        .sort("entity_id", "period_start")
    )
    gap = pl.col("period_start") - pl.col("period_start").shift(1).over("entity_id")
    begins = (
        (gap.is_null() | (gap > TOGETHER)).cum_sum().over("entity_id").alias("item")
    )
    grouped = hours.with_columns(begins).group_by("entity_id", "item")
    return grouped.agg(
        start=pl.col("period_start").min(), end=pl.col("period_start").max() + HOUR
    )


def events(network: Network, end: datetime) -> pl.DataFrame:
    """The truth that the list of anomalies is judged by: where, when, and from when on people know it anyway."""
    truth = network.root / "truth"
    cells = pl.read_parquet(truth / "anomalies.parquet").select(
        pl.col("cell_id").alias("place"),
        "start_at",
        "end_at",
        pl.col("complaint_at").alias("known_at"),
    )
    sites = pl.read_parquet(truth / "failures.parquet").select(
        pl.col("site_id").alias("place"),
        "start_at",
        "end_at",
        pl.col("start_at").alias("known_at"),
    )
    span = (pl.col("start_at") < end) & (pl.col("end_at").fill_null(end) > TRAINED_AT)
    known_later = pl.col("known_at").is_null() | (
        pl.col("known_at") > pl.col("start_at")
    )
    return pl.concat([cells, sites]).filter(span & known_later).with_row_index("event")


def hits(items: pl.DataFrame, truth: pl.DataFrame) -> int:
    """Events that some item names in time."""
    pairs = items.join(truth, how="cross").filter(
        (
            (pl.col("entity_id") == pl.col("place"))
            | pl.col("entity_id").str.starts_with(pl.col("place") + "/")
        )
        & (pl.col("start") < pl.col("end_at").fill_null(pl.col("end")) + AFTER)
        & (pl.col("end") > pl.col("start_at"))
        & (pl.col("known_at").is_null() | (pl.col("start") + HOUR < pl.col("known_at")))
    )
    return pairs["event"].n_unique()
