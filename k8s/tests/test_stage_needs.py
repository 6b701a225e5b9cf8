"""What each stage needs, held against the manifests, the stages that exist, and the machines below."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from foresite_airflow import stage_needs
from foresite_airflow.vocabulary import STAGES

from manifests import K8S, Manifests, Pod

REPOSITORY = K8S.parent
NEEDS = stage_needs.stages()


def pod_of(stage: str, manifests: Manifests) -> Pod:
    return next(pod for pod in manifests.stage_pods() if pod.labels["foresite/stage"] == stage)


def resources_of(pod: Pod) -> dict[str, Any]:
    given: dict[str, Any] = pod.containers[0]["resources"]
    return given


def test_every_stage_has_needs_a_template_and_a_crate(renderings: dict[str, Manifests]) -> None:
    crates = {path.parent.name for path in (REPOSITORY / "crates" / "stages").glob("*/Cargo.toml")}
    templates = {path.stem for path in (K8S / "base" / "pods").glob("*.yaml")}
    mounted = set(renderings["base"].one("ConfigMap", "foresite-pod-templates")["data"])
    assert set(NEEDS) == set(STAGES) == crates == templates
    assert mounted == {f"{stage}.yaml" for stage in NEEDS}


@pytest.mark.parametrize("stage", NEEDS)
def test_a_template_gives_what_its_stage_needs(stage: str, renderings: dict[str, Manifests]) -> None:
    needs, pod = NEEDS[stage], pod_of(stage, renderings["base"])
    profile = stage_needs.profile(needs.profile)
    assert pod.origin == f"pod template {stage}.yaml"
    assert pod.labels["app.kubernetes.io/name"] == stage
    assert pod.spec["serviceAccountName"] == needs.account
    assert pod.spec["priorityClassName"] == needs.priority
    assert resources_of(pod) == {"requests": dict(profile.requests), "limits": dict(profile.limits)}


@pytest.mark.parametrize("stage", NEEDS)
def test_a_template_suits_the_operator(stage: str, renderings: dict[str, Manifests]) -> None:
    """It merges into the first container, whose name it knows; threads follow the cores that are requested."""
    spec = pod_of(stage, renderings["base"]).spec
    assert [container["name"] for container in spec["containers"]] == ["base"]
    assert spec["restartPolicy"] == "Never"
    assert "initContainers" not in spec
    variables = {variable["name"]: variable for variable in spec["containers"][0]["env"]}
    assert variables["TMPDIR"]["value"] == "/tmp"
    assert variables["OMP_NUM_THREADS"]["valueFrom"]["resourceFieldRef"]["resource"] == "requests.cpu"
    template = yaml.safe_load((K8S / "base" / "pods" / f"{stage}.yaml").read_text())
    annotations = template["metadata"]["annotations"]
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


@pytest.mark.parametrize("stage", NEEDS)
def test_needs_name_what_there_is(stage: str, renderings: dict[str, Manifests]) -> None:
    needs, base = NEEDS[stage], renderings["base"]
    assert needs.account in base.names("ServiceAccount")
    assert needs.priority in base.names("PriorityClass")
    assert needs.pool in {*stage_needs.pools(), "default_pool"}
    assert needs.time_limit_minutes > 0


def test_only_promote_reads_the_signing_key() -> None:
    assert {stage for stage, needs in NEEDS.items() if needs.secrets} == {"promote"}
    assert [stage for stage, needs in NEEDS.items() if needs.account == NEEDS["promote"].account] == ["promote"]


def test_the_signing_key_is_where_promote_looks_for_it(renderings: dict[str, Manifests]) -> None:
    """Both ways to say it, the environment and the sample configuration for clusters."""
    container = pod_of("promote", renderings["base"]).containers[0]
    place = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "signing-key")
    named = next(variable["value"] for variable in container["env"] if variable["name"] == "FORESITE_SIGNING_KEY")
    sample = (REPOSITORY / "docs" / "samples" / "promote" / "cluster.json").read_text()
    assert named == f"{place}/signing-key.pem"
    assert f'"{named}"' in sample


@pytest.mark.parametrize("stage", ["predict", "promote"])
def test_the_trusted_keys_are_where_a_stage_looks_for_them(stage: str, renderings: dict[str, Manifests]) -> None:
    """What promote signs is what predict and the services trust."""
    container = pod_of(stage, renderings["base"]).containers[0]
    place = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "trusted-keys")
    sample = json.loads((REPOSITORY / "docs" / "samples" / stage / "cluster.json").read_text())
    assert sample["public_keys"] == place


def test_the_gpu_component_gives_train_the_gpu_profile(renderings: dict[str, Manifests]) -> None:
    profile = stage_needs.profile("gpu")
    pod = pod_of("train", renderings["everything"])
    assert resources_of(pod) == {"requests": dict(profile.requests), "limits": dict(profile.limits)}
    assert pod.spec["runtimeClassName"] == profile.runtime_class
    assert pod.spec["nodeSelector"] == profile.node_labels
    assert pod.spec["tolerations"] == list(profile.tolerations)
    before = pod_of("train", renderings["base"]).spec
    for same in ("serviceAccountName", "priorityClassName", "securityContext"):
        assert pod.spec[same] == before[same]


def test_the_gpu_component_starts_the_image_with_cuda(renderings: dict[str, Manifests]) -> None:
    """In the template, which shows it, and for Airflow, which decides it; it is one that is built."""
    everything = renderings["everything"]
    named = pod_of("train", everything).containers[0]["image"]
    told = everything.one("ConfigMap", "foresite-site")["data"]["FORESITE_STAGE_IMAGES"]
    assert named.partition(":")[0] == f"foresite/{json.loads(told)['train']}" == "foresite/train-cuda"
    assert "FORESITE_STAGE_IMAGES" not in renderings["base"].one("ConfigMap", "foresite-site")["data"]
    assert "FROM torch-cuda AS train-cuda\n" in (REPOSITORY / "docker" / "Dockerfile").read_text()


def test_a_gpu_pod_fits_the_nodes_that_are_made_for_it() -> None:
    """Labels, taint and runtime class as Ansible's role sets them."""
    profile = stage_needs.profile("gpu")
    role = yaml.safe_load((K8S / "infra/ansible/roles/gpu_node/defaults/main.yml").read_text())
    assert profile.node_labels == role["gpu_node_labels"]
    assert profile.runtime_class == role["gpu_node_runtime_class"]
    wanted = {f"{each['key']}={each['value']}:{each['effect']}" for each in profile.tolerations}
    assert wanted == set(role["gpu_node_taints"])


def test_node_pools_are_those_of_terraform(everything: Manifests) -> None:
    text = (K8S / "infra/terraform/modules/cluster/main.tf").read_text()
    made = set(re.findall(r'"foresite.dev/pool" = "(\w+)"', text))
    asked = set()
    for pod in everything.pods():
        affinity = pod.spec.get("affinity", {}).get("nodeAffinity", {})
        for wish in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", []):
            asked |= {value for each in wish["preference"]["matchExpressions"] for value in each["values"]}
    assert {"stages", "serving"} <= asked <= made


def test_terraform_makes_a_repository_for_every_image() -> None:
    """Those of the Dockerfile that have a program, and Airflow's; `-cuda` is a flavour of one."""
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text()
    programs = re.findall(r"^FROM [\w-]+ AS ([\w-]+)\n(?:\w+ [^\n]+\n)*(?:ENTRYPOINT|CMD)", dockerfile, re.MULTILINE)
    variables = (K8S / "infra/terraform/variables.tf").read_text()
    block = variables[variables.index('variable "images"') :]
    repositories = set(re.findall(r'"([\w-]+)"', block[block.index("default") : block.index("]")]))
    assert {*STAGES, "serve", "serve-anomaly", "serve-maintenance", "serve-capacity"} <= set(programs)
    assert {*programs, "airflow"} <= repositories
    flavours = {name.removesuffix("-cuda") for name in repositories}
    assert flavours == {name.removesuffix("-cuda") for name in programs} | {"airflow"}


def test_terraform_names_the_services_that_are_called_from_outside(everything: Manifests) -> None:
    """Who may call whom stands in the NetworkPolicies: Airflow's UI and the models."""
    text = (K8S / "infra/terraform/main.tf").read_text()
    line = re.search(r"services = \[(.*)\]", text)
    assert line
    named = set(re.findall(r'"([\w-]+)"', line[1]))
    models = {pod.labels["app.kubernetes.io/name"] for pod in everything.pods() if pod.component == "model-service"}
    assert named == {"airflow"} | models


def test_airflow_gets_the_pools_of_the_needs() -> None:
    made = K8S / "components" / "airflow" / "pools.json"
    if not made.exists():
        pytest.skip("k8s/components/airflow is missing, nothing makes pools")
    assert made.read_text() == stage_needs.pool_file()


def test_the_guide_names_everything_that_a_site_brings() -> None:
    from expectations import BROUGHT_CONFIG_MAPS, BROUGHT_SECRETS

    guide = Path(REPOSITORY, "docs", "deployment_guide.md").read_text()
    for name, keys in {**BROUGHT_CONFIG_MAPS, **BROUGHT_SECRETS}.items():
        assert f"`{name}`" in guide, name
        for key in keys:
            assert key in guide, f"{name}: {key}"
