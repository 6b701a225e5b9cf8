"""The policies: each looks at a rendering and yields a sentence per offence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from foresite_airflow import stage_needs

import airflow_policies
import expectations
from manifests import Manifests, Object, Pod, pod_of, selects

Policy = Callable[[Manifests], Iterator[str]]


def restricted(manifests: Manifests) -> Iterator[str]:
    """Pod Security's level `restricted`, and a root file system that nobody can write to."""
    for pod in manifests.pods():
        yield from (f"{pod.origin}: {what}" for what in unrestricted(pod))
        for container in pod.containers:
            context = container.get("securityContext", {})
            place = f"{pod.origin}, container {container['name']}"
            if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
                yield f"{place}: may gain rights"
            if context.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{place}: keeps capabilities"
            if context.get("readOnlyRootFilesystem") is not True:
                yield f"{place}: may write to its root"


def unrestricted(pod: Pod) -> Iterator[str]:
    context = pod.spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(shared):
            yield f"asks for {shared}"
    if any("hostPath" in volume for volume in pod.spec.get("volumes", [])):
        yield "mounts a folder of its node"


def scratch(manifests: Manifests) -> Iterator[str]:
    """With a read-only root there must be somewhere to write, bounded."""
    for pod in manifests.pods():
        bounded = {
            volume["name"] for volume in pod.spec.get("volumes", []) if volume.get("emptyDir", {}).get("sizeLimit")
        }
        for volume in pod.spec.get("volumes", []):
            if "emptyDir" in volume and volume["name"] not in bounded:
                yield f"{pod.origin}: emptyDir {volume['name']} has no size limit"
        for container in pod.spec["containers"]:
            places = {mount["mountPath"] for mount in container.get("volumeMounts", []) if mount["name"] in bounded}
            if "/tmp" not in places:  # noqa: S108, a path inside the container
                yield f"{pod.origin}, container {container['name']}: /tmp is not writable"


def resources(manifests: Manifests) -> Iterator[str]:
    """Memory is requested in full, CPU without a limit, scratch with one."""
    for pod in manifests.pods():
        for container in pod.containers:
            place = f"{pod.origin}, container {container['name']}"
            given = container.get("resources", {})
            requests, limits = given.get("requests", {}), given.get("limits", {})
            for name in ("cpu", "memory", "ephemeral-storage"):
                if name not in requests:
                    yield f"{place}: requests no {name}"
            if "cpu" in limits:
                yield f"{place}: limits its CPU, which throttles it beside idle cores"
            if requests.get("memory") != limits.get("memory"):
                yield f"{place}: the limit of its memory is not what it requests"
            if "ephemeral-storage" not in limits:
                yield f"{place}: does not limit its scratch"


def images(manifests: Manifests) -> Iterator[str]:
    """A tag or digest that says which build it is."""
    for pod in manifests.pods():
        for container in pod.containers:
            name, at, _ = container["image"].partition("@sha256:")
            tag = name.rpartition("/")[2].partition(":")[2]
            if not at and tag in {"", "latest"}:
                yield f"{pod.origin}: image {container['image']} says no version"


def tokens(manifests: Manifests) -> Iterator[str]:
    """Only Airflow, which starts pods, gets a token of the API server; each account exists."""
    accounts = {found["metadata"]["name"]: found for found in manifests.of("ServiceAccount")}
    for name, account in accounts.items():
        if name != "foresite-airflow" and account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {name}: its pods get a token"
    for pod in manifests.pods():
        name = pod.spec.get("serviceAccountName")
        if name not in accounts:
            yield f"{pod.origin}: account {name} does not exist"
        if pod.component != "airflow" and pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.origin}: gets a token"
        if pod.component == "airflow" or name == "foresite-airflow":
            continue
        bound = [
            binding["metadata"]["name"]
            for binding in manifests.of("RoleBinding", "ClusterRoleBinding")
            for subject in binding.get("subjects", [])
            if subject["name"] == name
        ]
        if bound:
            yield f"{pod.origin}: its account {name} has the rights of {', '.join(bound)}"


def launcher(manifests: Manifests) -> Iterator[str]:
    """The rights of Airflow's account, no more and no less."""
    granted: dict[str, set[str]] = {}
    bound = [
        binding["roleRef"]
        for binding in manifests.of("RoleBinding", "ClusterRoleBinding")
        for subject in binding["subjects"]
        # An account of that name in another namespace is another one.
        if subject["name"] == "foresite-airflow" and subject.get("namespace") == binding["metadata"].get("namespace")
    ]
    for reference in bound:
        for rule in manifests.one(reference["kind"], reference["name"])["rules"]:
            for resource in rule["resources"]:
                granted.setdefault(resource, set()).update(rule["verbs"])
    if granted != expectations.LAUNCHER:
        yield f"foresite-airflow may {granted}, expected {expectations.LAUNCHER}"
    if manifests.of("ClusterRole", "ClusterRoleBinding"):
        yield "rights on the whole cluster"


def probes(manifests: Manifests) -> Iterator[str]:
    """Whoever answers calls says whether it can."""
    for deployment in manifests.of("Deployment"):
        pod = pod_of(deployment)
        if any(
            selects({"matchLabels": service["spec"]["selector"]}, pod.labels) for service in manifests.of("Service")
        ):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if not any(probe in container for container in pod.spec["containers"]):
                    yield f"{pod.origin}: has no {probe}"


def rolls(manifests: Manifests) -> Iterator[str]:
    """A roll-out of a service never has fewer pods than before, and lets calls drain."""
    for deployment in manifests.of("Deployment"):
        pod = pod_of(deployment)
        if pod.component not in expectations.SERVING:
            continue
        strategy = deployment["spec"].get("strategy", {}).get("rollingUpdate", {})
        if strategy.get("maxUnavailable") != 0:
            yield f"{pod.origin}: takes pods away before others are ready"
        sleep = pod.spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if not 0 < sleep < pod.spec.get("terminationGracePeriodSeconds", 30):
            yield f"{pod.origin}: does not wait for the proxies before it stops"


def secrets(manifests: Manifests) -> Iterator[str]:
    """A pod mounts the Secrets that were agreed on, and a stage exactly those of its needs."""
    needs = stage_needs.stages()
    for pod in manifests.pods():
        mounted = pod.references("secret")
        stage = pod.labels.get("foresite/stage")
        if stage:
            wanted = dict.fromkeys(needs[stage].secrets, True) | {needs[stage].keytab: False}
            if mounted != wanted:
                yield f"{pod.origin}: mounts {mounted}, its needs are {wanted} (name: must be there)"
        elif pod.component in expectations.SECRETS_OF:
            for name in set(mounted) - expectations.SECRETS_OF[pod.component]:
                yield f"{pod.origin}: mounts the Secret {name}"
        for name in {name for names in needs.values() for name in names.secrets} if not stage else ():
            if name in mounted:
                yield f"{pod.origin}: mounts {name}, which belongs to a stage"


def references(manifests: Manifests) -> Iterator[str]:
    """Whatever a pod names is there, or is on the list of what a site brings along."""
    made = {
        "ConfigMap": manifests.names("ConfigMap") | set(expectations.BROUGHT_CONFIG_MAPS),
        "Secret": manifests.names("Secret") | set(expectations.BROUGHT_SECRETS),
        "PriorityClass": manifests.names("PriorityClass"),
        "RuntimeClass": manifests.names("RuntimeClass"),
    }
    for pod in manifests.pods():
        named = {
            "ConfigMap": set(pod.references("configMap")),
            "Secret": set(pod.references("secret")),
            "PriorityClass": {pod.spec.get("priorityClassName", "(none)")},
            "RuntimeClass": {pod.spec["runtimeClassName"]} if "runtimeClassName" in pod.spec else set(),
        }
        for kind, names in named.items():
            yield from (f"{pod.origin}: nobody makes the {kind} {name}" for name in names - made[kind])
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        for container in pod.containers:
            for name in {mount["name"] for mount in container.get("volumeMounts", [])} - volumes:
                yield f"{pod.origin}: mounts the volume {name}, which it does not have"


def labels(manifests: Manifests) -> Iterator[str]:
    """Selectors meet the pods that they mean, and one workload each."""
    pods = [pod_of(found) for found in manifests.workloads()]
    for deployment in manifests.of("Deployment"):
        pod = pod_of(deployment)
        if not selects(deployment["spec"]["selector"], pod.labels):
            yield f"{pod.origin}: does not select its own pods"
        for name in ("app.kubernetes.io/part-of", "app.kubernetes.io/name", "app.kubernetes.io/component"):
            if name not in pod.labels:
                yield f"{pod.origin}: its pods lack the label {name}"
    for service in manifests.of("Service"):
        met = [pod for pod in pods if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        yield from single(f"Service {service['metadata']['name']}", met)
        if len(met) == 1:
            yield from closed_ports(service, met[0])
    for budget in manifests.of("PodDisruptionBudget"):
        met = [pod for pod in pods if selects(budget["spec"]["selector"], pod.labels)]
        yield from single(f"PodDisruptionBudget {budget['metadata']['name']}", met)


def closed_ports(service: Object, pod: Pod) -> Iterator[str]:
    offered = {port["name"]: port["containerPort"] for each in pod.containers for port in each.get("ports", [])}
    for port in service["spec"]["ports"]:
        target = port.get("targetPort", port["port"])
        if target not in offered and target not in offered.values():
            yield f"Service {service['metadata']['name']}: nobody listens on its port {port['name']}"


def single(what: str, met: list[Pod]) -> Iterator[str]:
    if len(met) != 1:
        yield f"{what}: selects {[pod.origin for pod in met] or 'nothing'}"


def scaling(manifests: Manifests) -> Iterator[str]:
    """An autoscaler has its Deployment, sets the replicas alone, and leaves one pod to a drained node."""
    targets = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in manifests.of("HorizontalPodAutoscaler")}
    for name in targets - manifests.names("Deployment"):
        yield f"HorizontalPodAutoscaler: no Deployment {name}"
    for deployment in manifests.of("Deployment"):
        name = deployment["metadata"]["name"]
        pod = pod_of(deployment)
        if name in targets and "replicas" in deployment["spec"]:
            yield f"Deployment {name}: an apply would set the replicas that its autoscaler chose"
        if pod.component not in expectations.SERVING:
            continue
        if not any(selects(budget["spec"]["selector"], pod.labels) for budget in manifests.of("PodDisruptionBudget")):
            yield f"Deployment {name}: a drain may take all of its pods"
        if pod.component == "model-service" and name not in targets:
            yield f"Deployment {name}: does not grow"


ALL: dict[str, Policy] = {
    policy.__name__: policy
    for policy in (
        restricted, scratch, resources, images, tokens, launcher, probes, rolls, secrets, references, labels, scaling,
        *airflow_policies.ALL,
    )
}  # fmt: skip
