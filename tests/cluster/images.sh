# shellcheck shell=bash
# Images of the test cluster, sourced by `cluster`: they are loaded from files, never pulled.

load_image() {
    ctr --address "$CONTAINERD" --namespace k8s.io images import "$1"
}

make_image() {
    local name=$1 dir=$2 work layer command
    shift 2
    work=$(mktemp -d "$RUN/image.XXXXXX")
    tar -C "$dir" --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
    layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
    command=$(printf '"%s",' "$@")
    cat >"$work/config.json" <<JSON
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Entrypoint": [${command%,}]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
JSON
    cat >"$work/manifest.json" <<JSON
[{"Config": "config.json", "RepoTags": ["$name"], "Layers": ["layer.tar"]}]
JSON
    tar -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
    load_image "$work/image.tar"
    rm -r "$work"
}
