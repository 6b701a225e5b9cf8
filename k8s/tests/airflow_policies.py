"""The policies of Airflow's own pods: what they ask, what they keep, what they set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flows import reaches
from manifests import Manifests, Object, Pod, pod_of, selects, source_of


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


def main(pod: Pod) -> Object:
    """The container that the pod is there for: the first, beside what keeps house for it."""
    found: Object = pod.spec["containers"][0]
    return found


def arguments_of(pod: Pod) -> dict[str, str]:
    """Options of the main container and their values."""
    options = (re.fullmatch(r"(--[a-z-]+)=(.*)", each) for each in main(pod).get("args", []))
    return {found[1]: found[2] for found in options if found}


ALL = (console,)
