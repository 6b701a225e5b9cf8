"""What the container images weigh, and how fast their programs start, inside of a container.

The engine is the one that DOCKER_HOST names, the images those of FORESITE_IMAGE_REPOSITORY and
FORESITE_IMAGE_TAG. A start is timed by the shell of the image, many times in one container, so that
nothing of Docker is in it.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import measure

sys.path.insert(0, str(measure.ROOT / "tests"))

from images import engine  # noqa: E402

TIMES = measure.scaled(40)
TIMED = """
program=$1 times=$2; shift 2
TIMEFORMAT='%R %U %S'
for ((i = 0; i < times; i++)); do
    { time "$program" "$@" >/dev/null 2>/dev/null || exit; } 2>&1
done
"""
#: Links libtorch; CUDA where it was built.
TORCH = ("train", "train-cuda")


def start(image: str, program: str, *arguments: str) -> dict[str, float]:
    """Milliseconds from fork to exit, and of CPU; the first start in a container of its own is left out."""
    call = ["--rm", "--interactive", *engine.RESTRICTED, "--entrypoint=bash", engine.image(image)]
    said = engine.docker(
        "run", *call, "-s", "--", program, str(TIMES + 1), *arguments, input=TIMED
    )
    lines = [line.split() for line in said.stdout.splitlines()[1:]]
    taken = [1000 * float(wall) for wall, _, _ in lines]
    cpu = [1000 * (float(user) + float(system)) for _, user, system in lines]
    return {
        "median_ms": round(statistics.median(taken)),
        "least_ms": round(min(taken)),
        "cpu_ms": round(statistics.median(cpu)),
    }


def one(image: str) -> dict[str, Any]:
    """An image's own layer and libtorch's below it, compressed, and two ways to start its program."""
    name = image.removesuffix("-cuda")
    program = f"/opt/foresite/bin/foresite-{name}"
    layers = engine.compressed_layers(image)
    configured = ["model", "--task=anomaly"] if name == "serve" else []
    return {
        "own_bytes": layers[-1],
        "torch_bytes": sum(layers[-3 if image.endswith("-cuda") else -2 : -1]) if image in TORCH else 0,
        "layers": len(layers),
        "version": start(image, program, "--version"),
        "print_config": start(
            image, program, *configured, "--data-root=/tmp", "--print-config"
        ),
    }


def main() -> None:
    """Measures the images that are there."""
    # What the measuring itself costs: a shell that starts a program which does nothing.
    results: dict[str, Any] = {"floor": start("derive", "/bin/true")}
    for image in sys.argv[1:] or [*engine.PROGRAMS, "train-cuda"]:
        if engine.docker("image", "inspect", engine.image(image), check=False).returncode == 0:
            results[image] = one(image)
    # What an image holds, whatever lies in target/.
    measure.BINARIES = Path("release")
    measure.record("images", results)


if __name__ == "__main__":
    main()
