#!/usr/bin/env bash
# Locks the Python requirements for every supported Python: exact versions with hashes, no index
# addresses. The wheels of libtorch are locked by hand (libtorch.txt).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}
uv=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/uv' | head -n1)
# lock FOLDER NAME [OPTION]...
lock() {
    (cd "$1" && "$uv" pip compile "${@:3}" --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
        --no-emit-index-url --custom-compile-command 'make lock' --output-file "$2.txt" "$2.in")
}
lock airflow requirements
lock airflow requirements-dev
lock airflow requirements-cluster
lock .ci/setup uv
lock tests/interop requirements
lock tests/interop/spark requirements
lock k8s/infra/tests requirements
lock k8s/infra/tests provider --no-deps
