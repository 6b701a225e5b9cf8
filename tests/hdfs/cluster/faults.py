"""What may go wrong on a cluster, on demand: daemons killed, frozen or full, a fail-over, corrupt blocks."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from cluster import lifecycle
from cluster.daemons import TOOLS, pid_of, send, start, tool
from cluster.health import active, namenode_state, wait_ready
from cluster.model import Cluster, ClusterError, Daemon

SIGNALS = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}


def find(cluster: Cluster, kind: str, k: int) -> Daemon:
    daemon = Daemon(kind, k)
    if daemon not in cluster.daemons():
        raise ClusterError(f"no {kind} {k}")
    return daemon


def control(cluster: Cluster, verb: str, daemon: Daemon) -> None:
    """Kills, pauses, resumes or starts one daemon."""
    if verb == "start":
        start(cluster, daemon)
        wait_ready(cluster, [daemon])
    elif not send(cluster, daemon, SIGNALS[verb]):
        raise ClusterError(f"{daemon.name} is not running")


def full_mark(cluster: Cluster, datanode: Daemon) -> Path:
    return cluster.state / "run" / f"{datanode.name}.full"


def fill(cluster: Cluster, datanode: Daemon) -> None:
    """Restarts a DataNode so that it has no byte to give: all of its disk is reserved for others."""
    full_mark(cluster, datanode).touch()
    restart_datanode(cluster, datanode, {"dfs.datanode.du.reserved": 1 << 60})


def empty(cluster: Cluster, datanode: Daemon) -> None:
    """Restarts a DataNode with its disk as it is."""
    full_mark(cluster, datanode).unlink(missing_ok=True)
    restart_datanode(cluster, datanode, {})


def heal(cluster: Cluster) -> None:
    """Undoes what the commands here did, except to data: frozen, ended and full daemons work again."""
    lifecycle.up(cluster)
    for datanode in cluster.daemons("datanode"):
        if full_mark(cluster, datanode).exists():
            empty(cluster, datanode)


def restart_datanode(cluster: Cluster, datanode: Daemon, extra: dict[str, object]) -> None:
    send(cluster, datanode, signal.SIGKILL)
    start(cluster, datanode, extra)
    wait_ready(cluster, [datanode])


def fail_over(cluster: Cluster) -> Daemon:
    """Makes the other NameNode the active one."""
    if not cluster.ha:
        raise ClusterError("one NameNode has nobody to fail over to; run: hdfs-cluster up --ha")
    old = active(cluster)
    others = [nn for nn in cluster.daemons("namenode") if nn != old and pid_of(cluster, nn)]
    new = next((nn for nn in others if namenode_state(cluster, nn)), None)
    if not new:
        raise ClusterError("no NameNode to fail over to")
    if old:
        tool(cluster, "client", TOOLS["haadmin"], "-failover", old.name, new.name)
    else:
        tool(cluster, "client", TOOLS["haadmin"], "-transitionToActive", "--forceactive", new.name)
        fence(cluster, new)
    return new


def fence(cluster: Cluster, active: Daemon) -> None:
    """Ends NameNodes that do not answer, as a cluster's fencing does: a frozen one that wakes would serve old state."""
    for namenode in cluster.daemons("namenode"):
        if namenode != active and not namenode_state(cluster, namenode):
            send(cluster, namenode, signal.SIGKILL)


def corrupt(cluster: Cluster, path: str, replicas: int | None) -> list[Path]:
    """Flips a byte in the middle of every block of a file, in so many replicas or all; the replica files."""
    report = tool(cluster, "client", TOOLS["fsck"], path, "-files", "-blocks")
    blocks = sorted(set(re.findall(r":(blk_\d+)_", report)))
    if not blocks:
        raise ClusterError(f"{path} has no blocks")
    damaged = []
    for block in blocks:
        found = sorted(path for path in (cluster.state / "data").rglob(block) if path.is_file())
        for replica in found[:replicas]:
            flip(replica)
            damaged.append(replica)
    return damaged


def flip(replica: Path) -> None:
    with replica.open("r+b") as file:
        middle = replica.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)
        file.seek(middle)
        file.write(bytes([byte[0] ^ 0xFF]))
