#!/usr/bin/env bash
# Puts what libtorch for CUDA has beyond that for CPU into .foresite/cuda, for the image train-cuda.
#
# Cut from locked wheels (cuda.txt), one after the other, because they fill a disk; that of torch is the
# one that the CPU's libraries come from, so both fit. Checked against cuda.sha256 on every call; what is
# damaged or half made is made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=.foresite/cuda
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}
sums=$PWD/docker/cuda.sha256
need_gigabytes=4

stop() { echo "cuda: $*" >&2; exit 1; }
whole() { [[ -d $1 ]] && (cd "$1" && sha256sum --check --status "$sums") 2>/dev/null; }

whole "$target" && exit
python=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/python' | head -n1)
[[ -n $python ]] || stop "no Python with pip in $cache: run \`make tools\`"
free=$(df --output=avail --block-size=1G . | tail -n1)
((free >= need_gigabytes)) || stop "the libraries need $need_gigabytes GB of free disk here, ${free// /} are left"

echo "cuda: downloading 2.3 GB, keeping 3.0 GB in $target" >&2
mkdir -p .foresite
part=$(mktemp --directory .foresite/cuda.XXXXXX) wheel=$(mktemp --directory .foresite/wheel.XXXXXX)
trap 'rm -rf "$part" "$wheel"' EXIT
while read -r requirement; do
    [[ -n $requirement && $requirement != \#* ]] || continue
    "$python" -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: \
        --implementation cp --python-version 3.11 --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_18_x86_64 \
        --platform manylinux2014_x86_64 \
        --require-hashes --requirement <(echo "$requirement") --dest "$wheel"
    "$python" docker/cut_cuda.py "$wheel" "$part"
    rm "$wheel"/*
done <docker/cuda.txt
# Equal files give an equal layer, whoever made them and when.
chmod 0755 "$part"
find "$part" -type f -exec chmod 0644 {} +
find "$part" -exec touch --date=@946684800 {} +
whole "$part" || stop "what was cut differs from docker/cuda.sha256"
rm -rf "$target"
mv --no-target-directory "$part" "$target"
