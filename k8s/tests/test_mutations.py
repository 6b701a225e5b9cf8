"""Each policy can fail: one thing broken in a rendering, one policy that says so."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import yaml

import policies
from expectations import FLOWS
from flows import denies_by_default, flows, undeclared
from manifests import Manifests, Object

Break = Callable[[Manifests], object]
SERVICE = "anomaly-detection"
TOKEN_FILE = "/var/run/secrets/foresite/token"


def spec(manifests: Manifests) -> Object:
    found: Object = manifests.one("Deployment", SERVICE)["spec"]["template"]["spec"]
    return found


def container(manifests: Manifests) -> Object:
    found: Object = spec(manifests)["containers"][0]
    return found


def template(stage: str, change: Callable[[Object], object]) -> Break:
    """Changes the pod template of a stage, which is text in a ConfigMap."""

    def broken(manifests: Manifests) -> None:
        data = manifests.one("ConfigMap", "foresite-pod-templates")["data"]
        pod = yaml.safe_load(data[f"{stage}.yaml"])
        change(pod["spec"])
        data[f"{stage}.yaml"] = yaml.safe_dump(pod)

    return broken


def of(name: str, change: Callable[[Object], object]) -> Break:
    """Changes the pod of a Deployment."""
    return lambda m: change(m.one("Deployment", name)["spec"]["template"]["spec"])


def variable(name: str, value: str) -> Callable[[Object], object]:
    """Gives the first container another value of a variable."""
    return lambda s: s["containers"][0]["env"].append({"name": name, "value": value})


def volume(name: str, **changes: object) -> Callable[[Object], object]:
    """Changes a volume of a pod; None takes a key away."""

    def change(spec: Object) -> None:
        found = next(each for each in spec["volumes"] if each["name"] == name)
        found.update(changes)
        for key in [key for key, value in found.items() if value is None]:
            del found[key]

    return change


def keeper(index: int, argument: str) -> Callable[[Object], object]:
    """Gives the keeper of the logs another argument."""
    return lambda s: s["containers"][1]["args"].__setitem__(index, argument)


def main_of_job(manifests: Manifests) -> Object:
    found: Object = manifests.one("Job", "airflow-migrate")["spec"]["template"]["spec"]["containers"][0]
    return found


def without(kind: str, name: str) -> Break:
    return lambda m: m.objects.remove(m.one(kind, name))


def secret(name: str) -> Object:
    return {"name": "more", "secret": {"secretName": name}}


def verbs(manifests: Manifests) -> list[str]:
    found: list[str] = manifests.one("Role", "foresite-launcher")["rules"][1]["verbs"]
    return found


BREAKS: list[tuple[str, str, Break]] = [
    ("restricted", "root", lambda m: spec(m)["securityContext"].update(runAsUser=0)),
    ("restricted", "host network", lambda m: spec(m).update(hostNetwork=True)),
    ("restricted", "no seccomp", template("derive", lambda s: s["securityContext"].pop("seccompProfile"))),
    ("restricted", "node's folder", template("derive", lambda s: s["volumes"].append({"name": "x", "hostPath": {}}))),
    ("restricted", "capability", lambda m: container(m)["securityContext"].update(capabilities={})),
    ("restricted", "writable root", lambda m: container(m)["securityContext"].pop("readOnlyRootFilesystem")),
    ("restricted", "more rights", lambda m: container(m)["securityContext"].pop("allowPrivilegeEscalation")),
    ("scratch", "no /tmp", template("train", lambda s: s["containers"][0]["volumeMounts"].pop(0))),
    ("scratch", "no bound", template("train", lambda s: s["volumes"][0]["emptyDir"].clear())),
    ("resources", "no request", template("ingest", lambda s: s["containers"][0]["resources"]["requests"].pop("cpu"))),
    ("resources", "CPU limit", lambda m: container(m)["resources"]["limits"].update(cpu="1")),
    ("resources", "burst", lambda m: container(m)["resources"]["limits"].update(memory="64Gi")),
    ("resources", "no limit", lambda m: container(m)["resources"]["limits"].pop("ephemeral-storage")),
    ("images", "latest", lambda m: container(m).update(image="foresite/serve:latest")),
    ("images", "no tag", lambda m: container(m).update(image="registry.example:5000/foresite/serve")),
    ("tokens", "token", lambda m: spec(m).update(automountServiceAccountToken=True)),
    ("tokens", "no account", without("ServiceAccount", "foresite-maintain")),
    ("tokens", "rights", lambda m: m.of("RoleBinding")[0]["subjects"].append({"name": "foresite-stage"})),
    ("launcher", "exec", lambda m: m.one("Role", "foresite-launcher")["rules"][1]["resources"].append("pods/exec")),
    ("launcher", "one more verb", lambda m: verbs(m).append("list")),
    ("launcher", "one less", lambda m: m.one("Role", "foresite-launcher")["rules"][0]["verbs"].remove("patch")),
    ("launcher", "other namespace", lambda m: m.of("RoleBinding")[0]["subjects"][0].update(namespace="elsewhere")),
    ("launcher", "whole cluster", lambda m: m.objects.append({"kind": "ClusterRole", "metadata": {"name": "x"}})),
    ("probes", "no probe", lambda m: container(m).pop("readinessProbe")),
    ("rolls", "fewer pods", lambda m: m.one("Deployment", SERVICE)["spec"].pop("strategy")),
    ("rolls", "no sleep", lambda m: container(m).pop("lifecycle")),
    ("rolls", "no time", lambda m: spec(m).update(terminationGracePeriodSeconds=5)),
    ("secrets", "key", template("derive", lambda s: s["volumes"].append(secret("foresite-signing-key")))),
    ("secrets", "no key", template("promote", lambda s: s["volumes"].pop())),
    (
        "secrets",
        "another principal",
        template("derive", lambda s: s["volumes"].append(secret("foresite-admin-keytab"))),
    ),
    ("secrets", "service", lambda m: spec(m)["volumes"].append(secret("foresite-keytab"))),
    (
        "secrets",
        "by the environment",
        template("derive", lambda s: s["containers"][0]["envFrom"].append({"secretRef": {"name": "foresite-keytab"}})),
    ),
    ("references", "no map", lambda m: container(m)["envFrom"].append({"configMapRef": {"name": "elsewhere"}})),
    ("references", "no secret", lambda m: spec(m)["volumes"].append(secret("elsewhere"))),
    ("references", "no priority", without("PriorityClass", "foresite-training")),
    ("references", "no runtime", without("RuntimeClass", "nvidia")),
    ("references", "no volume", template("derive", lambda s: s["volumes"].pop(0))),
    ("labels", "service", lambda m: m.one("Service", SERVICE)["spec"].update(selector={"app.kubernetes.io/name": "x"})),
    ("labels", "port", lambda m: m.one("Service", SERVICE)["spec"]["ports"][0].update(targetPort="web")),
    ("labels", "budget", lambda m: m.one("PodDisruptionBudget", SERVICE)["spec"]["selector"].update(matchLabels={})),
    ("labels", "own pods", lambda m: m.one("Deployment", SERVICE)["spec"]["selector"].update(matchLabels={"a": "b"})),
    ("scaling", "no target", without("Deployment", SERVICE)),
    ("scaling", "replicas", lambda m: m.one("Deployment", SERVICE)["spec"].update(replicas=3)),
    ("scaling", "no budget", without("PodDisruptionBudget", SERVICE)),
    ("console", "no URL", of("airflow-api", variable("FORESITE_CONSOLE_URL", ""))),
    ("console", "host", of("airflow-api", variable("FORESITE_CONSOLE_URL", "https://console:8080"))),
    ("console", "port", of("airflow-api", variable("FORESITE_CONSOLE_URL", "https://foresite-console:8443"))),
    ("console", "no TLS", of("airflow-api", variable("FORESITE_CONSOLE_URL", "http://foresite-console:8080"))),
    ("console", "service", lambda m: m.one("Service", "foresite-console")["spec"].update(selector={"a": "b"})),
    ("console", "no way out", without("NetworkPolicy", "airflow-to-console")),
    ("console", "no way in", without("NetworkPolicy", "console-ingress")),
    ("console", "no token", of("airflow-api", volume("token", secret=None))),
    ("console", "token", of("airflow-api", volume("token", secret={"secretName": "airflow-users"}))),
    (
        "console",
        "no question",
        of("foresite-console", lambda s: s["containers"][0]["args"].remove(f"--token-file={TOKEN_FILE}")),
    ),
    ("console", "no trust", of("airflow-api", volume("authority", secret=None))),
    ("console", "trust", of("airflow-api", variable("FORESITE_CONSOLE_CA_FILE", "/var/run/secrets/foresite/token"))),
    (
        "console",
        "the key too",
        of("airflow-api", volume("authority", secret={"secretName": "foresite-serve-tls"})),
    ),
    (
        "console",
        "probe",
        of("foresite-console", lambda s: s["containers"][0]["livenessProbe"]["httpGet"].pop("scheme")),
    ),
    ("logs", "no keeper", of("airflow-triggerer", lambda s: s["containers"].pop(1))),
    ("logs", "no volume", of("airflow-dag-processor", lambda s: s["containers"][0]["volumeMounts"].pop())),
    ("logs", "elsewhere", of("airflow-triggerer", keeper(0, "/tmp/logs"))),
    ("logs", "too many", of("airflow-triggerer", keeper(2, "--most-mib=2000"))),
    ("logs", "more than the claim", of("airflow-scheduler", keeper(2, "--most-mib=20000"))),
    ("logs", "scratch", of("airflow-triggerer", volume("logs", emptyDir={"sizeLimit": "20Gi"}))),
    (
        "logs",
        "address",
        of("airflow-scheduler", variable("AIRFLOW__CORE__HOSTNAME_CALLABLE", "airflow.utils.net.get_host_ip_address")),
    ),
    ("logs", "name", of("airflow-scheduler", lambda s: s.pop("hostname"))),
    ("logs", "port", lambda m: m.one("Service", "airflow-scheduler")["spec"]["ports"][0].update(targetPort="health")),
    ("logs", "no way", without("NetworkPolicy", "airflow-logs-out")),
    ("claims", "no claim", without("PersistentVolumeClaim", "airflow-logs")),
    ("claims", "two pods", lambda m: m.one("Deployment", "airflow-scheduler")["spec"].pop("strategy")),
    ("pools", "import", lambda m: main_of_job(m).update(command=["airflow"], args=["pools", "import", "x.json"])),
    ("pools", "no file", lambda m: main_of_job(m).update(args=["/etc/airflow/pools.json"])),
    ("scaling", "no growth", without("HorizontalPodAutoscaler", SERVICE)),
]


@pytest.mark.parametrize(("policy", "what", "broken"), BREAKS, ids=[f"{p}: {w}" for p, w, _ in BREAKS])
def test_a_policy_sees_what_is_broken(everything: Manifests, policy: str, what: str, broken: Break) -> None:
    changed = Manifests(what, copy.deepcopy(everything.objects))
    broken(changed)
    assert list(policies.ALL[policy](changed)) != []


def test_every_policy_was_broken() -> None:
    assert {policy for policy, _, _ in BREAKS} == set(policies.ALL)


@pytest.mark.parametrize(
    "change",
    [
        lambda rule: rule.pop("to"),
        lambda rule: rule.pop("ports"),
        lambda rule: rule["ports"].append({"protocol": "TCP", "port": 443}),
        lambda rule: rule["to"].append({"ipBlock": {"cidr": "0.0.0.0/0"}}),
        lambda rule: rule["to"].append({"podSelector": {}}),
    ],
    ids=["to everybody", "every port", "another port", "the world", "every pod"],
)
def test_one_more_flow_is_seen(renderings: dict[str, Manifests], change: Callable[[Object], object]) -> None:
    changed = Manifests("wider", copy.deepcopy(renderings["base"].objects))
    change(changed.one("NetworkPolicy", "stages-to-hdfs")["spec"]["egress"][0])
    assert flows(changed) != FLOWS["base"]


def test_a_fence_with_a_gap_is_seen(renderings: dict[str, Manifests]) -> None:
    changed = Manifests("open", copy.deepcopy(renderings["base"].objects))
    changed.one("NetworkPolicy", "default-deny")["spec"]["policyTypes"].remove("Egress")
    assert not denies_by_default(changed)
    changed.one("NetworkPolicy", "stages-to-hdfs")["spec"]["policyTypes"] = ["Ingress"]
    assert undeclared(changed) == ["stages-to-hdfs: has egress without the type Egress"]
