"""NetworkPolicies as a table of flows, so that they can be compared with the one that was agreed on."""

from __future__ import annotations

from expectations import Flow
from manifests import Manifests, Object, Pod, selects


def flows(manifests: Manifests) -> set[Flow]:
    """Every allowed flow of a rendering."""
    found: set[Flow] = set()
    for policy in manifests.of("NetworkPolicy"):
        spec = policy["spec"]
        who = spoken(spec["podSelector"])
        for direction, rules, end in (("in", "ingress", "from"), ("out", "egress", "to")):
            for rule in spec.get(rules, []):
                # No list of peers means everybody, and no list of ports every port.
                peers = ", ".join(peer(each) for each in rule[end]) if end in rule else "everybody"
                ports = tuple(sorted(f"{port['protocol']} {port['port']}" for port in rule.get("ports", [])))
                found.add((who, direction, peers, ports or ("every port",)))
    return found


def reaches(manifests: Manifests, source: Pod, target: Pod, port: int) -> bool:
    """Whether policies let a pod of the namespace call another's port: one lets it out, and one lets it in."""
    return allowed(manifests, ("egress", "to"), source, target, port) and allowed(
        manifests, ("ingress", "from"), target, source, port
    )


def allowed(manifests: Manifests, way: tuple[str, str], held: Pod, other: Pod, port: int) -> bool:
    rules, end = way
    return any(
        selects(policy["spec"]["podSelector"], held.labels)
        and {"protocol": "TCP", "port": port} in rule.get("ports", [])
        and any(
            "namespaceSelector" not in peer and selects(peer["podSelector"], other.labels)
            for peer in rule[end]
            if "podSelector" in peer
        )
        for policy in manifests.of("NetworkPolicy")
        for rule in policy["spec"].get(rules, [])
    )


def denies_by_default(manifests: Manifests) -> bool:
    """Whether some policy takes every pod and both directions, and lets nothing through."""
    return any(
        policy["spec"]["podSelector"] == {}
        and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not policy["spec"].get("ingress")
        and not policy["spec"].get("egress")
        for policy in manifests.of("NetworkPolicy")
    )


def undeclared(manifests: Manifests) -> list[str]:
    """Policies whose rules count for nothing, because their type does not name the direction."""
    return [
        f"{policy['metadata']['name']}: has {rules} without the type {kind}"
        for policy in manifests.of("NetworkPolicy")
        for rules, kind in (("ingress", "Ingress"), ("egress", "Egress"))
        if policy["spec"].get(rules) and kind not in policy["spec"]["policyTypes"]
    ]


def peer(end: Object) -> str:
    if "ipBlock" in end:
        return str(end["ipBlock"]["cidr"])
    parts = []
    if "namespaceSelector" in end:
        parts.append(f"namespace {spoken(end['namespaceSelector'])}")
    if "podSelector" in end:
        parts.append(spoken(end["podSelector"]))
    return " and ".join(parts)


def spoken(selector: Object) -> str:
    """A selector in short: labels without the domain that they share."""
    parts = [f"{short(key)}={value}" for key, value in selector.get("matchLabels", {}).items()]
    parts += [
        f"{short(each['key'])} {each['operator'].lower()} ({', '.join(each.get('values', []))})"
        for each in selector.get("matchExpressions", [])
    ]
    return " and ".join(parts) or "everything"


def short(label: str) -> str:
    domain, _, name = label.rpartition("/")
    known = ("app.kubernetes.io", "foresite.dev", "kubernetes.io")
    return name if domain in known else label
