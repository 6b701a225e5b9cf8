"""The command that runs a stage's pod again by hand, with all that the pod has.

`kubectl run` would not do: it knows no account, no volumes, no security context, and a namespace that
enforces the level `restricted` refuses what it makes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

#: Marks a pod that Airflow knows nothing of.
LABEL = "foresite/by-hand"


def manifest(pod: k8s.V1Pod, launcher_labels: Collection[str]) -> dict[str, Any]:
    """The pod under a new name, without the labels by which the launcher would take it for its own."""
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    metadata = made["metadata"]
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name not in launcher_labels}
    stage = labels.get("foresite/stage", "stage")
    made["metadata"] = {
        "generateName": f"foresite-{stage}-by-hand-",
        "namespace": metadata["namespace"],
        "labels": {**labels, LABEL: "true"},
        "annotations": metadata.get("annotations", {}),
    }
    made.pop("status", None)
    return made


def command(made: dict[str, Any]) -> str:
    """The line for a shell; the API server answers with the name that it gave."""
    return f"printf %s {shlex.quote(json.dumps(made, separators=(',', ':')))} | kubectl create --filename -"
