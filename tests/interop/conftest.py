"""One pipeline run for all that only read, and a copy of it for each test that writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from interop.pipeline import Pipeline, made


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """To be read only."""
    return made(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def own(pipeline: Pipeline, tmp_path: Path) -> Pipeline:
    """A copy that a test may change."""
    folder = tmp_path / "own"
    shutil.copytree(pipeline.scratch, folder)
    return Pipeline(str(folder / "data"), folder)
