"""The cluster as its administrator sees it."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from live.commands import CLUSTER, CommandError, run

NAMESPACE = "foresite"
#: Where the node's API server listens (`tests/cluster/cluster`).
SERVER = "https://10.243.0.2:6443"


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
    """Pods by label, the oldest first.

    Asked without kubectl, whose start takes a second of a core: this is looked at all the time.
    """
    query = urllib.parse.urlencode({"labelSelector": selector})
    place = f"{SERVER}/api/v1/namespaces/{NAMESPACE}/pods?{query}"
    try:
        with urllib.request.urlopen(place, context=administrator(), timeout=30) as answer:
            found = json.load(answer)["items"]
    except OSError as error:
        raise CommandError(f"pods {selector}: {error}") from error
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


@cache
def administrator() -> ssl.SSLContext:
    """Who asks, and whose answer counts."""
    keys = Path(run(CLUSTER, "kubeconfig").strip()).parent / "pki"
    context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
    # Certificates for an hour's test do not say everything that newer Pythons look for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
    return context


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
