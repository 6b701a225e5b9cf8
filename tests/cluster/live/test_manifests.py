"""Whatever stands under `k8s/` is what a real API server takes, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.commands import ROOT, wait_for
from live.kube import kubectl
from live.overlay import overlay
from live.site import Site

K8S = ROOT / "k8s"
OVERLAYS = sorted(path.parent.name for path in (K8S / "overlays").glob("[!.]*/kustomization.yaml"))
COMPONENTS = sorted(path.parent.name for path in (K8S / "components").glob("*/kustomization.yaml"))
#: The pods of the stages, which no kustomization applies: Airflow's operator starts them.
PODS = sorted(K8S.glob("*/**/pods/*.yaml"))
#: Definitions that other people's operators bring, and this cluster does not have.
FOREIGN = "apiVersion: monitoring.coreos.com/"


def accepted(folder: Path) -> list[str]:
    """What the API server would make of a kustomization, had it been asked to."""
    # A Job cannot be changed; this one has done its work, and an upgrade deletes it as well.
    kubectl("delete", "job", "airflow-migrate", "--ignore-not-found")
    objects = kubectl("kustomize", str(folder)).split("\n---\n")
    known = "\n---\n".join(text for text in objects if FOREIGN not in text)
    call = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename", "-")
    return kubectl(*call, text=known).splitlines()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_takes_an_overlay(site: Site, overlay: str) -> None:
    assert len(accepted(K8S / "overlays" / overlay)) > 20


def test_the_api_server_takes_all_components_together(site: Site) -> None:
    with overlay() as folder:
        described = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "foresite",
            "resources": ["../../base"],
            "components": [f"../../components/{name}" for name in COMPONENTS],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(described))
        assert len(accepted(folder)) > 30


@pytest.fixture(scope="module")
def room_for_a_gpu(site: Site) -> Iterator[None]:
    """What `k8s/components/gpu` adds beside its pod: the class that it names, and a quota above nothing."""
    file = str(K8S / "components" / "gpu" / "runtime_class.yaml")
    kubectl("apply", "--server-side", "--filename", file)
    give_gpus(1)
    yield
    give_gpus(0)
    kubectl("delete", "--filename", file)


def give_gpus(count: int) -> None:
    """Sets the quota, and waits until the cluster goes by it."""
    patch = {"spec": {"hard": {"requests.nvidia.com/gpu": str(count)}}}
    kubectl("patch", "resourcequota", "foresite", "--patch", json.dumps(patch))
    path = "jsonpath={.status.hard.requests\\.nvidia\\.com/gpu}"

    def goes_by_it() -> bool | None:
        return kubectl("get", "resourcequota", "foresite", "--output", path) == str(count) or None

    wait_for("the quota", 60, goes_by_it)


@pytest.mark.usefixtures("room_for_a_gpu")
@pytest.mark.parametrize("pod", PODS, ids=lambda pod: str(pod.relative_to(K8S)))
def test_the_api_server_takes_the_pod_of_a_stage(pod: Path) -> None:
    """Its fields, its rights, its account, and that the quota has room for it."""
    said = kubectl("create", "--dry-run=server", "--validate=strict", "--filename", str(pod))
    assert said.strip().endswith("created (server dry run)")


def test_a_misspelt_field_is_refused(site: Site) -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wrong"}, "dota": {}}
    call = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-")
    with pytest.raises(RuntimeError, match="dota"):
        kubectl(*call, text=json.dumps(wrong))


def test_a_pod_with_rights_is_refused(site: Site) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mighty"},
        "spec": {"containers": [{"name": "base", "image": "foresite/derive:dev"}]},
    }
    with pytest.raises(RuntimeError, match='violates PodSecurity "restricted'):
        kubectl("create", "--dry-run=server", "--filename", "-", text=json.dumps(pod))
