"""The Docker engine as its command line shows it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
STAGES = sorted(path.name for path in (ROOT / "crates" / "stages").iterdir())
#: What has a program of its own.
PROGRAMS = [*STAGES, "serve"]
#: The images of one model service each, with the program of `serve`.
SERVICES = {"serve-anomaly": "anomaly", "serve-maintenance": "maintenance", "serve-capacity": "capacity"}

#: A pod of the class "restricted", as far as Docker can make one.
RESTRICTED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", "--tmpfs=/tmp")


def image(stage: str, tag: str | None = None) -> str:
    """The image of a stage that `make images` built last, or the one with this tag."""
    repository = os.environ.get("FORESITE_IMAGE_REPOSITORY", "foresite")
    return f"{repository}/{stage}:{tag or os.environ.get('FORESITE_IMAGE_TAG', 'dev')}"


def docker(*arguments: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """One call of Docker's client, at most five minutes."""
    call = ["docker", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False, **more)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(call)}: exit {done.returncode}: {done.stderr}")
    return done


def run(stage: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs a stage to its end in a container without rights."""
    return docker("run", "--rm", *RESTRICTED, *options, image(stage), *arguments, check=False)


def description(stage: str, tag: str | None = None) -> dict[str, Any]:
    """What the engine knows about an image."""
    described: list[dict[str, Any]] = json.loads(docker("image", "inspect", image(stage, tag)).stdout)
    return described[0]


@contextmanager
def built(*stages: str, options: str = "", **variables: str) -> Iterator[str]:
    """Builds images anew from the base that they have, under a tag that goes with the block: those that a release
    pushes stay what they are. The tag."""
    tag = f"again-{os.getpid()}"
    base = description(stages[0])["Config"]["Labels"]["org.opencontainers.image.base.name"]
    environment = {
        **os.environ,
        "FORESITE_IMAGE_TAG": tag,
        "FORESITE_IMAGE_BASE": base,
        "FORESITE_IMAGE_OPTIONS": f"{os.environ.get('FORESITE_IMAGE_OPTIONS', '')} {options}",
        **variables,
    }
    try:
        subprocess.run([ROOT / "docker" / "images.sh", *stages], env=environment, check=True, timeout=900)
        yield tag
    finally:
        docker("image", "rm", *(image(stage, tag) for stage in stages), check=False)


def file(stage: str, path: str) -> bytes:
    """A file of an image, taken out of a container that never runs."""
    container = docker("create", image(stage)).stdout.strip()
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            docker("cp", f"{container}:{path}", str(copy))
            return copy.read_bytes()
    finally:
        docker("rm", container)


def layers(stage: str, tag: str | None = None) -> list[str]:
    """Digests of the unpacked layers, the lowest first."""
    digests: list[str] = description(stage, tag)["RootFS"]["Layers"]
    return digests


@contextmanager
def opened_layers(stage: str) -> Iterator[Iterator[IO[bytes]]]:
    """Each layer as a tar archive, the lowest first."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        docker("save", "--output", str(archive), image(stage))
        with tarfile.open(archive) as saved:
            manifest = saved.extractfile("manifest.json")
            assert manifest is not None
            layers = (saved.extractfile(name) for name in json.load(manifest)[0]["Layers"])
            yield (layer for layer in layers if layer is not None)


@contextmanager
def saved(*images: str) -> Iterator[IO[bytes]]:
    """An archive of images as the engine writes it: each layer once, whoever has it."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout
        # Whoever reads an archive leaves what is behind its end.
        while process.stdout.read(1 << 20):
            pass
    assert process.returncode == 0, f"docker save {' '.join(images)}: exit {process.returncode}"


def compressed_layers(stage: str) -> list[int]:
    """Bytes of each layer as a registry holds it, the lowest first."""
    with opened_layers(stage) as opened:
        return [compressed(layer) for layer in opened]


def members(stage: str) -> list[list[tarfile.TarInfo]]:
    """What each layer holds, the lowest first."""
    with opened_layers(stage) as opened:
        return [tarfile.open(fileobj=layer).getmembers() for layer in opened]


def compressed(layer: IO[bytes]) -> int:
    """Size of one layer under gzip at Docker's level."""
    size = 0

    class Counter:
        def write(self, data: bytes) -> int:
            nonlocal size
            size += len(data)
            return len(data)

        def flush(self) -> None:
            pass

    with gzip.GzipFile(fileobj=Counter(), mode="wb", compresslevel=6) as packed:
        while chunk := layer.read(1 << 20):
            packed.write(chunk)
    return size
