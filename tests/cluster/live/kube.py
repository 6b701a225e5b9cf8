"""The cluster as its administrator sees it."""

from __future__ import annotations

import json
from typing import Any

from live.commands import CLUSTER, CommandError, run

NAMESPACE = "foresite"


def kubectl(*arguments: str, text: str | None = None, limit: float = 300) -> str:
    return run(CLUSTER, "kubectl", "--namespace", NAMESPACE, *arguments, text=text, limit=limit)


def apply(*objects: dict[str, Any]) -> None:
    """Makes objects what they are said to be; a misspelt field is an error."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    apply_text(json.dumps(listed))


def apply_text(manifests: str) -> None:
    """The same for objects as text."""
    kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename", "-", text=manifests)


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}}
    return {**made, "stringData": data}


def pods(selector: str) -> list[dict[str, Any]]:
    """Pods by label, the oldest first."""
    found = json.loads(kubectl("get", "pods", "--selector", selector, "--output", "json"))["items"]
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def stage_pods(**labels: str) -> list[dict[str, Any]]:
    """Pods that Airflow started: by `stage`, and by its own labels `dag_id`, `task_id`."""
    named = {"foresite/stage" if name == "stage" else name: value for name, value in labels.items()}
    return pods(",".join(["kubernetes_pod_operator=True", *(f"{name}={value}" for name, value in named.items())]))


def pod_name(app: str) -> str:
    """The living pod of a Deployment."""
    alive = [
        pod["metadata"]["name"]
        for pod in pods(f"app.kubernetes.io/name={app}")
        if "deletionTimestamp" not in pod["metadata"]
    ]
    if not alive:
        raise CommandError(f"no pod of {app}")
    return str(alive[-1])


def service_address(name: str) -> str:
    return kubectl("get", "service", name, "--output", "jsonpath={.spec.clusterIP}")


def is_running(pod: dict[str, Any]) -> bool:
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
