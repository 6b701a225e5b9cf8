"""The local overlay with what only one run or one test adds to it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live.commands import ROOT
from live.kube import NAMESPACE, apply_text, kubectl


@contextmanager
def overlay() -> Iterator[Path]:
    """An empty folder beside the overlays, for one more."""
    with tempfile.TemporaryDirectory(dir=ROOT / "k8s" / "overlays", prefix=".site-") as folder:
        yield Path(folder)


def kustomized(folder: Path, more: dict[str, object]) -> str:
    """The local overlay with something more, as an overlay of its own."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["../local"],
    }
    (folder / "kustomization.yaml").write_text(json.dumps({**kustomization, **more}))
    return kubectl("kustomize", str(folder))


def give_share(service: str, share: float) -> None:
    """Lets a service ask its challenger for a share of the entities: the component of `docs/operations.md`, of which
    only the service's own objects are applied."""
    file = f"{service}.json"
    config = json.loads((ROOT / "k8s" / "overlays" / "local" / "settings" / "services" / file).read_text())
    merged = {"name": "foresite-serve-config", "behavior": "merge", "files": [file]}
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "configMapGenerator": [merged],
    }
    with overlay() as folder:
        trial = folder / "trial"
        trial.mkdir()
        (trial / file).write_text(json.dumps({**config, "challenger_share": share}))
        (trial / "kustomization.yaml").write_text(json.dumps(component))
        objects = kustomized(folder, {"components": ["trial"]}).split("\n---\n")
    own = (
        ("\nkind: Deployment\n", f"\n  name: {service}\n"),
        ("\nkind: ConfigMap\n", "\n  name: foresite-serve-config-"),
    )
    apply_text("\n---\n".join(text for text in objects if any(all(word in text for word in words) for words in own)))
