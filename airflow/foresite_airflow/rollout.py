"""The ConfigMaps of a configuration, for whoever rolls it out:

    python -m foresite_airflow.rollout FOLDER | kubectl apply --server-side --filename -

`foresite-config-<first 12 of the hash>` is what the pods of a pinned run mount: it never changes, and comes
first. `foresite-config` is what Airflow reads when it pins the next run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from foresite_airflow import settings
from foresite_airflow.configuration import Configuration, flat_name

CURRENT = "foresite-config"


def config_maps(configuration: Configuration, namespace: str) -> dict[str, Any]:
    """A list of both, as Kubernetes reads it."""
    data = {flat_name(name): content.decode() for name, content in configuration.files.items()}
    labels = {"app.kubernetes.io/part-of": "foresite"}
    made = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "immutable": name != CURRENT,
            "data": data,
        }
        for name in (f"{CURRENT}-{configuration.hash[:12]}", CURRENT)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": made}


def main(folder: Path) -> None:
    json.dump(config_maps(Configuration.read(folder), settings.namespace()), sys.stdout, indent=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
