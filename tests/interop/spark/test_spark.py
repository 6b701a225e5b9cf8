"""Spark with Delta's own connector reads what our binaries wrote, with its vectorised Parquet reader off."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from interop.pipeline import Pipeline

VECTORISED = "spark.sql.parquet.enableVectorizedReader"
SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    VECTORISED: "false",
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    jars = ",".join(map(str, sorted(Path(os.environ["FORESITE_SPARK_JARS"]).glob("*.jar"))))
    builder = SparkSession.builder.master("local[1]").config("spark.jars", jars)
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def load(spark: Any, pipeline: Pipeline, name: str, **options: Any) -> Any:
    return spark.read.format("delta").options(**options).load(pipeline.table(name))


def test_numbers_nulls_and_times(spark: Any, pipeline: Pipeline) -> None:
    expected = pipeline.open("kpis").to_pyarrow_table()
    sums = ("count(*)", "sum(traffic_dl_gb)", "count(busy_hour_prb_util_dl)", "unix_micros(min(period_start))")
    rows, traffic, busy_hours, first = load(spark, pipeline, "kpis").selectExpr(*sums).first()
    assert rows == expected.num_rows
    assert traffic == pytest.approx(pc.sum(expected["traffic_dl_gb"]).as_py(), rel=1e-9)
    assert busy_hours == len(expected) - expected["busy_hour_prb_util_dl"].null_count
    assert first == pc.min(expected["period_start"]).cast("int64").as_py()


def test_lists_and_text(spark: Any, pipeline: Pipeline) -> None:
    expected = pipeline.open("pm_counters").to_pyarrow_table()
    counters = load(spark, pipeline, "pm_counters")
    assert dict(counters.dtypes)["values"] == "array<double>"
    found = counters.selectExpr("sum(size(values))", "count(distinct lineage_id)", "count(distinct ldn)").first()
    lengths = pc.sum(pc.list_value_length(expected["values"])).as_py()
    assert tuple(found) == (lengths, *(len(set(expected[name].to_pylist())) for name in ("lineage_id", "ldn")))


def test_an_older_version(spark: Any, pipeline: Pipeline) -> None:
    sources = load(spark, pipeline, "kpis", versionAsOf=2).select("source").distinct().collect()
    assert {row.source for row in sources} == {"history-hourly", "history-daily"}


def test_the_vectorised_reader_knows_no_byte_stream_split(spark: Any, pipeline: Pipeline) -> None:
    """When this fails Spark has learnt it (SPARK-56894): take the setting out of docs/storage.md."""
    spark.conf.set(VECTORISED, "true")
    try:
        with pytest.raises(Exception, match="FAILED_READ_FILE") as failed:
            load(spark, pipeline, "kpis").selectExpr("sum(traffic_dl_gb)").collect()
    finally:
        spark.conf.set(VECTORISED, "false")
    assert "BYTE_STREAM_SPLIT" in str(failed.value)
