# shellcheck shell=bash
# Certificates and configuration of the test cluster's components, sourced by `cluster`; all of it lies
# in $RUN and is made anew for each cluster.

# certificate NAME SUBJECT [ALTERNATIVE-NAMES]
certificate() {
    openssl req -x509 -config "$PKI/openssl.cnf" -newkey ec \
        -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -subj "$2" \
        -addext basicConstraints=critical,CA:FALSE \
        ${3:+-addext "subjectAltName=$3"} \
        -keyout "$PKI/$1.key" -out "$PKI/$1.crt" 2>/dev/null
}

# kubeconfig NAME SUBJECT
kubeconfig() {
    certificate "$1" "$2"
    cat >"$RUN/$1.conf" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: foresite
  cluster:
    server: https://$NODE_IP:6443
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$1.crt")
    client-key-data: $(base64 -w0 "$PKI/$1.key")
contexts:
- name: foresite
  context: {cluster: foresite, user: $1}
current-context: foresite
YAML
}

configure() {
    mkdir -p "$PKI" "$RUN/lib" "$RUN/log" "$RUN/cni"
    chmod 700 "$RUN"

    printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$PKI/openssl.cnf"
    openssl req -x509 -config "$PKI/openssl.cnf" -newkey ec \
        -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
        -subj /CN=foresite-ca -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,digitalSignature \
        -keyout "$PKI/ca.key" -out "$PKI/ca.crt" 2>/dev/null
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 \
        -out "$PKI/service-accounts.key"
    openssl pkey -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub"

    certificate apiserver /CN=kube-apiserver \
        "IP:$NODE_IP,IP:$SERVICE_IP,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver
    certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE" "IP:$NODE_IP,DNS:$NODE"
    kubeconfig admin /O=system:masters/CN=admin
    kubeconfig kubelet "/O=system:nodes/CN=system:node:$NODE"
    kubeconfig controller-manager /CN=system:kube-controller-manager
    kubeconfig scheduler /CN=system:kube-scheduler
    kubeconfig proxy /CN=system:kube-proxy

    # restrict_oom_score_adj: without CAP_SYS_RESOURCE nobody may lower the score.
    cat >"$RUN/containerd.toml" <<TOML
version = 2
[grpc]
  address = "$CONTAINERD"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
TOML

    # ptp routes every packet between pods through the node, where the rules of
    # kube-proxy apply; a bridge would need br_netfilter for that.
    cat >"$RUN/cni/10-pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false, "mtu": 1400,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_CIDR"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON

    # The node must not evict pods because the machine's disk is full of other
    # things, nor refuse to run where cgroups v1 are still in use.
    cat >"$RUN/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$CONTAINERD
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
resolvConf: ""
volumePluginDir: /var/lib/kubelet/volume-plugins
clusterDNS: [$NODE_IP]
clusterDomain: cluster.local
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
authentication:
  x509: {clientCAFile: $PKI/ca.crt}
evictionHard: {memory.available: 100Mi, nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
YAML

    cat >"$RUN/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
oomScoreAdj: 0
clientConnection: {kubeconfig: $RUN/proxy.conf}
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
}
