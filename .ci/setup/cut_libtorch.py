"""Cuts the CPU part of libtorch out of the downloaded wheels into a folder.

The wheel of torch is the CUDA build, of which a CPU program needs a tenth of the dependencies:
libtorch_cpu, libc10, the bundled libgomp, and the two small CUDA libraries that libtorch_cpu names.
The real libtorch.so would pull in the rest, so a linker script stands in for it.

Usage: cut_libtorch.py WHEELS_FOLDER TARGET_FOLDER VERSION
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

LIBRARIES = {
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libc10.so",
    "torch/lib/libgomp.so.1",
    "nvidia/cu13/lib/libcudart.so.13",
    "nvidia/cu13/lib/libcupti.so.13",
}
HEADERS = "torch/include/"


def place(member: str, target: Path) -> Path | None:
    """Where a wheel's member goes, or None when it is left behind."""
    if member in LIBRARIES:
        return target / "lib" / member.rpartition("/")[2]
    if member.startswith(HEADERS) and not member.endswith("/"):
        return target / "include" / member.removeprefix(HEADERS)
    return None


def cut(wheels: Path, target: Path, version: str) -> None:
    for wheel in sorted(wheels.glob("*.whl")):
        with ZipFile(wheel) as archive:
            for member in archive.namelist():
                path = place(member, target)
                if path is None:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, path.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    (target / "lib" / "libtorch.so").write_text("INPUT(libtorch_cpu.so)\n")
    (target / "build-version").write_text(f"{version}\n")


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
