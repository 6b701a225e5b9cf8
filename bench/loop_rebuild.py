"""The past as it was published hour by hour, computed again before and after files that came late."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import Any

from loop_late import held_back, landed
from loop_network import DAY, LATENESS, SIMULATED, TASKS, TRAINED_AT, Network

Found = dict[str, Any]

LATE_SHARE = 0.05


def rebuilt(seed: int, days: int) -> Found:
    """Every hour of so many days published as the DAGs would, then computed again; late corrections; the way back."""
    end = TRAINED_AT + days * DAY
    network = Network.begun("rebuild", days, seed=seed)
    then, later = end + LATENESS, end + 7 * DAY

    def lived() -> list[str]:
        network.run("simulate", (TRAINED_AT, end), config=network.root / SIMULATED)
        late = held_back(network, LATE_SHARE)
        network.learn(has_files=True)
        for hour in network.hours(days):
            network.take_in(hour)
            network.predict(hour)
            network.run("advise", hour)
        return late

    def corrected() -> None:
        landed(network, late, end + DAY)
        network.take_in((TRAINED_AT, end), as_of=later)

    late = network.once("lived", lived)
    past = network.once("past", lambda: compared(network, end, then))
    past_view = network.once("past_view", lambda: view(network, then))
    network.once("corrected", corrected)
    after = network.once("past_after_corrections", lambda: compared(network, end, then))
    found = {
        "days": days,
        "past": past,
        "late_files": len(late),
        "past_after_corrections": after,
        "past_view_is_equal": view(network, then) == past_view,
        "present_view_is_equal": view(network, later) == past_view,
        "why_seconds": why_seconds(network, end),
    }
    network.finished()
    return found


def compared(network: Network, end: datetime, as_of: datetime) -> Found:
    """What `--rebuild` finds of each stage."""
    of_tasks = [("--task", task) for task in TASKS]
    calls: list[tuple[str, tuple[str, ...]]] = [
        ("derive", ()),
        *(("featurize", ("--step", "features", *of)) for of in of_tasks),
        *(("predict", of) for of in of_tasks),
        ("advise", ()),
    ]
    found = {}
    for stage, of in calls:
        result = network.run(stage, (TRAINED_AT, end), "--rebuild", *of, as_of=as_of)
        numbers = result["numbers"]
        found[" ".join([stage, *of[-1:]])] = {
            "verdict": result["verdict"],
            **{name: numbers[name] for name in ("computations", "different")},
            "rows": sum(
                value for name, value in numbers.items() if name.endswith("_rows")
            ),
            "first_different": numbers.get("first_different"),
        }
    return found


def view(network: Network, as_of: datetime) -> str:
    """Hash of the KPIs of the lived hours as they were known."""
    import polars as pl

    rows = pl.read_delta(str(network.root / "tables" / "kpis"))
    key = ["entity_id", "period_start", "granularity_s", "source"]
    known = rows.filter(
        (pl.col("known_at") <= as_of) & (pl.col("period_start") >= TRAINED_AT)
    )
    newest = known.sort("known_at").unique(key, keep="last").sort(key)
    kept = newest.drop("known_at", "ingested_at", "lineage_id")
    # As text, for Arrow's own format shows which rows were read beside these.
    return hashlib.sha256(kept.write_csv().encode()).hexdigest()


def why_seconds(network: Network, end: datetime) -> Found:
    """How long `why` takes for the newest prediction of each task that has a model, with nothing but its id."""
    import polars as pl

    seconds = {}
    for task in TASKS:
        table = network.root / "tables" / f"predictions_{task}"
        if table.exists():
            newest = pl.read_delta(str(table)).sort("cutoff").tail(1)["prediction_id"]
            asked = ("--step", "why", "--prediction", newest[0])
            started = time.monotonic()
            network.run("maintain", None, *asked, as_of=end + LATENESS)
            seconds[task] = round(time.monotonic() - started, 2)
    return seconds
