#!/usr/bin/env bash
# Everything against a real HDFS, each shape of cluster on its own: plain, with two NameNodes, with
# two NameNodes and Kerberos whose tickets live two minutes; then roles, other readers, all DAGs. A test names the shape
# that it needs and is skipped, aloud, on the others. `all.sh ha kerberos` runs these only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cluster=tests/hdfs/hdfs-cluster
# The Python of the project, whatever the system calls python3.
PATH=$PWD/.foresite/venv/bin:$PATH
# With their output, because a test that is skipped says why.
tests=(cargo test --workspace --locked --test hdfs -- --test-threads=1 --show-output)
only=("$@")
# Kills of a writer at random points.
export FORESITE_KILLS=${FORESITE_KILLS:-100}
ran=()
failed=()

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

# Installs Debian's packages as root, otherwise names them in one line.
install_packages() {
    local missing=()
    have java || missing+=(openjdk-17-jre-headless)
    have mvn || "$cluster" check >/dev/null 2>&1 || missing+=(maven)
    have krb5kdc || missing+=(krb5-kdc)
    have kadmin.local || missing+=(krb5-admin-server)
    compgen -G '/usr/lib/*/libgssapi_krb5.so.2' >/dev/null || missing+=(libgssapi-krb5-2)
    compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) || ! have apt-get; then
        echo "run: sudo apt-get install --yes ${missing[*]}" >&2
        exit 1
    fi
    echo "installing Debian packages: ${missing[*]}"
    apt-get update --quiet --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends "${missing[@]}" >/dev/null
}

shape() {
    local name=$1
    shift
    ((${#only[@]})) && [[ " ${only[*]} " != *" $name "* ]] && return
    ran+=("$name")
    .ci/step "hdfs-$name" "$cluster" run "$@" || failed+=("$name")
}

install_packages
"$cluster" fetch
# Not while a cluster waits.
cargo test --workspace --locked --test hdfs --no-run
shape plain --datanodes 3 -- "${tests[@]}"
shape ha --ha --journalnodes 3 --datanodes 2 -- "${tests[@]}" ha::
shape kerberos --ha --kerberos --ticket-life 2m --renewable-life 20m \
    --set dfs.encrypt.data.transfer.cipher.suites=AES/CTR/NoPadding \
    --set dfs.datanode.hostname=127.0.0.2 -- "${tests[@]}" kerberos::
# The principals by the table under test, and three people.
groups="$(k8s/infra/data_root.py groups);kim=foresite-marks;lee=foresite-operators;stranger="
shape roles --datanodes 1 --set "hadoop.user.group.static.mapping.overrides=$groups" \
    -- env -C tests ../.foresite/interop/bin/pytest hdfs/roles
shape interop --datanodes 1 -- env -C tests ../.foresite/interop/bin/pytest interop/test_hdfs.py
shape demo --datanodes 1 -- env -C tests ../.foresite/interop/bin/pytest interop/test_hdfs_demo.py

if ((${#only[@]} && ${#only[@]} != ${#ran[@]})); then
    echo "all.sh: known shapes are plain, ha, kerberos, roles, interop, demo, got ${only[*]}" >&2
    exit 1
fi
if ((${#failed[@]})); then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
