"""One rendering of the site for all tests that read it, and two NameNodes that only listen."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import namenodes
import tools


@pytest.fixture(scope="session")
def listening() -> Iterator[namenodes.NameNodes]:
    with namenodes.NameNodes() as both:
        yield both


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="session")
def lint(scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """ansible-lint, which works while the site is rendered."""
    with subprocess.Popen(
        ["ansible-lint", "--offline", "--profile", "production", "--nocolor"],
        cwd=tools.ANSIBLE,
        env=tools.environment(scratch / "lint"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    scratch: Path,
    lint: subprocess.Popen[str],
    listening: namenodes.NameNodes,
) -> Path:
    """The rendered files, a folder for each host. The node with GPUs has a containerd already."""
    root = tmp_path_factory.mktemp("site")
    containerd = root / "gpu-1.test/etc/containerd"
    containerd.mkdir(parents=True)
    (containerd / "config.toml").write_text('version = 2\n\n[plugins."io.containerd.grpc.v1.cri"]\n')
    tools.render(root, scratch, "--limit", tools.ONE_OF_EACH, hadoop_namenode_port=listening.port)
    return root
