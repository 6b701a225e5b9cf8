"""The policies of Airflow's own pods: what they ask, what they keep, what they set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flows import reaches
from manifests import Manifests, Object, Pod, pod_of, quantity, selects, source_of


def console(manifests: Manifests) -> Iterator[str]:
    """Airflow's API server reaches the console, with the token and the trust that it asks for."""
    asking, answering = (manifests.find("Deployment", name) for name in ("airflow-api", "foresite-console"))
    if not asking or not answering:
        return
    server, client = pod_of(answering), pod_of(asking)
    arguments = arguments_of(server)
    known = manifests.environment(main(client))
    yield from address(manifests, known.get("FORESITE_CONSOLE_URL", ""), client, server)
    yield from token(client, server, arguments, known)
    yield from authority(client, server, arguments, known)


def address(manifests: Manifests, url: str, client: Pod, server: Pod) -> Iterator[str]:
    """The URL is that of a Service before the console, and the way to it is open."""
    is_secret = "--tls-certificate" in arguments_of(server)
    if not url.startswith("https://" if is_secret else "http://"):
        yield f"{client.origin}: FORESITE_CONSOLE_URL={url}, and the console speaks {'TLS' if is_secret else 'no TLS'}"
        return
    host, port = urlsplit(url).hostname or "", urlsplit(url).port
    service = manifests.find("Service", host)
    if not service or not selects({"matchLabels": service["spec"]["selector"]}, server.labels):
        yield f"{client.origin}: no Service of the console is called {host}"
        return
    offered = {each["name"]: each["containerPort"] for each in main(server).get("ports", [])}
    targets = {each["port"]: each.get("targetPort", each["port"]) for each in service["spec"]["ports"]}
    if port not in targets:
        yield f"{client.origin}: the Service {host} has no port {port}"
        return
    target = offered.get(targets[port], targets[port])
    if not reaches(manifests, client, server, target):
        yield f"{client.origin}: no policy opens its way to port {target} of the console"


def token(client: Pod, server: Pod, arguments: dict[str, str], known: dict[str, str]) -> Iterator[str]:
    """Both read the same key of the same Secret, or neither."""
    file, asked = known.get("FORESITE_CONSOLE_TOKEN_FILE"), arguments.get("--token-file")
    ours = source_of(client, main(client), file) if file else None
    theirs = source_of(server, main(server), asked) if asked else None
    if bool(file) != bool(asked):
        yield f"{client.origin}: its token is {file or 'none'}, the console's {asked or 'none'}"
    elif file and (not ours or not theirs or (ours.name, ours.key) != (theirs.name, theirs.key)):
        yield f"{client.origin}: reads its token from {ours}, the console from {theirs}"


def authority(client: Pod, server: Pod, arguments: dict[str, str], known: dict[str, str]) -> Iterator[str]:
    """It trusts who signed the console's certificate, and cannot read the key of it."""
    file, certificate = known.get("FORESITE_CONSOLE_CA_FILE"), arguments.get("--tls-certificate")
    if not certificate:
        return
    ours = source_of(client, main(client), file) if file else None
    theirs = source_of(server, main(server), certificate)
    if not ours or not theirs or ours.name != theirs.name or ours.key != "ca.crt":
        yield f"{client.origin}: trusts {ours or 'nobody'}, the console's certificate is of {theirs}"
    elif ours.beside != frozenset({"ca.crt"}):
        yield f"{client.origin}: mounts more of {ours.name} than the certificates of its authority"
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if main(server)[name]["httpGet"].get("scheme") != "HTTPS":
            yield f"{server.origin}: its {name} speaks no TLS"


#: Parts of Airflow that write logs to a folder.
WRITERS = ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
LOG_SERVER = 8793
#: Between two looks of the keeper logs may fill the rest.
FULLEST = 0.75


def logs(manifests: Manifests) -> Iterator[str]:
    """Logs are kept below the size of their volume, and those of tasks are found under a name that stays."""
    for name in WRITERS:
        deployment = manifests.find("Deployment", name)
        if deployment:
            pod = pod_of(deployment)
            folder = manifests.environment(main(pod))["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]
            yield from kept(manifests, pod, folder)
    scheduler, asking = (manifests.find("Deployment", name) for name in ("airflow-scheduler", "airflow-api"))
    if scheduler and asking:
        yield from served(manifests, pod_of(scheduler), pod_of(asking))


def kept(manifests: Manifests, pod: Pod, folder: str) -> Iterator[str]:
    """A second container keeps the volume of the logs below its size."""
    keeper = next((each for each in pod.spec["containers"] if each["name"] == "log-keeper"), None)
    volume = mounted(pod, main(pod), folder)
    if not keeper or not volume:
        yield f"{pod.origin}: nobody keeps its logs in {folder} within bounds"
        return
    if keeper["args"][0] != folder or mounted(pod, keeper, folder) != volume:
        yield f"{pod.origin}: its keeper looks into {keeper['args'][0]}, its logs are in {folder}"
    claim = manifests.find("PersistentVolumeClaim", volume.get("persistentVolumeClaim", {}).get("claimName", ""))
    size = claim["spec"]["resources"]["requests"]["storage"] if claim else volume["emptyDir"]["sizeLimit"]
    most = next(each.partition("=")[2] for each in keeper["args"] if each.startswith("--most-mib="))
    if quantity(f"{most}Mi") > FULLEST * quantity(size):
        yield f"{pod.origin}: its logs may take {most} MiB of a volume of {size}"
    limit = sum(quantity(each["resources"]["limits"]["ephemeral-storage"]) for each in pod.spec["containers"])
    if not claim and quantity(size) > limit:
        yield f"{pod.origin}: its logs may take {size}, more than its scratch"


def mounted(pod: Pod, container: Object, folder: str) -> Object | None:
    """The volume at a path of a container."""
    name = next((each["name"] for each in container["volumeMounts"] if each["mountPath"] == folder), None)
    return next((each for each in pod.spec.get("volumes", []) if each["name"] == name), None)


def served(manifests: Manifests, scheduler: Pod, asking: Pod) -> Iterator[str]:
    """The name that the scheduler's tasks leave in the database is a Service before whatever pod it has."""
    if manifests.environment(main(scheduler)).get("AIRFLOW__CORE__HOSTNAME_CALLABLE") != "socket.gethostname":
        yield f"{scheduler.origin}: its tasks are found under an address that goes with its pod"
        return
    service = manifests.find("Service", scheduler.spec.get("hostname", ""))
    if not service or not selects({"matchLabels": service["spec"]["selector"]}, scheduler.labels):
        yield f"{scheduler.origin}: no Service has the name that its tasks are found under"
        return
    offered = {each["name"]: each["containerPort"] for each in main(scheduler)["ports"]}
    targets = {each["port"]: each.get("targetPort", each["port"]) for each in service["spec"]["ports"]}
    target = targets.get(LOG_SERVER)
    if offered.get(str(target), target) != LOG_SERVER or not reaches(manifests, asking, scheduler, LOG_SERVER):
        yield f"{asking.origin}: does not reach the logs of the scheduler"


def claims(manifests: Manifests) -> Iterator[str]:
    """A volume is there for who mounts it, and one of one node for one pod at a time."""
    for deployment in manifests.of("Deployment"):
        for volume in pod_of(deployment).spec.get("volumes", []):
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            if not name:
                continue
            place, claim = f"Deployment {deployment['metadata']['name']}", manifests.find("PersistentVolumeClaim", name)
            if not claim:
                yield f"{place}: nobody makes the claim {name}"
            elif "ReadWriteMany" not in claim["spec"]["accessModes"] and (
                deployment["spec"].get("replicas") != 1 or deployment["spec"].get("strategy") != {"type": "Recreate"}
            ):
                yield f"{place}: two of its pods may want {name}, which only one can have"


def pools(manifests: Manifests) -> Iterator[str]:
    """A roll-out makes the pools that are missing, and leaves the slots of the others to the site."""
    job = manifests.find("Job", "airflow-migrate")
    if job:
        pod = pod_of(job)
        container = main(pod)
        if container.get("command") != ["python3", "-m", "foresite_airflow.pools"]:
            yield f"{pod.origin}: sets pools by {container.get('command')} {container.get('args')}"
        elif not source_of(pod, container, container["args"][0]):
            yield f"{pod.origin}: {container['args'][0]} is not mounted"


def main(pod: Pod) -> Object:
    """The container that the pod is there for: the first, beside what keeps house for it."""
    found: Object = pod.spec["containers"][0]
    return found


def arguments_of(pod: Pod) -> dict[str, str]:
    """Options of the main container and their values."""
    options = (re.fullmatch(r"(--[a-z-]+)=(.*)", each) for each in main(pod).get("args", []))
    return {found[1]: found[2] for found in options if found}


ALL = (console, logs, claims, pools)
