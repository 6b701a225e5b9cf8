#!/usr/bin/env bash
# Builds the images of the stages: images.sh [STAGE]...
#
# FORESITE_IMAGE_REPOSITORY (foresite) and FORESITE_IMAGE_TAG (dev) name them, FORESITE_IMAGE_OPTIONS
# go to `docker build`. FORESITE_IMAGE_BASE and FORESITE_IMAGE_RUST are the images to start from; where
# the defaults can be neither found nor pulled, root makes them with debootstrap and the Rust toolchain
# of this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

repository=${FORESITE_IMAGE_REPOSITORY:-foresite}
tag=${FORESITE_IMAGE_TAG:-dev}
inputs=.foresite/images
export DOCKER_BUILDKIT=1

stop() { echo "images: $*" >&2; exit 1; }

# The locked crates, their bills and libtorch, so that the build itself needs no network.
gather_inputs() {
    mkdir -p "$inputs"
    cargo vendor --quiet --locked --versioned-dirs "$inputs/vendor" >/dev/null
    # A path in the file counts from the folder above the file's own.
    cat >"$inputs/cargo.toml" <<TOML
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "images/vendor"
TOML
    local libtorch=${LIBTORCH:-.foresite/libtorch}
    python3 docker/bill_of_materials.py "$inputs/bills" "$libtorch"
    if ! cmp --silent "$libtorch/build-version" "$inputs/libtorch/build-version"; then
        rm -rf "$inputs/libtorch"
        cp --recursive --dereference --preserve=timestamps "$libtorch" "$inputs/libtorch"
    fi
}

# Prints the image to start from: the given or default one, or the one made here in its place.
image_of() {
    local wanted=$1 made=$2 kind=$3
    if docker image inspect "$wanted" >/dev/null 2>&1 || docker pull --quiet "$wanted" >/dev/null 2>&1; then
        echo "$wanted"
        return
    fi
    if ! docker image inspect "$made" >/dev/null 2>&1; then
        echo "images: $wanted cannot be pulled, making $made with debootstrap" >&2
        docker/debootstrap.sh "$kind" "$made" >&2
    fi
    echo "$made"
}

docker info >/dev/null 2>&1 || stop "no Docker engine answers (DOCKER_HOST=${DOCKER_HOST:-unset}): name one by DOCKER_HOST, or start one: export DOCKER_HOST=\$(docker/engine.sh start)"
stages=("$@")
((${#stages[@]})) || mapfile -t stages < <(cd crates/stages && printf '%s\n' *)
for stage in "${stages[@]}"; do
    [[ -d crates/stages/$stage ]] || stop "no stage \`$stage\`; the stages are $(cd crates/stages && echo *)"
done

gather_inputs
base=$(image_of "${FORESITE_IMAGE_BASE:-debian:bookworm-slim}" foresite/debian:bookworm run)
rust=$(image_of "${FORESITE_IMAGE_RUST:-rust:$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)-slim-bookworm}" foresite/rust:bookworm build)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
read -ra options <<<"${FORESITE_IMAGE_OPTIONS:-}"
revision=$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
for stage in "${stages[@]}"; do
    docker build --quiet --file docker/Dockerfile --target "$stage" --tag "$repository/$stage:$tag" \
        --network none "${options[@]}" --build-arg BASE="$base" --build-arg RUST="$rust" \
        --label org.opencontainers.image.title="foresite-$stage" \
        --label org.opencontainers.image.version="$version" \
        --label org.opencontainers.image.revision="$revision" \
        --label org.opencontainers.image.licenses=Apache-2.0 \
        --label org.opencontainers.image.base.name="$base" \
        . >/dev/null
    echo "$repository/$stage:$tag"
done
