"""deltalake on `hdfs://` reads and changes what our binaries wrote there; Polars and DuckDB read through it.

Runs where a cluster is announced: `tests/hdfs/hdfs-cluster run -- pytest interop/test_hdfs.py`.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import duckdb
import polars
import pytest
from deltalake import write_deltalake

from interop.pipeline import AS_OF, DAY, Pipeline
from interop.readers import in_utc, rows

TABLES = ("pm_counters", "kpis", "kpi_groups", "ingest_ledger", "inventory", "quality")
pytestmark = pytest.mark.skipif(
    "HDFS_URI" not in os.environ, reason="no cluster: tests/hdfs/hdfs-cluster run -- COMMAND"
)


@pytest.fixture
def remote(tmp_path: Path) -> Pipeline:
    """The pipeline of the local tests, run on a data root of its own on HDFS."""
    path = f"/user/foresite/{uuid.uuid4()}"
    pipeline = Pipeline(os.environ["HDFS_URI"] + path, tmp_path)
    pipeline.simulate()
    assert [result["status"] for result in pipeline.load(DAY, AS_OF)] == ["done"] * 3
    return pipeline


def test_others_read_the_tables(remote: Pipeline) -> None:
    for name in TABLES:
        table = remote.open(name)
        expected = table.to_pyarrow_table()
        assert expected.num_rows
        dataset = table.to_pyarrow_dataset()
        assert rows(polars.scan_pyarrow_dataset(dataset).collect().to_arrow()) == rows(expected), name
        read = duckdb.connect().register("found", dataset).sql("SELECT * FROM found").to_arrow_table()
        assert rows(in_utc(read)) == rows(expected), name


def test_versions_and_history(remote: Pipeline) -> None:
    kpis = remote.open("kpis")
    assert kpis.history(1)[0]["lineage"]["note"]["stage"] == "derive"
    newest = kpis.version()
    kpis.load_as_version(newest - 1)
    assert set(kpis.to_pyarrow_table()["source"].to_pylist()) == {"history-hourly", "history-daily"}


def test_the_pipeline_goes_on_after_others_wrote(remote: Pipeline) -> None:
    kpis = remote.open("kpis")
    before = rows(kpis.to_pyarrow_table())
    assert kpis.optimize.compact()["numFilesRemoved"] > 0
    assert rows(remote.open("kpis").to_pyarrow_table()) == before
    assert {result["status"] for result in remote.load(DAY, AS_OF)} == {"unchanged"}
    some = kpis.to_pyarrow_table().slice(0, 3)
    planned = some.set_column(some.column_names.index("source"), "source", [["planner"] * 3])
    write_deltalake(remote.table("kpis"), planned, mode="append")
    assert remote.open("kpis").to_pyarrow_table().num_rows == len(before) + 3
    assert remote.stage("derive", DAY, AS_OF)["status"] == "unchanged"
