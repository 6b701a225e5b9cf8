#!/usr/bin/env bash
# The part of the HDFS tests that belongs to `make test`: tests named `smoke…`, on a small cluster of
# its own, at most five minutes. Skips aloud where Java or Maven is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cluster=tests/hdfs/hdfs-cluster
# The Python of the project, whatever the system calls python3.
PATH=$PWD/.foresite/venv/bin:$PATH

if ! reason=$("$cluster" check 2>&1); then
    echo "SKIPPED: hdfs-smoke: $reason"
    exit 0
fi
if ! said=$("$cluster" fetch 2>&1); then
    # No registry is a reason to skip; jars other than those that were pinned are a failure.
    [[ $said == *"could not fetch"* ]] || { echo "$said" >&2; exit 1; }
    echo "SKIPPED: hdfs-smoke: $said"
    exit 0
fi
# Compiling does not count.
cargo test --workspace --locked --test hdfs --no-run
# On the signal the cluster is brought down, which takes a second.
exec timeout --signal=TERM --kill-after=30 300 "$cluster" run --datanodes 2 -- \
    cargo test --workspace --locked --test hdfs -- --test-threads=2 smoke
