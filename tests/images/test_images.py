"""Rights, contents, sizes and layers of the images."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from images import engine
from images.engine import PROGRAMS, ROOT, SERVICES
from interop.pipeline import AS_OF, DAY, SAMPLES, Pipeline

TORCH_STAGES = ("train",)
MEGABYTE = 1_000_000
# 2000-01-01, the time of all that is copied into an image.
FIXED_TIME = 946_684_800
# All of the default history, which is written as a whole or not at all.
SPAN = ("--interval-start", "2023-12-01T00:00:00Z", "--interval-end", "2026-03-01T00:00:00Z")


@pytest.mark.parametrize("stage", PROGRAMS)
def test_a_stage_starts_without_rights(stage: str) -> None:
    started = engine.run(stage, "--version")
    assert started.returncode == 0, started.stderr
    assert started.stdout.startswith(f"foresite-{stage} ")


@pytest.mark.parametrize("stage", [*PROGRAMS, *SERVICES])
def test_an_image_says_what_it_is(stage: str) -> None:
    config = engine.description(stage)["Config"]
    program = "serve" if stage in SERVICES else stage
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == [f"/opt/foresite/bin/foresite-{program}"]
    assert config["StopSignal"] == "SIGTERM"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"foresite-{stage}"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.revision"]


@pytest.mark.parametrize(("stage", "task"), SERVICES.items())
def test_the_image_of_a_service_starts_that_of_its_task(stage: str, task: str) -> None:
    """All that it is not told is where the data lie."""
    untold = engine.run(stage)
    assert untold.returncode == 2
    assert "--data-root" in untold.stderr
    arguments = engine.description(stage)["Config"]["Cmd"]
    assert arguments[:3] == ["model", f"--task={task}", "--cache-dir=/opt/foresite/models"]


@pytest.mark.parametrize("stage", PROGRAMS)
def test_an_image_carries_its_bill_of_materials(stage: str) -> None:
    bill = json.loads(engine.file(stage, f"/opt/foresite/share/foresite-{stage}.cdx.json"))
    assert bill["metadata"]["component"]["name"] == f"foresite-{stage}"
    listed = {f"{part['name']} v{part['version']}" for part in bill["components"]}
    # Cargo's own tree is the other opinion.
    call = ["cargo", "tree", "--locked", f"--package=foresite-{stage}", "--prefix=none", "--format={p}"]
    tree = subprocess.run([*call, "--edges=normal,no-proc-macro"], cwd=ROOT, capture_output=True, text=True, check=True)
    linked = {line.split(" (")[0] for line in tree.stdout.splitlines() if line}
    assert linked - listed == {f"foresite-{stage} v{bill['metadata']['component']['version']}"}
    assert ("libtorch" in {part["name"] for part in bill["components"]}) == (stage in TORCH_STAGES)
    assert all(part["licenses"] for part in bill["components"])


@pytest.mark.parametrize("stage", PROGRAMS)
def test_a_usage_error_is_exit_2(stage: str) -> None:
    refused = engine.run(stage, "--no-such-option")
    assert refused.returncode == 2, refused.stderr


def test_a_container_adds_little_to_its_base() -> None:
    own = {stage: engine.compressed_layers(stage)[-1] for stage in PROGRAMS}
    print({stage: f"{size / MEGABYTE:.1f} MB" for stage, size in own.items()})
    assert max(own.values()) <= 30 * MEGABYTE


def holds_libtorch(layer: list[tarfile.TarInfo]) -> bool:
    return any(Path(member.name).name.startswith(("libtorch", "libc10")) for member in layer)


def test_libtorch_is_one_layer_of_what_trains_and_of_nothing_else() -> None:
    holding = {program: [holds_libtorch(layer) for layer in engine.members(program)] for program in PROGRAMS}
    assert {program for program, layers in holding.items() if any(layers)} == set(TORCH_STAGES)
    *below, torch, own = holding["train"]
    assert (any(below), torch, own) == (False, True, False)
    size = engine.compressed_layers("train")[-2]
    print(f"libtorch: {size / MEGABYTE:.1f} MB")
    assert size <= 170 * MEGABYTE


# How many layers are ours: the users, libtorch, the program. Below them lie a base and Debian's packages.
OURS = {"derive": 2, "train": 3}


def test_equal_sources_make_equal_layers() -> None:
    before = {stage: engine.layers(stage)[-count:] for stage, count in OURS.items()}
    # Every step but the compilation itself, which lies in a cache.
    with engine.built(*OURS, options=f"--build-arg=REPEAT={time.time_ns()}") as tag:
        again = {stage: engine.layers(stage, tag)[-count:] for stage, count in OURS.items()}
    assert again == before


@pytest.mark.parametrize("stage", OURS)
def test_a_layer_does_not_tell_when_and_by_whom_it_was_made(stage: str) -> None:
    # The engine copies equal contents only once, whatever their times: so these are looked at by themselves.
    made = {
        (member.mtime, member.uid, member.gid, member.mode & 0o777)
        for layer in engine.members(stage)[-OURS[stage] :]
        for member in layer
    }
    assert made == {(FIXED_TIME, 0, 0, mode) for mode in (0o644, 0o755)}


@dataclass(frozen=True)
class Contained(Pipeline):
    """The pipeline of the other readers' tests, each stage in its container."""

    def program(self, stage: str) -> list[str]:
        mounts = (f"--volume={self.scratch}:{self.scratch}", f"--volume={SAMPLES}:{SAMPLES}:ro")
        return ["docker", "run", "--rm", *engine.RESTRICTED, *mounts, engine.image(stage)]


def test_containers_run_the_chain_on_a_shared_folder(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    for folder in (tmp_path, root):
        folder.chmod(0o777)
    pipeline = Contained(str(root), tmp_path)
    assert pipeline.simulate()["status"] == "done"
    assert [result["status"] for result in pipeline.load(DAY, AS_OF)] == ["done"] * 3
    assert [result["status"] for result in pipeline.load(DAY, AS_OF)] == ["unchanged"] * 3
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.stat().st_uid for path in files} == {10001}


def test_sigterm_ends_a_container_within_its_grace() -> None:
    name = f"foresite-test-{os.getpid()}"
    call = ("run", "--detach", "--name", name, *engine.RESTRICTED, engine.image("simulate"))
    # Two years of twenty sites, which take far longer than this test.
    engine.docker(*call, "--data-root", "/tmp/data", *SPAN)
    try:
        time.sleep(1)
        engine.docker("stop", "--time", "10", name)
        state = json.loads(engine.docker("inspect", name).stdout)[0]["State"]
        assert state["ExitCode"] == 143, engine.docker("logs", name).stderr
    finally:
        engine.docker("rm", "--force", name)
