"""The NetworkPolicies let through what was agreed on, flow by flow, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from expectations import FLOWS, PRIVATE, PRODUCTION_HDFS
from flows import flows
from manifests import Manifests, compose

PARTS = ["serving", "monitoring", "kerberos", "tls", "gpu"]


@pytest.mark.parametrize("part", PARTS)
def test_a_component_opens_its_flows_only(part: str, renderings: dict[str, Manifests], tmp_path: Path) -> None:
    before = flows(renderings["base"])
    after = flows(Manifests(part, compose(tmp_path, [part] if part in {"serving", "gpu"} else ["serving", part])))
    alone = FLOWS["serving"] if part not in {"serving", "gpu"} else set()
    assert after - before - alone == FLOWS.get(part, set())
    assert before - after == set()


def test_the_base_opens_its_flows_only(renderings: dict[str, Manifests]) -> None:
    assert flows(renderings["base"]) == FLOWS["base"]


def test_production_narrows_hdfs_and_the_kdc_to_their_subnet(renderings: dict[str, Manifests]) -> None:
    for who, direction, end, ports in flows(renderings["overlay production"]):
        if set(ports) & {"TCP 8020", "TCP 9866", "TCP 88"}:
            assert (direction, end) == ("out", PRODUCTION_HDFS), who
        elif end == PRIVATE:
            assert who == "component=airflow"
