"""deltalake changes our tables, and our binaries go on: append, compaction, checkpoint, vacuum."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

from interop.pipeline import AS_OF, DAY, LATE_HOUR, LATER, Pipeline, deliver_late
from interop.readers import deltalake_reads, rows

CHANNEL = "traffic_dl_gb"


def unchanged(pipeline: Pipeline) -> bool:
    return {result["status"] for result in pipeline.load(DAY, AS_OF)} == {"unchanged"}


def hourly(pipeline: Pipeline) -> pa.Table:
    """The derived rows of the late hour, whoever knew them when."""
    kpis = deltalake_reads(pipeline.table("kpis"))
    return kpis.filter(in_late_hour() & (pc.field("source") == "derived") & (pc.field("granularity_s") == 3600))


def in_late_hour() -> pc.Expression:
    start, end = (pa.scalar(edge, pa.timestamp("us", tz="UTC")) for edge in LATE_HOUR)
    return (pc.field("period_start") >= start) & (pc.field("period_start") < end)


def compact(pipeline: Pipeline, name: str) -> int:
    """Compacts a table through deltalake; how many files it removed."""
    removed = pipeline.open(name).optimize.compact()["numFilesRemoved"]
    assert isinstance(removed, int)
    return removed


def live_files(pipeline: Pipeline, name: str) -> set[str]:
    return {uri.rpartition("/")[2] for uri in pipeline.open(name).file_uris()}


def known_twice(pipeline: Pipeline) -> bool:
    """Whether the late hour has a version of before and one of after the late file."""
    clocks = set(hourly(pipeline)["known_at"].to_pylist())
    return any(clock <= AS_OF for clock in clocks) and any(AS_OF < clock <= LATER for clock in clocks)


def test_a_late_file_replaces_its_slot(own: Pipeline) -> None:
    """The yardstick of the tests below: what happens when nobody else touched the tables."""
    assert unchanged(own)
    assert not known_twice(own)
    assert [result["status"] for result in deliver_late(own)] == ["done", "done"]
    assert known_twice(own)


@pytest.mark.parametrize("name", ["pm_counters", "kpis", "quality", "ingest_ledger"])
def test_a_compacted_table_has_the_same_rows(own: Pipeline, name: str) -> None:
    before = rows(deltalake_reads(own.table(name)))
    compact(own, name)
    assert rows(deltalake_reads(own.table(name))) == before


def test_the_pipeline_goes_on_after_a_compaction(own: Pipeline, pipeline: Pipeline) -> None:
    assert sum(compact(own, name) for name in ("pm_counters", "kpis", "quality", "ingest_ledger", "stale")) > 0
    assert unchanged(own)
    assert [result["status"] for result in deliver_late(own)] == ["done", "done"]
    assert known_twice(own)
    before, after = (deltalake_reads(which.table("kpis")).filter(~in_late_hour()) for which in (pipeline, own))
    assert rows(after) == rows(before)


def test_the_pipeline_goes_on_after_a_compaction_of_corrected_rows(own: Pipeline) -> None:
    deliver_late(own)
    before = rows(hourly(own))
    compact(own, "kpis")
    assert rows(hourly(own)) == before
    again = own.stage("derive", LATE_HOUR, LATER)
    assert again["status"] == "unchanged"
    forced = own.stage("derive", LATE_HOUR, LATER, "--force")
    assert forced["status"] == "done"
    assert len(rows(hourly(own))) == len(before)


def test_rows_that_others_append_are_read(own: Pipeline) -> None:
    """A planner's figures beside ours: `validate --step reconcile` compares them."""
    derived = hourly(own).filter(pc.is_valid(pc.field(CHANNEL)) & (pc.field("entity_type") == "cell"))
    assert derived.num_rows
    source = derived.column_names.index("source")
    planned = derived.set_column(source, "source", pa.array(["planner"] * derived.num_rows))
    doubled = pc.multiply(planned[CHANNEL], 2.0)
    planned = planned.set_column(planned.column_names.index(CHANNEL), CHANNEL, doubled)
    before = own.open("kpis").to_pyarrow_table().num_rows
    write_deltalake(own.table("kpis"), planned, mode="append")
    assert own.open("kpis").to_pyarrow_table().num_rows == before + planned.num_rows
    verdict = own.stage("validate", DAY, AS_OF, "--step", "reconcile")
    assert verdict["status"] == "done"
    quality = deltalake_reads(own.table("quality")).to_pylist()
    found = [row for row in quality if "planner" in repr(row) and CHANNEL in repr(row)]
    assert len(found) == 1, found
    assert own.stage("derive", DAY, AS_OF)["status"] == "unchanged"


def test_a_checkpoint_of_others_is_read(own: Pipeline) -> None:
    for name in ("pm_counters", "kpis", "ingest_ledger"):
        own.open(name).create_checkpoint()
        log = Path(own.table(name)) / "_delta_log"
        assert (log / "_last_checkpoint").is_file()
        for commit in log.glob("*.json"):
            commit.unlink()
    assert unchanged(own)
    deliver_late(own)
    assert known_twice(own)


def test_a_vacuum_would_delete_dead_files_only(own: Pipeline) -> None:
    deliver_late(own)
    compact(own, "kpis")
    table = own.open("kpis")
    dead = {path.rpartition("/")[2] for path in table.vacuum(0, dry_run=True, enforce_retention_duration=False)}
    on_disk = {path.name for path in Path(own.table("kpis")).rglob("*.parquet") if "_delta_log" not in path.parts}
    assert dead
    assert dead == on_disk - live_files(own, "kpis")
    assert table.vacuum(24 * 7, dry_run=True) == [], "a week's grace protects what was replaced just now"


def test_a_vacuum_of_others_leaves_a_working_pipeline(own: Pipeline) -> None:
    deliver_late(own)
    compact(own, "kpis")
    own.open("kpis").vacuum(0, dry_run=False, enforce_retention_duration=False)
    before = rows(hourly(own))
    assert own.stage("derive", LATE_HOUR, LATER + timedelta(minutes=1))["status"] == "unchanged"
    assert rows(hourly(own)) == before
