#!/usr/bin/env bash
# Builds the images of the stages, of the services and of Airflow: images.sh [--list | NAME...]
#
# `--list` prints the names of those that are built without names. FORESITE_IMAGE_CUDA=1 adds that for GPUs,
# train-cuda, where the disk has room for it.
#
# FORESITE_IMAGE_REPOSITORY (foresite) and FORESITE_IMAGE_TAG (dev) name them, FORESITE_IMAGE_OPTIONS
# go to `docker build`. FORESITE_IMAGE_BASE, FORESITE_IMAGE_RUST and FORESITE_IMAGE_PYTHON are the
# images to start from; where the defaults can be neither found nor pulled, root makes them with
# debootstrap and the Rust toolchain of this machine. FORESITE_IMAGE_MODELS is a `--cache-dir` as a
# service leaves it: the models of its tasks are baked into serve-anomaly and its like.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

repository=${FORESITE_IMAGE_REPOSITORY:-foresite}
tag=${FORESITE_IMAGE_TAG:-dev}
inputs=.foresite/images
export DOCKER_BUILDKIT=1

stop() { echo "images: $*" >&2; exit 1; }

# The locked crates, their bills and libtorch, so that the build itself fetches nothing but what its
# base lacks of Debian's packages.
gather_inputs() {
    mkdir -p "$inputs"
    cargo vendor --quiet --locked --versioned-dirs "$inputs/vendor" >/dev/null
    # Build scripts go by the time of files: what a version holds never changes, so that checkouts share
    # the compilation that the engine keeps.
    find "$inputs/vendor" -newermt @946684800 -exec touch --no-dereference --date=@946684800 {} +
    # A path in the file counts from the folder above the file's own.
    cat >"$inputs/cargo.toml" <<TOML
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "images/vendor"
TOML
    local libtorch=${LIBTORCH:-.foresite/libtorch}
    python3 docker/bill_of_materials.py "$inputs/bills" "$libtorch"
    # Beside the inputs of the compilation, which they must not begin anew.
    rm -rf .foresite/bundles
    mkdir -p .foresite/bundles/{anomaly,maintenance,capacity}
    [[ -z ${FORESITE_IMAGE_MODELS:-} ]] || cp --recursive "$FORESITE_IMAGE_MODELS/." .foresite/bundles
    # The user of the image reads them, whoever left them.
    chmod --recursive u=rwX,go=rX .foresite/bundles
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

# build NAME DOCKERFILE BASE NETWORK [OPTION]...
build() {
    local name=$1 file=$2 base=$3 network=$4 title=foresite-$1
    shift 4
    docker build --quiet --file "$file" --target "$name" --tag "$repository/$name:$tag" \
        --network "$network" "${options[@]}" "$@" \
        --label org.opencontainers.image.title="$title" \
        --label org.opencontainers.image.version="$version" \
        --label org.opencontainers.image.revision="$revision" \
        --label org.opencontainers.image.licenses=Apache-2.0 \
        --label org.opencontainers.image.base.name="$base" \
        . >/dev/null
    echo "$repository/$name:$tag"
}

# The libraries that a GPU needs; an engine of this machine must have room for them.
gather_cuda() {
    local folder free
    docker/cuda.sh
    folder=$(docker info --format '{{.DockerRootDir}}')
    [[ -d $folder ]] || return 0
    free=$(df --output=avail --block-size=1G "$folder" | tail -n1)
    ((free >= cuda_gigabytes)) || stop "no $*: CUDA's libraries need $cuda_gigabytes GB of free disk in $folder, ${free// /} are left"
}

# Whether an image has what a command looks for.
has() {
    local image=$1 program=$2
    shift 2
    docker run --rm --network none --entrypoint "$program" "$image" "$@" >/dev/null 2>&1
}

build_stages() {
    local base rust stage packages=bare network=none wanted=" $* "
    [[ $wanted != *-cuda\ * ]] || gather_cuda "$@"
    gather_inputs
    base=$(image_of "${FORESITE_IMAGE_BASE:-debian:bookworm-slim}" foresite/debian:bookworm run)
    rust=$(image_of "${FORESITE_IMAGE_RUST:-rust:$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)-slim-bookworm}" foresite/rust:bookworm build)
    has "$base" dpkg --status ca-certificates libgssapi-krb5-2 libstdc++6 || packages=packages
    # What public images lack comes from Debian's mirror.
    [[ $packages == bare ]] && has "$rust" sh -c 'command -v c++' || network=default
    for stage; do
        build "$stage" docker/Dockerfile "$base" "$network" --build-arg BASE="$base" --build-arg RUST="$rust" --build-arg PACKAGES="$packages"
    done
}

build_airflow() {
    local python
    docker/packages.sh
    python=$(image_of "${FORESITE_IMAGE_PYTHON:-python:3.11-slim-bookworm}" foresite/python:bookworm python)
    build airflow docker/airflow.Dockerfile "$python" none --build-arg PYTHON="$python"
}

# The libraries twice, as the engine takes them in and as a layer.
cuda_gigabytes=7
services=(serve serve-anomaly serve-maintenance serve-capacity)
cuda=(train-cuda)
mapfile -t usual < <(cd crates/stages && printf '%s\n' *)
usual+=("${services[@]}" airflow)
[[ ${FORESITE_IMAGE_CUDA:-} != 1 ]] || usual+=("${cuda[@]}")
known=" ${usual[*]} ${cuda[*]} "
if [[ ${1:-} == --list ]]; then
    printf '%s\n' "${usual[@]}"
    exit
fi

# That for GPUs by itself and last: where it does not fit, the others are there.
stages=() for_gpus=() with_airflow=
for part in "${@:-${usual[@]}}"; do
    case $part in
        airflow) with_airflow=1 ;;
        *-cuda) for_gpus+=("$part") ;;
        *) stages+=("$part") ;;
    esac
    [[ $known == *" $part "* ]] || stop "no image \`$part\`; the images are${known% }"
done

docker info >/dev/null 2>&1 || stop "no Docker engine answers (DOCKER_HOST=${DOCKER_HOST:-unset}): name one by DOCKER_HOST, or start one: export DOCKER_HOST=\$(docker/engine.sh start)"
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
read -ra options <<<"${FORESITE_IMAGE_OPTIONS:-}"
revision=$(git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
((${#stages[@]} == 0)) || build_stages "${stages[@]}"
[[ -z $with_airflow ]] || build_airflow
((${#for_gpus[@]} == 0)) || build_stages "${for_gpus[@]}"
