#!/usr/bin/env bash
# Everything against a real HDFS, each shape of cluster on its own: plain, with two NameNodes, with
# two NameNodes and Kerberos whose tickets live two minutes. A test names the shape that it needs
# and is skipped, aloud, on the others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cluster=tests/hdfs/hdfs-cluster
# The Python of the project, whatever the system calls python3.
PATH=$PWD/.foresite/venv/bin:$PATH
tests=(cargo test --workspace --locked --test hdfs -- --test-threads=1)
failed=()

shape() {
    local name=$1
    shift
    .ci/step "hdfs-$name" "$cluster" run "$@" || failed+=("$name")
}

"$cluster" fetch
shape plain --datanodes 3 -- "${tests[@]}"
shape ha --ha --journalnodes 3 --datanodes 2 -- "${tests[@]}" ha::
shape kerberos --ha --kerberos --ticket-life 2m --renewable-life 20m \
    --set dfs.encrypt.data.transfer.cipher.suites=AES/CTR/NoPadding -- "${tests[@]}" kerberos::
shape interop --datanodes 1 -- env -C tests ../.foresite/interop/bin/pytest interop/test_hdfs.py

if ((${#failed[@]})); then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
