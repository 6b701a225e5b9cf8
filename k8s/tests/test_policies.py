"""Every rendering keeps every policy and is what the API server's schema allows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import data_root
import kubernetes_validate
import pytest
import yaml

import policies
from conftest import COMPONENTS, VARIANTS
from expectations import MEANT, SECRETS_OF, SERVING
from flows import denies_by_default, undeclared
from manifests import K8S, Manifests, Object, ToolError, compose, kubectl, pod_of, quantity

#: The oldest Kubernetes that the manifests are for (the sleep before SIGTERM), and the newest.
RELEASES = ("1.34", "1.37")
DOCKERFILE = K8S.parent / "docker" / "Dockerfile"
#: Components that only some sites want.
OPTIONAL = {"gpu", "pull-secret", "serving-baked", "write-marks"}


@pytest.mark.parametrize("policy", policies.ALL)
def test_a_rendering_keeps_the_policy(manifests: Manifests, policy: str) -> None:
    meant = MEANT.get((manifests.name, policy))
    found = [each for each in policies.ALL[policy](manifests) if not (meant and re.match(meant, each))]
    assert found == []


def test_another_namespace_has_the_same_rights(tmp_path: Path) -> None:
    there = Manifests("elsewhere", compose(tmp_path, ["serving"], "elsewhere"))
    assert {found["metadata"].get("namespace") for found in there.of("Deployment", "Role", "NetworkPolicy")} == {
        "elsewhere"
    }
    assert list(policies.launcher(there)) == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in {"base", "services"}])
def test_the_schema_knows_every_field(renderings: dict[str, Manifests], variant: str, release: str) -> None:
    manifests = renderings[variant]
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


@pytest.mark.parametrize("name", ["anomaly-detection", "predictive-maintenance", "capacity-planning"])
def test_a_service_reads_its_own_configuration(everything: Manifests, name: str) -> None:
    """It names the service as a model's second name, and keys that are mounted there."""
    pod = pod_of(everything.one("Deployment", name))
    container = pod.spec["containers"][0]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"--config={places['config']}/{name}.json" in container["args"]
    source = next(volume["configMap"]["name"] for volume in pod.spec["volumes"] if volume["name"] == "config")
    config = json.loads(everything.one("ConfigMap", source)["data"][f"{name}.json"])
    assert config["names"] == [name]
    assert config["public_keys"] == places["trusted-keys"]
    sample = K8S.parent / "docs" / "samples" / "serve" / f"{name}.json"
    if not sample.exists():
        pytest.skip(f"{sample} is missing, foresite-serve is not there")
    assert config == json.loads(sample.read_text())


def test_the_test_cluster_changes_only_the_haste_of_services(renderings: dict[str, Manifests]) -> None:
    """The rest is what other clusters have, so that what is proven there holds for them."""
    hasty = {"poll_seconds", "reuse_seconds"}
    settings = next(
        found["data"]
        for found in renderings["overlay local"].of("ConfigMap")
        if found["metadata"]["name"].startswith("foresite-serve-config")
    )
    given = {path.name: json.loads(path.read_text()) for path in (K8S / "components/serving/config").glob("*.json")}
    assert settings.keys() == given.keys()
    for name, text in settings.items():
        found = json.loads(text)
        assert found.keys() - given[name].keys() == hasty
        assert {key: found[key] for key in found.keys() - hasty} == given[name]


@pytest.mark.parametrize("variant", ["everything", "overlay local", "overlay production"])
def test_airflow_and_a_console_that_it_asks_are_there(renderings: dict[str, Manifests], variant: str) -> None:
    """How it asks is the policy `console`, which has nothing to say where one of them is missing."""
    assert {"airflow-api", "foresite-console"} <= renderings[variant].names("Deployment")


def test_a_missing_kubectl_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="kubectl is missing: `make tools`"):
        kubectl()


def test_production_has_every_component_that_is_no_option() -> None:
    named = yaml.safe_load((K8S / "overlays" / "production" / "kustomization.yaml").read_text())["components"]
    assert {name.removeprefix("../../components/") for name in named} == {*COMPONENTS, "digests"} - OPTIONAL


@pytest.mark.parametrize("variant", ["everything", "overlay production"])
def test_kerberos_token_and_certificate_reach_the_services(renderings: dict[str, Manifests], variant: str) -> None:
    """A patch that meets nothing, because its component stands before the workloads, says nothing."""
    pods = [pod for pod in renderings[variant].pods() if pod.component in SERVING]
    assert len(pods) == 4
    for pod in pods:
        arguments = " ".join(pod.spec["containers"][0]["args"])
        # Who takes marks has a token of its own, and nobody else has it.
        other = "serve" if "--accept-feedback" in arguments else "console"
        assert set(pod.references("secret")) == SECRETS_OF[pod.component] - {f"foresite-{other}-token"}, pod.origin
        assert "--token-file=" in arguments, pod.origin
        assert "--tls-key=" in arguments, pod.origin


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "base"])
def test_a_console_records_who_asked_as_somebody_who_may(renderings: dict[str, Manifests], variant: str) -> None:
    manifests = renderings[variant]
    pod = pod_of(manifests.one("Deployment", "foresite-console"))
    assert pod.spec["containers"][0]["args"].count("--record-logins") == 1
    keytabs = {name for name in pod.references("secret") if name.endswith("-keytab")}
    assert bool(keytabs) == (manifests.find("NetworkPolicy", "all-to-kdc") is not None)
    assert keytabs <= {f"{principal}-keytab" for principal in data_root.ROLES["marks"].principals}
    writers = {place.path for place in data_root.PLACES if place.marks == data_root.WRITES}
    assert writers == {"logins"}


def test_every_pod_pulls_with_the_secret_of_the_registry(renderings: dict[str, Manifests]) -> None:
    for variant, wanted in (("everything", ["foresite-registry"]), ("overlay production", [])):
        manifests = renderings[variant]
        for pod in manifests.pods():
            account = manifests.one("ServiceAccount", pod.spec["serviceAccountName"])
            assert [each["name"] for each in account.get("imagePullSecrets", [])] == wanted, pod.origin
            # Its own list would win over the account's.
            assert "imagePullSecrets" not in pod.spec, pod.origin


@pytest.mark.parametrize(
    ("name", "task"),
    [("anomaly-detection", "anomaly"), ("predictive-maintenance", "maintenance"), ("capacity-planning", "capacity")],
)
def test_a_baked_bundle_lies_where_the_service_looks_for_the_last_one(
    renderings: dict[str, Manifests], name: str, task: str
) -> None:
    pod = pod_of(renderings["everything"].one("Deployment", name))
    bundle, service = pod.containers
    assert {bundle["image"], service["image"]} == {f"foresite/serve-{task}:dev"}
    assert f"--task={task}" in service["args"]
    # The layout below both is the same: a folder by task.
    baked = re.search(rf"^COPY .* (/opt/foresite/models)/{task}$", DOCKERFILE.read_text(), re.MULTILINE)
    place = next(each for each in service["args"] if each.startswith("--cache-dir=")).partition("=")[2]
    assert baked
    assert bundle["command"][-2:] == [f"{baked[1]}/.", place]
    mounts = [{each["mountPath"]: each["name"] for each in container["volumeMounts"]} for container in pod.containers]
    assert mounts[0][place] == mounts[1][place]
    plain = pod_of(renderings["overlay production"].one("Deployment", name))
    assert plain.spec["containers"][0]["image"].startswith("foresite/serve:")


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
