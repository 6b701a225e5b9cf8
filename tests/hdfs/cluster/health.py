"""What the daemons say of themselves, and waiting until they do their work."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

from cluster.daemons import pid_of
from cluster.model import Cluster, ClusterError, Daemon

WAIT_SECONDS = 90
"""For any daemon to become ready."""


def jmx(cluster: Cluster, daemon: Daemon, bean: str) -> dict[str, Any]:
    """A bean of the daemon's web page; empty while it does not answer."""
    url = f"http://127.0.0.1:{cluster.port(daemon, 1)}/jmx?qry=Hadoop:service={bean}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as reply:
            beans: list[dict[str, Any]] = json.load(reply)["beans"]
    except (OSError, ValueError):
        return {}
    return beans[0] if beans else {}


def namenode_state(cluster: Cluster, namenode: Daemon) -> str | None:
    """`active` or `standby`; None while the NameNode does not answer."""
    if not pid_of(cluster, namenode):
        return None
    state = jmx(cluster, namenode, "NameNode,name=NameNodeStatus").get("State")
    return str(state) if state else None


def active(cluster: Cluster) -> Daemon | None:
    return next((nn for nn in cluster.daemons("namenode") if namenode_state(cluster, nn) == "active"), None)


def ready(cluster: Cluster, daemon: Daemon) -> bool:
    """Whether the daemon does its work."""
    if daemon.kind == "kdc":
        with socket.socket() as probe:
            return probe.connect_ex((cluster.address, cluster.port(daemon))) == 0
    if daemon.kind == "journalnode":
        return bool(jmx(cluster, daemon, "JournalNode,name=JvmMetrics"))
    return namenode_ready(cluster, daemon) if daemon.kind == "namenode" else datanode_ready(cluster, daemon)


def namenode_ready(cluster: Cluster, namenode: Daemon) -> bool:
    """Out of safe mode, with every running DataNode."""
    state = jmx(cluster, namenode, "NameNode,name=FSNamesystemState")
    running = sum(bool(pid_of(cluster, datanode)) for datanode in cluster.daemons("datanode"))
    live: int = state.get("NumLiveDataNodes", 0)
    return state.get("FSState") == "Operational" and live >= running


def datanode_ready(cluster: Cluster, datanode: Daemon) -> bool:
    """Registered with every running NameNode."""
    info = jmx(cluster, datanode, "DataNode,name=DataNodeInfo").get("BPServiceActorInfo", "[]")
    links: list[dict[str, str]] = json.loads(info)
    registered = {int(link["NamenodeAddress"].rpartition(":")[2]) for link in links if link["ActorState"] == "RUNNING"}
    running = {cluster.port(nn) for nn in cluster.daemons("namenode") if pid_of(cluster, nn)}
    return bool(running) and running <= registered


def wait(cluster: Cluster, condition: Callable[[Daemon], object], watched: Iterable[Daemon]) -> None:
    """Waits until the condition holds for each daemon; gives up when one of them ends or the time is over."""
    daemons = list(watched)
    deadline = time.monotonic() + WAIT_SECONDS
    for daemon in daemons:
        while not condition(daemon):
            ended = [other for other in daemons if not pid_of(cluster, other)]
            if ended:
                raise ClusterError(complaint(cluster, ended[0], "ended"))
            if time.monotonic() > deadline:
                raise ClusterError(complaint(cluster, daemon, f"is not ready after {WAIT_SECONDS} s"))
            time.sleep(0.1)


def wait_ready(cluster: Cluster, watched: Iterable[Daemon]) -> None:
    wait(cluster, lambda daemon: ready(cluster, daemon), watched)


def complaint(cluster: Cluster, daemon: Daemon, what: str) -> str:
    """What happened, after the last lines of the daemon's log."""
    log = cluster.log(daemon)
    tail = log.read_text(errors="replace").splitlines()[-25:] if log.exists() else []
    return "\n".join([*tail, f"{daemon.name} {what}; its log: {log}"])
