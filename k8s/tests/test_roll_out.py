"""What a release changes in the manifests: exactly what it must, so that nothing else restarts."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from foresite_airflow.vocabulary import MODEL_TASKS, STAGES

from manifests import K8S, Manifests, pod_of, render

WRITER = K8S.parent / "docker" / "release_files.py"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def production(folder: Path, stages: dict[str, str], *options: str) -> Manifests:
    """The overlay for production with these digests of stages, and with more components where a site puts them."""
    for part in ("base", "components", "overlays"):
        shutil.copytree(K8S / part, folder / part)
    overlay = folder / "overlays" / "production"
    (overlay / "digests" / "stages.json").write_text(json.dumps(stages))
    described = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    *before, last = described["components"]
    assert last == "digests", "what stands behind it names images that nothing pins"
    described["components"] = [*before, *(f"../../components/{name}" for name in options), last]
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(described))
    return Manifests(str(folder), render(overlay))


def images(manifests: Manifests) -> tuple[str, dict[str, str]]:
    """Name and data of the ConfigMap with the digests."""
    found = [each for each in manifests.of("ConfigMap") if each["metadata"]["name"].startswith("foresite-images")]
    assert len(found) == 1
    return found[0]["metadata"]["name"], found[0]["data"]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifests, Manifests]:
    """Two of them, of which only the image of derive differs."""
    before = {stage: digest(number) for number, stage in enumerate(STAGES)}
    after = before | {"derive": digest(99)}
    return production(tmp_path_factory.mktemp("a") / "k8s", before), production(
        tmp_path_factory.mktemp("b") / "k8s", after
    )


def test_a_stage_alone_restarts_what_pins_images_and_nothing_else(releases: tuple[Manifests, Manifests]) -> None:
    before, after = releases
    changed = [found for found in after.objects if found not in before.objects]
    assert {(found["kind"], found["metadata"]["name"]) for found in changed} == {
        ("ConfigMap", images(after)[0]),
        ("Deployment", "airflow-scheduler"),
    }
    # What differs of the Deployment is the pod that it makes.
    schedulers = [each.one("Deployment", "airflow-scheduler") for each in releases]
    for scheduler in schedulers:
        del scheduler["spec"]["template"]
    assert schedulers[0] == schedulers[1]


def test_the_scheduler_reads_the_digests_of_its_release(tmp_path: Path) -> None:
    stages = {"derive": digest(7)}
    manifests = production(tmp_path / "k8s", stages)
    name, data = images(manifests)
    assert json.loads(data["FORESITE_IMAGE_DIGESTS"]) == stages
    for deployment in manifests.of("Deployment"):
        pod = pod_of(deployment)
        assert (name in pod.references("configMap")) == (pod.origin == "Deployment airflow-scheduler"), pod.origin
    environment = manifests.environment(pod_of(manifests.one("Deployment", "airflow-scheduler")).spec["containers"][0])
    assert environment["FORESITE_IMAGE_DIGESTS"] == data["FORESITE_IMAGE_DIGESTS"]


def test_images_with_a_bundle_are_those_of_the_release(tmp_path: Path) -> None:
    manifests = production(tmp_path / "k8s", {}, "serving-baked")
    used = {container["image"] for each in manifests.workloads() for container in pod_of(each).containers}
    assert {f"foresite/serve-{task}:unreleased" for task in MODEL_TASKS} <= used
    assert {image.rpartition(":")[2] for image in used} == {"unreleased"}


def test_what_make_release_writes_is_named_by_its_contents(tmp_path: Path) -> None:
    if not WRITER.exists():
        pytest.skip(f"{WRITER} is missing, nothing writes a release")
    component: Any = runpy.run_path(str(WRITER))["component"]
    made = component({"airflow": digest(1), "serve": digest(2)}, "registry.example/foresite", "1.0.0", pushed=True)
    for generator in yaml.safe_load(made)["configMapGenerator"]:
        assert not generator.get("options", {}).get("disableNameSuffixHash"), "the scheduler would keep the old digests"
