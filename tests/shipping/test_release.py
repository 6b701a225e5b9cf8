"""A release of the images beside a registry that is not there: what it refuses, pins, pushes and writes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from shipping.registry import digest

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("train",)
NAMES = (*STAGES, "serve", "airflow")
BASES = "debian:bookworm-slim rust:1.95-slim-bookworm python:3.11-slim-bookworm"
#: Builds nothing, and says what it was told to start from.
IMAGES = f"""#!/usr/bin/env bash
[[ $* != --list ]] || {{ printf '%s\\n' {" ".join(NAMES)}; exit; }}
echo "tag=$FORESITE_IMAGE_TAG base=$FORESITE_IMAGE_BASE rust=$FORESITE_IMAGE_RUST python=$FORESITE_IMAGE_PYTHON"
"""


@dataclass(frozen=True)
class Checkout:
    """A small checkout of this project with its release script, and a stand-in for Docker's client."""

    folder: Path
    log: Path

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Release", "-c", "user.email=release@example.org")
        call = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout

    def release(self, action: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder.parent / 'bin'}:{os.environ['PATH']}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORESITE_")}
        return subprocess.run(
            [str(self.folder / "docker" / "release.sh"), action],
            env={**inherited, "PATH": path, "FAKE_LOG": str(self.log), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def tag(self) -> str:
        return f"1.2.3-{self.git('rev-parse', '--short=12', 'HEAD').strip()}"

    def out(self) -> Path:
        return self.folder / ".foresite" / "release" / self.tag

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder, tools = tmp_path / "checkout", tmp_path / "bin"
    (folder / "docker").mkdir(parents=True)
    tools.mkdir()
    stand_in = (ROOT / "tests" / "shipping" / "registry.py").read_text().partition("\n")[2]
    # By its path: what a version manager puts in front of Python takes longer than all the rest.
    (tools / "docker").write_text(f"#!{sys.executable} -S\n{stand_in}")
    (tools / "docker").chmod(0o755)
    for name in ("release.sh", "release_files.py", "Dockerfile", "airflow.Dockerfile"):
        shutil.copy(ROOT / "docker" / name, folder / "docker")
    (folder / "docker" / "images.sh").write_text(IMAGES)
    (folder / "docker" / "images.sh").chmod(0o755)
    overlay = Path("k8s", "overlays", "production", "digests")
    shutil.copytree(ROOT / overlay, folder / overlay)
    (folder / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
    (folder / ".gitignore").write_text("/.foresite/\n")
    made = Checkout(folder, tmp_path / "log")
    made.git("init", "--quiet")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "Begin")
    made.git("tag", "v1.2.3")
    return made


def test_changes_that_no_commit_has_are_refused(checkout: Checkout) -> None:
    (checkout.folder / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n# changed\n')
    for action in ("build", "write"):
        refused = checkout.release(action)
        assert refused.returncode == 1
        assert refused.stderr.startswith("release: the checkout holds changes that no commit has")
        assert len(refused.stderr.splitlines()) == 1
    assert not checkout.calls(), "Docker was asked for something"


def test_a_file_that_git_does_not_know_is_a_change(checkout: Checkout) -> None:
    (checkout.folder / "docker" / "more").write_text("")
    assert checkout.release("build").returncode == 1


def test_a_commit_without_the_tag_of_its_version_is_refused(checkout: Checkout) -> None:
    checkout.git("tag", "--delete", "v1.2.3")
    checkout.git("tag", "v1.2.30")
    refused = checkout.release("build")
    assert refused.returncode == 1
    assert "this commit has no tag v1.2.3, the version in Cargo.toml" in refused.stderr


def test_what_is_built_starts_from_digests(checkout: Checkout) -> None:
    built = checkout.release("build", FAKE_PULLABLE=BASES)
    assert built.returncode == 0, built.stderr
    said = dict(part.split("=", 1) for part in built.stdout.split())
    assert said["tag"] == checkout.tag == checkout.release("tag").stdout.strip()
    for kind, name in (("base", "debian"), ("rust", "rust"), ("python", "python")):
        assert said[kind] == f"{name}@{digest(name)}"


def test_a_base_that_cannot_be_pulled_is_left_to_the_build(checkout: Checkout) -> None:
    built = checkout.release("build", FAKE_PULLABLE="python:3.11-slim-bookworm")
    assert built.returncode == 0
    assert " base= rust= python=python@sha256:" in built.stdout
    assert "debian:bookworm-slim cannot be pulled" in built.stderr


def test_a_release_into_a_registry_is_pinned_by_its_digests(checkout: Checkout) -> None:
    repository = "registry.example:5000/foresite"
    written = checkout.release("write", FORESITE_IMAGE_REPOSITORY=repository)
    assert written.returncode == 0, written.stderr
    pushed = [call.split()[-1] for call in checkout.calls() if call.startswith("push")]
    assert pushed == [f"{repository}/{name}:{tag}" for name in NAMES for tag in ("1.2.3", checkout.tag)]
    digests = {name: digest(f"{repository}/{name}") for name in NAMES}
    overlay = checkout.folder / "k8s" / "overlays" / "production" / "digests"
    assert json.loads((overlay / "stages.json").read_text()) == {name: digests[name] for name in STAGES}
    component = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    assert component["images"] == [
        {"name": f"foresite/{name}", "newName": f"{repository}/{name}", "digest": digests[name]}
        for name in ("serve", "airflow")
    ]
    # Nothing but the images differs from what stands there before a release.
    before = yaml.safe_load((ROOT / overlay.relative_to(checkout.folder) / "kustomization.yaml").read_text())
    before["configMapGenerator"][0]["literals"] = [
        f"FORESITE_IMAGE_REPOSITORY={repository}",
        f"FORESITE_IMAGE_TAG={checkout.tag}",
    ]
    assert {**component, "images": None} == {**before, "images": None}


def test_the_production_overlay_takes_the_digests(checkout: Checkout, tmp_path: Path) -> None:
    repository = "registry.example/foresite"
    assert checkout.release("write", FORESITE_IMAGE_REPOSITORY=repository).returncode == 0
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s", ignore=shutil.ignore_patterns("tests", "infra", ".*"))
    overlay = tmp_path / "k8s" / "overlays" / "production"
    shutil.copytree(checkout.out() / "digests", overlay / "digests", dirs_exist_ok=True)
    kubectl = Path(sys.executable).parent / "kubectl"
    rendered = subprocess.run([kubectl, "kustomize", overlay], capture_output=True, text=True, check=True, timeout=120)
    objects = [found for found in yaml.safe_load_all(rendered.stdout) if found]
    pods = [found["spec"]["template"]["spec"] for found in objects if found["kind"] in {"Deployment", "Job"}]
    used = {part["image"] for pod in pods for part in [*pod["containers"], *pod.get("initContainers", [])]}
    assert used == {f"{repository}/{name}@{digest(f'{repository}/{name}')}" for name in ("serve", "airflow")}
    told = next(found["data"] for found in objects if found["metadata"]["name"].startswith("foresite-images-"))
    assert told["FORESITE_IMAGE_REPOSITORY"] == repository
    assert json.loads(told["FORESITE_IMAGE_DIGESTS"])["train"] == digest(f"{repository}/train")


def test_without_a_registry_the_overlay_stays_and_the_files_say_so(checkout: Checkout) -> None:
    written = checkout.release("write")
    assert written.returncode == 0, written.stderr
    assert "was not pushed" in written.stdout
    assert not [call for call in checkout.calls() if call.startswith(("push", "tag"))]
    assert not checkout.git("status", "--porcelain")
    text = (checkout.out() / "digests" / "kustomization.yaml").read_text()
    assert "nobody can pull them" in text.splitlines()[0]
    stages = json.loads((checkout.out() / "digests" / "stages.json").read_text())
    assert stages["train"] == digest(f"local foresite/train:{checkout.tag}")


def test_a_release_says_what_it_is_made_of(checkout: Checkout) -> None:
    package = checkout.folder / ".foresite" / "images" / "airflow" / "lib" / "attrs-25.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: attrs\nVersion: 25.1.0\nLicense-Expression: MIT\n\ntext\n")
    assert checkout.release("write").returncode == 0
    out = checkout.out()
    assert {path.name for path in (out / "bills").iterdir()} == {f"foresite-{name}.cdx.json" for name in NAMES[:-1]}
    assert (out / "debian" / "airflow.txt").read_text() == "libc6 2.36-9\nbash 5.2.15-2\n"
    table = (out / "licences.md").read_text()
    assert "| Apache-2.0 | arrow 60.1.0 |" in table
    assert "| BSD-3-Clause | libtorch 2.11.0 |" in table
    assert "| MIT | attrs 25.1.0 (Python) |" in table
    lines = (line.split("  ") for line in (out / "SHA256SUMS").read_text().splitlines())
    sums = {path: checksum for checksum, path in lines}
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    assert sums == {f"./{path.relative_to(out)}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_folder_of_something_else_is_not_emptied(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("")
    refused = checkout.release("write", FORESITE_RELEASE_DIR=str(tmp_path / "mine"))
    assert refused.returncode == 1
    assert (tmp_path / "mine" / "kept").exists()
