"""The NetworkPolicies let through what was agreed on, flow by flow, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import COMPONENTS
from expectations import FLOWS, PRIVATE, PRODUCTION_HDFS
from flows import flows
from manifests import Manifests, compose

#: These change what the services are, and so come beside them.
ON_SERVICES = {"monitoring", "kerberos", "serving-baked", "tls"}


@pytest.mark.parametrize("part", COMPONENTS)
def test_a_component_opens_its_flows_only(part: str, renderings: dict[str, Manifests], tmp_path: Path) -> None:
    before = flows(renderings["base"])
    parts = ["serving", part] if part in ON_SERVICES else [part]
    after = flows(Manifests(part, compose(tmp_path, parts)))
    assert after - before == set().union(*(FLOWS.get(each, set()) for each in parts))
    assert before - after == set()


def test_the_base_opens_its_flows_only(renderings: dict[str, Manifests]) -> None:
    assert flows(renderings["base"]) == FLOWS["base"]


def test_production_narrows_hdfs_and_the_kdc_to_their_subnet(renderings: dict[str, Manifests]) -> None:
    for who, direction, end, ports in flows(renderings["overlay production"]):
        if set(ports) & {"TCP 8020", "TCP 9866", "TCP 88"}:
            assert (direction, end) == ("out", PRODUCTION_HDFS), who
        elif end == PRIVATE:
            assert who == "component=airflow"
