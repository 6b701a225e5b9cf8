"""The command in the log of a pod's task: what a person runs is that pod, under a name of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.environment import FOLDER
from tests.fake_cluster import Cluster, selects

pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")

TEMPLATES = FOLDER.parent / "k8s" / "base" / "pods"
#: Stands in for `kubectl`: keeps its arguments and what it is sent.
KUBECTL = """#!/bin/sh
echo "$@" > "$KEPT/arguments"
cat > "$KEPT/manifest"
"""


@pytest.fixture
def by_hand(run_pod: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What reaches the API server when a person runs the command that the log of a task opens with."""
    from foresite_airflow.operators.kubernetes import StagePodOperator

    logged: list[str] = []
    made = StagePodOperator.rerun

    def rerun(*args: Any) -> str:
        logged.append(made(*args))
        return logged[-1]

    monkeypatch.setattr(StagePodOperator, "rerun", rerun)
    monkeypatch.setenv("FORESITE_POD_TEMPLATES", str(TEMPLATES))
    kubectl = tmp_path / "path" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)

    def run(**conf: str) -> dict[str, Any]:
        assert run_pod(conf=conf, retries=0).states("run_unpooled" if conf else "run") == ["success"]
        environment = {"PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}", "KEPT": str(tmp_path)}
        subprocess.run(["sh", "-c", logged[-1]], env=environment, check=True)
        assert (tmp_path / "arguments").read_text().split() == ["create", "--filename", "-"]
        found: dict[str, Any] = json.loads((tmp_path / "manifest").read_text())
        return found

    return run


def test_it_is_the_very_pod(by_hand: Any, fake: Cluster) -> None:
    made, first = by_hand(), fake.created[0]
    assert made["spec"] == first["spec"]
    container = made["spec"]["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert made["spec"]["securityContext"]["runAsNonRoot"] is True
    assert made["spec"]["serviceAccountName"] == "foresite-stage"
    # The site's variables, the folder of Hadoop's files among them.
    assert container["envFrom"] == [{"configMapRef": {"name": "foresite-site"}}]
    maps = [volume["configMap"]["name"] for volume in made["spec"]["volumes"] if "configMap" in volume]
    assert "foresite-hadoop-conf" in maps
    assert any(name.startswith("foresite-config-") for name in maps)
    given = container["args"][container["args"].index("--config") + 1]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert any(given.startswith(f"{path}/") for path in mounts), given


def test_airflow_does_not_take_it_for_its_own(by_hand: Any, fake: Cluster) -> None:
    made, first = by_hand(), fake.created[0]
    labels = made["metadata"]["labels"]
    run = first["metadata"]["labels"]["run_id"]
    assert not selects(f"dag_id=telecom_stage,run_id={run},task_id=run", labels)
    assert "kubernetes_pod_operator" not in labels
    # What the network policies and the dashboards select by.
    assert labels["foresite/stage"] == "derive"
    assert labels["app.kubernetes.io/part-of"] == "foresite"
    assert made["metadata"]["generateName"] == "foresite-derive-by-hand-"
    assert "name" not in made["metadata"]


def test_promote_has_its_key_and_its_account(by_hand: Any) -> None:
    made = by_hand(stage="promote")
    assert made["spec"]["serviceAccountName"] == "foresite-promote"
    secrets = [volume["secret"]["secretName"] for volume in made["spec"]["volumes"] if "secret" in volume]
    assert "foresite-signing-key" in secrets


def test_an_api_server_takes_it(by_hand: Any, tmp_path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="requirements-dev.txt is not installed")
    made = by_hand()
    # The schema knows what a server has; the name it makes itself.
    validate.validate({**made, "metadata": {**made["metadata"], "name": "made-by-the-server"}}, "1.34", strict=True)
    assert re.fullmatch(r"[a-z0-9-]{1,58}", made["metadata"]["generateName"])
