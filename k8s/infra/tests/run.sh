#!/usr/bin/env bash
# Checks Terraform and Ansible in a Python environment of its own in the cache (0.2 GB, once). Outside
# `make test` for its download; offline from the second time on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD/../../..
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}

name=infra-$(cat requirements.txt provider.txt | sha256sum | cut -c1-12)
if [[ ! -e $cache/$name/.complete ]]; then
    echo "infra: fetching Ansible, Terraform and their linters into $cache/$name"
    uv=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/uv' | head -n1)
    export UV_CACHE_DIR=$cache/wheels UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never
    "$uv" venv --quiet --clear --python "$root/.foresite/venv/bin/python" "$cache/$name"
    # Byte code once: every task of a playbook is a process.
    "$uv" pip install --quiet --compile-bytecode --python "$cache/$name/bin/python" --require-hashes --requirement requirements.txt
    # The provider's two thousand modules are read as text, not imported.
    "$uv" pip install --quiet --python "$cache/$name/bin/python" --no-deps --require-hashes --requirement provider.txt
    touch "$cache/$name/.complete"
fi
exec "$cache/$name/bin/python" -m pytest "$@"
