"""What docker/images.sh tells the engine, by an engine that builds nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Gathers no crates: the folder is all that the script goes on with.
CARGO = '#!/bin/sh\nfor folder; do :; done\nmkdir -p "$folder"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of this project as images.sh reads; beside it stand-ins for Cargo and Docker's client."""
    folder, tools = tmp_path / "checkout", tmp_path / "bin"
    for made in (folder / "docker", folder / "crates" / "stages" / "derive", folder / ".foresite" / "libtorch", tools):
        made.mkdir(parents=True)
    shutil.copy(ROOT / "docker" / "images.sh", folder / "docker")
    (folder / "docker" / "bill_of_materials.py").write_text("")
    (folder / ".foresite" / "libtorch" / "build-version").write_text("2.11.0\n")
    (folder / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
    (folder / "rust-toolchain.toml").write_text('channel = "1.95"\n')
    stand_in = (ROOT / "tests" / "shipping" / "registry.py").read_text().partition("\n")[2]
    for name, text in (("cargo", CARGO), ("docker", f"#!{sys.executable} -S\n{stand_in}")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    return folder


def built(checkout: Path, **environment: str) -> list[str]:
    """Builds the image of derive; what the engine was asked to build it with."""
    tools, log = checkout.parent / "bin", checkout.parent / "log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORESITE_")}
    done = subprocess.run(
        [str(checkout / "docker" / "images.sh"), "derive"],
        env={**inherited, "PATH": f"{tools}:{os.environ['PATH']}", "FAKE_LOG": str(log), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    builds = [call.split() for call in log.read_text().splitlines() if call.startswith("build ")]
    assert len(builds) == 1, builds
    return builds[0]


def after(option: str, call: list[str]) -> str:
    return call[call.index(option) + 1]


def test_a_build_from_images_that_have_all_it_needs_has_no_network(checkout: Path) -> None:
    call = built(checkout, FAKE_FINDS="dpkg sh")
    assert after("--network", call) == "none"
    assert "PACKAGES=bare" in call


@pytest.mark.parametrize(("finds", "packages"), [("", "packages"), ("sh", "packages"), ("dpkg", "bare")])
def test_a_build_that_must_install_something_has_a_network(checkout: Path, finds: str, packages: str) -> None:
    """Public images lack Kerberos' library, those of Rust a C++ compiler: `apt-get` fetches them."""
    call = built(checkout, FAKE_FINDS=finds)
    assert after("--network", call) == "default"
    assert f"PACKAGES={packages}" in call
