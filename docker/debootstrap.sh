#!/usr/bin/env bash
# Makes an image where none can be pulled: debootstrap.sh run|build|python IMAGE
#
# `run` is a Debian with what every stage needs, `build` one with a compiler and the Rust toolchain of
# this machine, `python` one with Python. All are of the suite that the Dockerfiles name.
set -euo pipefail

kind=$1
image=$2
suite=bookworm
packages=(ca-certificates libgssapi-krb5-2 libstdc++6)
case $kind in
    build) packages+=(g++) ;;
    python) packages=(ca-certificates python3) ;;
esac

command -v debootstrap >/dev/null || { echo "images: install debootstrap: apt-get install debootstrap" >&2; exit 1; }
((EUID == 0)) || { echo "images: debootstrap needs root: run it with sudo, or set FORESITE_IMAGE_BASE and FORESITE_IMAGE_RUST" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$folder" >/dev/null
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/*
if [[ $kind == build ]]; then
    toolchain=$(rustc --print sysroot)
    cp --recursive "$toolchain"/{bin,lib} "$folder/usr/local/"
    rm -rf "$folder"/usr/local/lib/rustlib/{src,rustc-src}
fi
tar --directory "$folder" --create --numeric-owner . | docker import - "$image" >/dev/null
