"""What the manifests promise, as data: who may reach whom, who may do what, what a site brings along."""

from __future__ import annotations

#: ConfigMaps and Secrets that the site makes, with their keys (docs/deployment_guide.md).
BROUGHT_CONFIG_MAPS = {
    "foresite-hadoop-conf": {"core-site.xml", "hdfs-site.xml"},
    "foresite-krb5-conf": {"krb5.conf"},
    "foresite-trusted-keys": set[str](),
    "foresite-config": set[str](),
}
BROUGHT_SECRETS = {
    "foresite-signing-key": {"signing-key.pem"},
    "foresite-keytab": {"client.keytab"},
    "foresite-train-keytab": {"client.keytab"},
    "foresite-admin-keytab": {"client.keytab"},
    "foresite-source-keytab": {"client.keytab"},
    "foresite-serve-keytab": {"client.keytab"},
    "foresite-console-keytab": {"client.keytab"},
    "foresite-serve-tls": {"tls.crt", "tls.key", "ca.crt"},
    "foresite-serve-token": {"token"},
    "foresite-console-token": {"token"},
    "foresite-registry": {".dockerconfigjson"},
    "airflow-secrets": {"database", "fernet-key", "jwt-secret", "api-secret-key"},
    "airflow-users": {"passwords.json"},
}
#: Which of them the pods of a component may read; those of the stages stand in stage_needs.json.
SECRETS_OF = {
    "model-service": {"foresite-serve-keytab", "foresite-serve-tls", "foresite-serve-token"},
    "console": {
        "foresite-console-keytab",
        "foresite-serve-tls",
        "foresite-serve-token",
        "foresite-console-token",
    },
    # Of the certificate its authority alone: policy `console`.
    "airflow": {
        "airflow-secrets",
        "airflow-users",
        "foresite-serve-tls",
        "foresite-serve-token",
        "foresite-console-token",
    },
}
#: The components whose pods answer calls while they are rolled.
SERVING = {"model-service", "console"}
#: Offences that are meant: rendering and policy → how their sentences begin.
MEANT = {
    # Two cores and little memory: Airflow may burst.
    ("overlay local", "resources"): r"Deployment airflow-|Job airflow-",
}

#: What the account of Airflow may do: resource → verbs.
LAUNCHER = {
    "pods": {"create", "get", "list", "watch", "patch", "delete"},
    "pods/log": {"get"},
    "events": {"list", "watch"},
}

STAGES = "component=stage"
SERVICES = "component in (model-service, console)"
MODELS = "component=model-service"
CONSOLE = "component=console"
AIRFLOW = "component=airflow"
#: Addresses outside of the cluster, until an overlay names the site's own.
PRIVATE = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
DNS = "namespace metadata.name=kube-system and k8s-app=kube-dns"
HDFS_PORTS = ("TCP 8020", "TCP 9820", "TCP 9866")

#: Whose traffic, direction, the other end, ports.
Flow = tuple[str, str, str, tuple[str, ...]]
#: What may flow, by the part that brings it.
FLOWS: dict[str, set[Flow]] = {
    "base": {
        ("everything", "out", DNS, ("TCP 53", "UDP 53")),
        (STAGES, "out", PRIVATE, HDFS_PORTS),
        (AIRFLOW, "out", PRIVATE, ("TCP 443", "TCP 6443")),
        (AIRFLOW, "out", PRIVATE, ("TCP 5432",)),
        (AIRFLOW, "out", AIRFLOW, ("TCP 8080",)),
        ("name=airflow-api", "in", f"{AIRFLOW}, namespace airflow-client=true", ("TCP 8080",)),
    },
    "serving": {
        (SERVICES, "out", PRIVATE, HDFS_PORTS),
        (MODELS, "in", "namespace serving-client=true", ("TCP 8080", "TCP 8081")),
        (CONSOLE, "in", AIRFLOW, ("TCP 8080",)),
        (AIRFLOW, "out", CONSOLE, ("TCP 8080",)),
    },
    "airflow": {
        ("name=airflow-api", "out", AIRFLOW, ("TCP 8793", "TCP 8794")),
        (AIRFLOW, "in", "name=airflow-api", ("TCP 8793", "TCP 8794")),
    },
    "monitoring": {(SERVICES, "in", "namespace metadata.name=monitoring", ("TCP 9090",))},
    "kerberos": {("component in (stage, model-service, console)", "out", PRIVATE, ("TCP 88", "UDP 88"))},
}
#: What the overlay for production puts in the place of PRIVATE towards HDFS and the KDC.
PRODUCTION_HDFS = "10.64.64.0/20"
