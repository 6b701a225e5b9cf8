#!/usr/bin/env bash
# Makes this checkout ready to build and test: checks the machine, installs what it may, prepares
# libtorch and the Python environment. What it may not install, it names in one line. Run by
# `make setup`; a second run only checks. Variables: see README.md, "Set-up".
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/.ci/setup
cache=${FORESITE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foresite}

say() { echo "setup: $*"; }
stop() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

check_machine() {
    [[ $(uname -s) == Linux && $(uname -m) == x86_64 ]] ||
        stop "this is $(uname -s) on $(uname -m), the build needs Linux on x86_64: use a virtual machine or a container"
    local glibc; glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
    [[ -n $glibc && $(printf '2.28\n%s\n' "$glibc" | sort -V | head -n1) == 2.28 ]] ||
        stop "libtorch needs glibc 2.28 or newer, found ${glibc:-none}: use Debian 11, Ubuntu 20.04 or newer"
    local memory_mib; memory_mib=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    ((memory_mib >= 3500)) || stop "the build needs 4 GiB of memory, this machine has $memory_mib MiB"
    check_disk
    # A taken port stops only `make airflow`, which says so again.
    local port=${FORESITE_PORT:-8080}
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        say "port $port is in use: start the UI with another one, FORESITE_PORT=$((port + 1)) make airflow"
    fi
}

# A first build writes about 10 GB beside the sources, a finished one little.
check_disk() {
    local need_mib=12000
    [[ -x ${CARGO_TARGET_DIR:-$root/target}/debug/foresite-ingest ]] && need_mib=1000
    local free_mib; free_mib=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
    ((free_mib >= need_mib)) || stop "$root needs $need_mib MiB of free disk, $free_mib MiB are left"
}

install_packages() {
    local missing=()
    have cc && have c++ || missing+=(g++)
    have make || missing+=(make)
    have curl || have rustup || missing+=(curl)
    [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]] || missing+=(ca-certificates)
    find_python || missing+=(python3 python3-venv)
    ((${#missing[@]})) || return 0
    have apt-get || stop "missing: ${missing[*]} (Debian's names): install them with your package manager"
    ((EUID == 0)) || stop "run: sudo apt-get install --yes ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    apt-get update --quiet --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends "${missing[@]}" >/dev/null
    find_python || stop "no Python 3.10 to 3.13 with venv: install one and name it, FORESITE_PYTHON=/path/to/python3"
}

# Sets `python` to the first interpreter that Airflow supports and that can make environments.
find_python() {
    for python in ${FORESITE_PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        "$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null && return
    done
    return 1
}

install_rust() {
    local wanted; wanted=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$root/rust-toolchain.toml")
    local cargo_bin=${CARGO_HOME:-$HOME/.cargo}/bin
    have cargo || PATH=$cargo_bin:$PATH
    if ! have rustup && ! have rustc; then
        say "installing rustup into $cargo_bin"
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
            sh -s -- -y --quiet --no-modify-path --default-toolchain none ||
            stop "no Rust: install rustup as https://rustup.rs says, then run this again"
    fi
    cd "$root"
    local toolchain
    if ! have rustup; then
        is_wanted_rust || stop "Rust $wanted with clippy and rustfmt is needed, found $(rustc --version): install rustup as https://rustup.rs says"
        toolchain=$wanted
    elif ! toolchain=$(installed_toolchain); then
        say "installing Rust $wanted"
        rustup --quiet toolchain install "$wanted" --profile minimal --component clippy --component rustfmt ||
            stop "run: rustup toolchain install $wanted --profile minimal --component clippy --component rustfmt"
        toolchain=$wanted
    fi
    # For the Makefile: the same version may be installed under another name, such as `stable`.
    echo "$toolchain" >"$root/.foresite/toolchain"
}

is_wanted_rust() {
    [[ $(rustc --version 2>/dev/null) == "rustc $wanted "* ]] &&
        cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

# The name of an installed toolchain of the wanted version, the pinned name first.
installed_toolchain() {
    local name
    for name in "$wanted" $(rustup toolchain list | cut -d' ' -f1); do
        (export RUSTUP_TOOLCHAIN=$name RUSTUP_AUTO_INSTALL=0; is_wanted_rust) && echo "$name" && return
    done
    return 1
}

# uv in an environment of its own, named by its lock, so that a new lock makes a new one.
install_uv() {
    local tool; tool=$cache/uv-$(sha256sum "$here/uv.txt" | cut -c1-12)-$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])')
    pip_python=$tool/bin/python uv=$tool/bin/uv
    [[ -e $tool/.complete ]] && "$uv" --version >/dev/null 2>&1 && return
    say "installing uv into $tool"
    "$python" -m venv --clear "$tool"
    "$pip_python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$here/uv.txt"
    touch "$tool/.complete"
}

# make_environment NAME LOCKS...: the Python environment .foresite/NAME of the locked requirements.
# Its stamp holds what it was made from; anything else means: make it again.
make_environment() {
    local environment=$root/.foresite/$1 stamp=$root/.foresite/$1/.made-from wanted lock
    shift
    wanted=$(cat "$@" | sha256sum; "$python" --version; echo compiled)
    [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]] && "$environment/bin/python" -c '' 2>/dev/null && return
    say "making the Python environment in ${environment#"$root/"}"
    export UV_CACHE_DIR=$cache/wheels UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never
    "$uv" venv --quiet --clear --python "$(command -v "$python")" "$environment"
    # Byte code once, here: every task of Airflow is a process that imports a thousand modules.
    local install=("$uv" pip install --quiet --compile-bytecode --python "$environment/bin/python" --require-hashes)
    for lock; do install+=(--requirement "$lock"); done
    "${install[@]}" --offline 2>/dev/null || "${install[@]}"
    echo "$wanted" >"$stamp"
}

started=$SECONDS
mkdir -p "$cache" "$root/.foresite"
check_machine
install_packages
install_rust
install_uv
"$here/libtorch.sh" "$pip_python" "$cache"
make_environment venv "$root"/airflow/requirements{,-dev}.txt
make_environment interop "$root/tests/interop/requirements.txt"
say "ready in $((SECONDS - started)) s"
