#!/usr/bin/env bash
# A Docker engine of this checkout's own, for a machine on which none runs: engine.sh start|stop
#
# It has no network, so it changes neither the firewall nor the forwarding of the machine; builds and
# the tests of images need none. Needs root and Debian's package `docker.io`. Use it with
#
#   export DOCKER_HOST=$(docker/engine.sh start)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

state=$PWD/.foresite/engine
pid=$state/docker.pid
# The path of a socket has little room.
run=${TMPDIR:-/tmp}/foresite-engine-$(cksum <<<"$PWD" | cut -d' ' -f1)
host=unix://$run/docker.sock

answers() { docker --host "$host" info >/dev/null 2>&1; }

start() {
    if answers; then
        echo "$host"
        return
    fi
    ((EUID == 0)) || { echo "engine: needs root" >&2; exit 1; }
    command -v dockerd >/dev/null || { echo "engine: run: apt-get install --no-install-recommends docker.io" >&2; exit 1; }
    mkdir -p "$state" "$run"
    setsid dockerd --bridge none --iptables=false --ip-forward=false --ip-masq=false --data-root "$state/data" \
        --exec-root "$run/exec" --pidfile "$pid" --host "$host" >"$state/log" 2>&1 </dev/null &
    for _ in $(seq 60); do
        answers && { echo "$host"; return; }
        sleep 0.5
    done
    echo "engine: dockerd does not answer, its log: $state/log" >&2
    exit 1
}

# Ends the engine; images and the compilation stay in .foresite/engine/data.
stop() {
    [[ -f $pid ]] || return 0
    local process; process=$(<"$pid")
    kill "$process" 2>/dev/null || return 0
    for _ in $(seq 60); do
        kill -0 "$process" 2>/dev/null || return 0
        sleep 0.5
    done
    kill -KILL "$process"
}

case ${1:-} in
    start) start ;;
    stop) stop ;;
    *) echo "usage: engine.sh start|stop" >&2; exit 2 ;;
esac
