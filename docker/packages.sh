#!/usr/bin/env bash
# Puts the locked Python packages of Airflow's image into .foresite/images/airflow, for the Python of the
# image and none other. Needs no engine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

into=.foresite/images
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}
locks=(airflow/requirements{,-cluster}.txt)
wanted=$(sha256sum "${locks[@]}")
[[ $(cat "$into/airflow.made-from" 2>/dev/null) != "$wanted" ]] || exit 0
uv=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/uv' | head -n1)
[[ -n $uv ]] || { echo "packages: no uv in $cache: run \`make tools\`" >&2; exit 1; }
mkdir -p "$into"
rm -rf "$into/airflow"
UV_CACHE_DIR=$cache/wheels "$uv" pip install --quiet --target "$into/airflow/lib" --link-mode copy \
    --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: --require-hashes \
    --requirement "${locks[0]}" --requirement "${locks[1]}"
# The scripts name the Python of this machine.
install -D "$into/airflow/lib/bin/airflow" "$into/airflow/bin/airflow"
sed -i '1s|.*|#!/usr/bin/env python3|' "$into/airflow/bin/airflow"
rm -rf "$into/airflow/lib/bin"
echo "$wanted" >"$into/airflow.made-from"
