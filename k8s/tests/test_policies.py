"""Every rendering keeps every policy and is what the API server's schema allows."""

from __future__ import annotations

import kubernetes_validate
import policies
import pytest
import yaml
from flows import denies_by_default, undeclared
from manifests import Manifests, Object

#: The oldest Kubernetes that the manifests are for (the sleep before SIGTERM), and the newest.
RELEASES = ("1.34", "1.37")


@pytest.mark.parametrize("policy", policies.ALL)
def test_a_rendering_keeps_the_policy(manifests: Manifests, policy: str) -> None:
    assert list(policies.ALL[policy](manifests)) == []


@pytest.mark.parametrize("release", RELEASES)
def test_the_schema_knows_every_field(manifests: Manifests, release: str) -> None:
    templates = manifests.one("ConfigMap", "foresite-pod-templates")["data"].values()
    for found in [*manifests.objects, *map(yaml.safe_load, templates)]:
        kubernetes_validate.validate(found, release, strict=True)


def test_a_misspelt_field_is_noticed(everything: Manifests) -> None:
    broken = yaml.safe_load(yaml.safe_dump(everything.one("Deployment", "anomaly-detection")))
    broken["spec"]["template"]["spec"]["priorityClass"] = "foresite-serving"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, RELEASES[0], strict=True)


def test_the_namespace_lets_only_restricted_pods_in(manifests: Manifests) -> None:
    namespace = manifests.one("Namespace", "foresite")["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    outside = [found for found in manifests.objects if not is_of_the_cluster(found) and in_other_namespace(found)]
    assert outside == []


def is_of_the_cluster(found: Object) -> bool:
    return found["kind"] in {"Namespace", "PriorityClass", "RuntimeClass"}


def in_other_namespace(found: Object) -> bool:
    return bool(found["metadata"].get("namespace") != "foresite")


def test_nothing_is_open_by_default(manifests: Manifests) -> None:
    assert denies_by_default(manifests)
    assert undeclared(manifests) == []


def test_the_quota_holds_what_is_always_there(manifests: Manifests) -> None:
    """All services at their largest and one stage of each kind."""
    hard = manifests.one("ResourceQuota", "foresite")["spec"]["hard"]
    for name, resource in (("requests.cpu", "cpu"), ("requests.memory", "memory")):
        assert asked(manifests, resource) <= quantity(hard[name]), name


def asked(manifests: Manifests, resource: str) -> float:
    most = {
        scaler["spec"]["scaleTargetRef"]["name"]: scaler["spec"]["maxReplicas"]
        for scaler in manifests.of("HorizontalPodAutoscaler")
    }
    total = 0.0
    for pod in manifests.pods():
        count = most.get(pod.labels["app.kubernetes.io/name"], 1)
        total += count * sum(quantity(c["resources"]["requests"][resource]) for c in pod.containers)
    return total


def quantity(text: str) -> float:
    for unit, factor in (("m", 1e-3), ("Mi", 2.0**20), ("Gi", 2.0**30), ("Ti", 2.0**40)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)
