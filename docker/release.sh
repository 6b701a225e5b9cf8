#!/usr/bin/env bash
# A release of the images, from a clean checkout whose commit carries the tag v<version>:
# release.sh tag|build|write. `make release` runs build, the tests of the images, and write.
#
#   tag    prints the tag of the images: version and revision
#   build  resolves the images to start from to digests and builds all (docker/images.sh)
#   write  pushes them where FORESITE_IMAGE_REPOSITORY names a registry, and writes digests, bills of
#          materials, licences and checksums to FORESITE_RELEASE_DIR (.foresite/release/<tag>); digests
#          of a registry also to FORESITE_RELEASE_DIGESTS (k8s/overlays/production/digests)
#
# FORESITE_RELEASE_KEY, a private key of cosign, signs images and checksums.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stop() { echo "release: $*" >&2; exit 1; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse --short=12 HEAD)
tag=$version-$revision
repository=${FORESITE_IMAGE_REPOSITORY:-foresite}
out=${FORESITE_RELEASE_DIR:-.foresite/release/$tag}
overlay=${FORESITE_RELEASE_DIGESTS:-k8s/overlays/production/digests}
# As Docker reads it: the first part is a registry when it looks like a host.
[[ ${repository%%/*} =~ [.:]|^localhost$ && $repository == */* ]] && in_registry=1 || in_registry=

check_checkout() {
    [[ -z $(git status --porcelain) ]] || stop "the checkout holds changes that no commit has: commit or remove them (git status)"
    git tag --points-at HEAD | grep --quiet --line-regexp --fixed-strings "v$version" ||
        stop "this commit has no tag v$version, the version in Cargo.toml: git tag --annotate v$version"
    docker info >/dev/null 2>&1 || stop "no Docker engine answers: name one by DOCKER_HOST"
}

# The newest image of a tag, by its digest; nothing where it cannot be pulled, and images.sh makes one.
pinned() {
    local image=$1
    if docker pull --quiet "$image" >/dev/null 2>&1; then
        docker image inspect --format '{{index .RepoDigests 0}}' "$image"
    else
        echo "release: $image cannot be pulled: the base is one made here, without a digest" >&2
    fi
}

default_of() { sed -n "s/^ARG $2=//p" "docker/$1"; }

build() {
    check_checkout
    export FORESITE_IMAGE_BASE=${FORESITE_IMAGE_BASE:-$(pinned "$(default_of Dockerfile BASE)")}
    export FORESITE_IMAGE_RUST=${FORESITE_IMAGE_RUST:-$(pinned "$(default_of Dockerfile RUST)")}
    export FORESITE_IMAGE_PYTHON=${FORESITE_IMAGE_PYTHON:-$(pinned "$(default_of airflow.Dockerfile PYTHON)")}
    FORESITE_IMAGE_TAG=$tag docker/images.sh
}

# Pushes an image where there is a registry; prints what names it for good: the registry's digest,
# else the engine's, which nobody can pull.
published() {
    local image=$repository/$1
    if [[ -z $in_registry ]]; then
        docker image inspect --format '{{.Id}}' "$image:$tag"
        return
    fi
    docker tag "$image:$tag" "$image:$version"
    docker push --quiet "$image:$version" >/dev/null
    docker push --quiet "$image:$tag" >/dev/null
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image:$tag" |
        sed -n "s|^$image@||p" | head -n1
}

# What an image is made of, out of the image itself: bills of its program, packages of its base.
collect() {
    local name=$1 container
    container=$(docker create --network none "$repository/$name:$tag")
    docker cp "$container:/var/lib/dpkg/status" "$out/debian/$name.status" >/dev/null
    awk '/^Package:/ {name = $2} /^Version:/ {print name, $2}' "$out/debian/$name.status" >"$out/debian/$name.txt"
    rm "$out/debian/$name.status"
    if [[ $name != airflow ]]; then
        docker cp "$container:/opt/foresite/share/." "$out/share-$name" >/dev/null
        mv "$out/share-$name"/*.cdx.json "$out/bills/"
        rm -r "$out/share-$name"
    fi
    docker rm "$container" >/dev/null
}

write() {
    local name digest
    check_checkout
    [[ ! -e $out || -e $out/images.txt ]] || stop "$out is there and no release: name another folder by FORESITE_RELEASE_DIR"
    rm -rf "$out"
    mkdir -p "$out"/{bills,debian}
    for name in $(docker/images.sh --list); do
        docker image inspect "$repository/$name:$tag" >/dev/null 2>&1 || stop "no image $repository/$name:$tag: run \`docker/release.sh build\`"
        digest=$(published "$name")
        [[ -n $digest ]] || stop "$repository/$name:$tag was pushed, but the engine knows no digest of it"
        echo "$name $digest" >>"$out/images.txt"
        collect "$name"
        [[ -z $in_registry || -z ${FORESITE_RELEASE_KEY:-} ]] ||
            cosign sign --yes --key "$FORESITE_RELEASE_KEY" "$repository/$name@$digest"
    done
    python3 docker/release_files.py "$out" .foresite/images/airflow/lib "$repository" "$tag" ${in_registry:+--pushed}
    (cd "$out" && find . -type f -print0 | sort --zero-terminated | xargs --null sha256sum >../sums && mv ../sums SHA256SUMS)
    [[ -z ${FORESITE_RELEASE_KEY:-} ]] ||
        cosign sign-blob --yes --key "$FORESITE_RELEASE_KEY" --bundle "$out/SHA256SUMS.bundle" "$out/SHA256SUMS" >/dev/null
    if [[ -n $in_registry ]]; then
        cp "$out/digests"/* "$overlay/"
        echo "release: $tag is pushed to $repository; commit $overlay to roll it out"
    else
        echo "release: $tag was not pushed, so $overlay stays as it is: name a registry, FORESITE_IMAGE_REPOSITORY=registry.example/foresite"
    fi
    echo "release: $out"
}

case ${1:-} in
    tag) echo "$tag" ;;
    build) build ;;
    write) write ;;
    *) echo "usage: release.sh tag|build|write" >&2; exit 2 ;;
esac
