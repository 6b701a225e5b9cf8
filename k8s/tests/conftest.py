"""Renderings that the tests share, each made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from manifests import K8S, Manifests, compose, render

COMPONENTS = sorted(folder.name for folder in (K8S / "components").iterdir() if folder.is_dir())
OVERLAYS = sorted(folder.name for folder in (K8S / "overlays").iterdir() if folder.is_dir())
VARIANTS = ["base", "services", "everything", *(f"overlay {name}" for name in OVERLAYS)]


@pytest.fixture(scope="session")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifests]:
    """The base alone, with the services only, with every component, and every overlay."""
    parts = {"base": [], "services": ["serving"], "everything": COMPONENTS}
    made = {name: compose(tmp_path_factory.mktemp(name), components) for name, components in parts.items()}
    made |= {f"overlay {name}": render(Path(K8S, "overlays", name)) for name in OVERLAYS}
    return {name: Manifests(name, objects) for name, objects in made.items()}


@pytest.fixture(params=VARIANTS)
def manifests(request: pytest.FixtureRequest, renderings: dict[str, Manifests]) -> Manifests:
    return renderings[request.param]


@pytest.fixture
def everything(renderings: dict[str, Manifests]) -> Manifests:
    return renderings["everything"]
