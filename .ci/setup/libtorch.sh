#!/usr/bin/env bash
# Puts a CPU libtorch into the cache and links it where the build looks for it.
#
#   libtorch.sh PYTHON CACHE
#
# PYTHON is an interpreter with pip. A libtorch named by LIBTORCH is used as it is. Otherwise the
# libraries are cut from the locked wheels and checked against libtorch.sha256, now and on every
# later call; a damaged or half-made cache is made again. Downloads that were finished are kept
# until the cut is in place, so that an interrupted run goes on where it was.
set -euo pipefail

python=$1 cache=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
link=$here/../../.foresite/libtorch
version=2.11.0
target=$cache/libtorch-$version-cpu

# Re-pointing the link when nothing changed would make cargo rebuild what links libtorch.
point_at() {
    mkdir -p "$(dirname "$link")"
    [[ $(readlink "$link" || true) == "$1" ]] || ln -sfnT "$1" "$link"
}

whole() {
    [[ -d $1/include/ATen ]] && (cd "$1" && sha256sum --check --status "$here/libtorch.sha256") 2>/dev/null
}

if [[ -n ${LIBTORCH:-} ]]; then
    found=$(cat "$LIBTORCH/build-version" 2>/dev/null || echo "no build-version file")
    if [[ $found != "$version"* ]]; then
        echo "setup: LIBTORCH=$LIBTORCH: expected libtorch $version, found $found; unset LIBTORCH to let setup fetch it" >&2
        exit 1
    fi
    [[ $(readlink -f "$LIBTORCH") == "$(readlink -f "$link")" ]] || point_at "$(readlink -f "$LIBTORCH")"
    exit 0
fi

if ! whole "$target"; then
    echo "setup: libtorch $version for CPU: downloading 544 MB, keeping 498 MB in $target"
    wheels=$cache/downloads/libtorch-$version
    mkdir -p "$wheels"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --implementation cp --python-version 3.11 --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
        --require-hashes --requirement "$here/libtorch.txt" --dest "$wheels"
    part=$(mktemp -d "$cache/libtorch.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    "$python" "$here/cut_libtorch.py" "$wheels" "$part" "$version"
    whole "$part" || { echo "setup: the cut libtorch differs from .ci/setup/libtorch.sha256" >&2; exit 1; }
    chmod 755 "$part"
    rm -rf "$target"
    mv -T "$part" "$target"
    rm -rf "$wheels"
fi
point_at "$target"
