#!/usr/bin/env bash
# Spark reads the tables: an environment and jars of its own in the cache (0.5 GB, once), one test
# file. Outside `make test` for its weight.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD/../..
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}

if ! reason=$("$root/tests/hdfs/hdfs-cluster" check 2>&1); then
    echo "${reason#hdfs-cluster: }" >&2
    exit 1
fi
name=spark-$(cat spark/requirements.txt spark/pom.xml | sha256sum | cut -c1-12)
if [[ ! -e $cache/$name/.complete ]]; then
    echo "spark: fetching Spark and Delta's connector into $cache/$name"
    uv=$(find "$cache" -maxdepth 3 -path '*/uv-*/bin/uv' | head -n1)
    export UV_CACHE_DIR=$cache/wheels UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never
    "$uv" venv --quiet --clear --python "$root/.foresite/venv/bin/python" "$cache/$name"
    "$uv" pip install --quiet --python "$cache/$name/bin/python" --require-hashes --requirement spark/requirements.txt
    mvn --quiet --batch-mode --file spark/pom.xml dependency:copy-dependencies "-Dlib=$cache/$name/delta"
    touch "$cache/$name/.complete"
fi
cd ..
FORESITE_SPARK_JARS=$cache/$name/delta exec "$cache/$name/bin/python" -m pytest interop/spark/test_spark.py
