"""What a task read and wrote, in the terms of OpenLineage. Airflow's provider asks for it where it has a receiver.

Data sets are tables below the data root, named as the specification names paths of HDFS and of local disks.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define
from openlineage.client.event_v2 import Dataset, InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    RunFacet,
    dataset_version_dataset,
    output_statistics_output_dataset,
)

from foresite_airflow.result import Result

#: The stage whose input is files that landed.
INGEST = "ingest"


@define
class StageRunFacet(RunFacet):
    """Facet `foresite`: which computation it was. `maintain --step why` and `lineage/<id>.json` know it by its id."""

    stage: str
    status: str
    lineage_id: str | None


def of(stage: str, data_root: str, result: Result) -> OperatorLineage[Dataset, RunFacet]:
    """Tables in, tables with version and rows out."""
    place = urlsplit(data_root)
    namespace = f"{place.scheme}://{place.netloc}" if place.netloc else "file"
    below = place.path.rstrip("/")
    inputs: list[Dataset] = [InputDataset(namespace, f"{below}/tables/{table}") for table in result.get("inputs", [])]
    if stage == INGEST:
        inputs.append(InputDataset(namespace, f"{below}/landing"))
    outputs: list[Dataset] = [
        OutputDataset(
            namespace,
            f"{below}/tables/{output['table']}",
            facets={
                "version": dataset_version_dataset.DatasetVersionDatasetFacet(str(output["version"])),
            },
            outputFacets={
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    rowCount=output["rows"],
                ),
            },
        )
        for output in result.get("outputs", [])
    ]
    facet = StageRunFacet(stage, str(result["status"]), result.get("lineage_id"))
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets={"foresite": facet})
