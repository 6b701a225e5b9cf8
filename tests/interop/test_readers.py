"""deltalake, Polars and DuckDB read what our binaries wrote: rows, types, nulls, times, lists, versions."""

from __future__ import annotations

import gzip
import re
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from interop.pipeline import DAY, Pipeline
from interop.readers import READERS, Reader, rows

TABLES = [
    *("alarms", "counter_sets", "ingest_ledger", "inventory", "kpi_groups", "kpis", "objects"),
    *("pm_counters", "pm_histograms", "quality", "stale", "tickets", "topology_edges"),
]

each_reader = pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())


@pytest.mark.parametrize("name", TABLES)
def test_every_reader_sees_the_same_rows(pipeline: Pipeline, name: str) -> None:
    seen = {reader: rows(read(pipeline.table(name), None)) for reader, read in READERS.items()}
    assert seen["deltalake"]
    assert seen["polars"] == seen["deltalake"]
    assert seen["duckdb"] == seen["deltalake"]


def test_every_table_of_the_run_is_compared(pipeline: Pipeline) -> None:
    assert sorted(path.name for path in (Path(pipeline.root) / "tables").iterdir()) == TABLES


@each_reader
def test_the_rows_are_those_of_the_files(pipeline: Pipeline, reader: Reader) -> None:
    """Counted in the XML by a regular expression: a measured object and period is a row of one table or of both."""
    files = {path.read_bytes() for path in (Path(pipeline.root) / "landing/pm/north").glob("*.xml.gz")}
    measured = sum(len(re.findall(rb"<measValue ", gzip.decompress(file))) for file in files)
    counters = reader(pipeline.table("pm_counters"), None)
    assert counters.num_rows == measured > 0
    assert len(set(counters["file_id"].to_pylist())) == len(files)


@each_reader
def test_times_are_utc_microseconds(pipeline: Pipeline, reader: Reader) -> None:
    counters = reader(pipeline.table("pm_counters"), None)
    for name in ("period_start", "known_at", "ingested_at"):
        assert counters.schema.field(name).type == pa.timestamp("us", tz="UTC"), name
    starts = [moment.replace(tzinfo=timezone.utc) for moment in counters["period_start"].to_pylist()]
    assert min(starts) == DAY[0]
    assert max(starts) < DAY[1]
    assert {moment.date() for moment in starts} == set(counters["date"].to_pylist())


@each_reader
def test_an_absent_value_is_null_and_never_a_number(pipeline: Pipeline, reader: Reader) -> None:
    kpis = reader(pipeline.table("kpis"), None)
    busy_hours = kpis["busy_hour_prb_util_dl"]
    assert 0 < busy_hours.null_count < kpis.num_rows
    for field in kpis.schema:
        if pa.types.is_floating(field.type):
            values = kpis[field.name]
            assert not pc.any(pc.is_nan(values)).as_py(), field.name


@each_reader
def test_lists_hold_doubles_of_their_counter_set(pipeline: Pipeline, reader: Reader) -> None:
    counters = reader(pipeline.table("pm_counters"), None)
    kind = counters.schema.field("values").type
    assert pa.types.is_list(kind) or pa.types.is_large_list(kind)
    assert kind.value_type == pa.float64()
    sets = reader(pipeline.table("counter_sets"), None).to_pylist()
    names = {row["counter_set"]: len(row["counters"]) for row in sets}
    lengths = {row["counter_set"]: len(row["values"]) for row in counters.to_pylist()}
    assert {known: names[known] for known in lengths} == lengths


@each_reader
def test_dictionary_encoded_text_is_plain_text(pipeline: Pipeline, reader: Reader) -> None:
    path = pipeline.table("kpis")
    file = pipeline.open("kpis").file_uris()[0]
    group = pq.ParquetFile(file.removeprefix("file://")).metadata.row_group(0)
    encodings = {group.column(at).path_in_schema: group.column(at).encodings for at in range(group.num_columns)}
    assert "RLE_DICTIONARY" in encodings["lineage_id"]
    kind = reader(path, None).schema.field("lineage_id").type
    assert pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def test_floats_are_encoded_as_their_values_ask_for(pipeline: Pipeline) -> None:
    """That every reader sees the same rows of both is tested above."""
    used = set()
    for uri in pipeline.open("kpis").file_uris():
        group = pq.ParquetFile(uri.removeprefix("file://")).metadata.row_group(0)
        for at in range(group.num_columns):
            column = group.column(at)
            if column.physical_type == "DOUBLE":
                used.add("dictionary" if "RLE_DICTIONARY" in column.encodings else column.encodings)
    assert used >= {"dictionary", ("RLE", "BYTE_STREAM_SPLIT")}


@each_reader
def test_an_older_version_has_its_own_rows(pipeline: Pipeline, reader: Reader) -> None:
    """The table was made, got the rows of history and last those that derive made."""
    path = pipeline.table("kpis")
    assert pipeline.open("kpis").version() == 2
    sources = [set(reader(path, version)["source"].to_pylist()) for version in range(3)]
    history = {"history-hourly", "history-daily"}
    assert sources == [set(), history, history | {"derived"}]


def test_a_moment_names_a_version(pipeline: Pipeline) -> None:
    table = pipeline.open("kpis")
    for commit in table.history():
        moment = datetime.fromtimestamp(commit["timestamp"] / 1000, tz=timezone.utc)
        table.load_as_version(moment)
        assert table.version() == commit["version"]


def test_the_history_says_who_wrote_what(pipeline: Pipeline) -> None:
    newest = pipeline.open("kpis").history(1)[0]
    assert newest["lineage"]["note"]["stage"] == "derive"
    assert newest["engineInfo"].startswith("foresite/")
