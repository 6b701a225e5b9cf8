"""What an operator says of its tables in the terms of OpenLineage."""

from __future__ import annotations

from typing import Any

import pytest
from openlineage.client.serde import Serde

from foresite_airflow.operators import lineage, stage_operator

RESULT: dict[str, Any] = {
    "status": "unchanged",
    "inputs": ["kpis", "profiles"],
    "outputs": [{"table": "features_anomaly", "version": 7, "slots": 0, "rows": 12}],
    "lineage_id": "4f",
}


@pytest.mark.parametrize(
    ("data_root", "namespace", "name"),
    [
        ("hdfs://namenode:8020/foresite/", "hdfs://namenode:8020", "/foresite/tables/kpis"),
        ("hdfs://nameservice/", "hdfs://nameservice", "/tables/kpis"),
        ("file:///srv/foresite", "file", "/srv/foresite/tables/kpis"),
        ("/srv/foresite", "file", "/srv/foresite/tables/kpis"),
    ],
)
def test_a_table_is_named_as_the_specification_names_paths(data_root: str, namespace: str, name: str) -> None:
    first = lineage.of("featurize", data_root, RESULT).inputs[0]
    assert (first.namespace, first.name) == (namespace, name)


def test_outputs_have_their_version_and_rows() -> None:
    said = lineage.of("featurize", "hdfs://n:8020/f", RESULT)
    output = Serde.to_dict(said.outputs[0])
    assert output["name"] == "/f/tables/features_anomaly"
    assert output["facets"]["version"]["datasetVersion"] == "7"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 12
    facet = Serde.to_dict(said.run_facets["foresite"])
    assert (facet["stage"], facet["status"], facet["lineage_id"]) == ("featurize", "unchanged", "4f")


def test_ingest_reads_what_landed() -> None:
    result = {"status": "done", "outputs": []}
    assert [one.name for one in lineage.of("ingest", "file:///srv/f", result).inputs] == ["/srv/f/landing"]


def test_a_stage_that_has_not_ended_says_nothing() -> None:
    operator = stage_operator()(task_id="derive", stage="derive")
    assert operator.get_openlineage_facets_on_complete(None) is None
