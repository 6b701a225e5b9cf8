"""What a cluster is: what `up` was asked for, where its state lies, which port belongs to whom."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAMESERVICE = "foresite"
REALM = "FORESITE.TEST"
USERS = ("foresite", "stranger")
HDFS = "org.apache.hadoop.hdfs"
PORTS = 60
"""How many ports above its base a cluster may use."""


class ClusterError(Exception):
    """One line for the person who runs the cluster."""


@dataclass(frozen=True)
class Kind:
    """A kind of daemon: its short name, main class, heap, first port and number of ports."""

    short: str
    main: str
    heap: str
    offset: int


KINDS = {
    "kdc": Kind("kdc", "", "", 19),
    "journalnode": Kind("jn", f"{HDFS}.qjournal.server.JournalNode", "96m", 10),
    "namenode": Kind("nn", f"{HDFS}.server.namenode.NameNode", "192m", 0),
    "datanode": Kind("dn", f"{HDFS}.server.datanode.DataNode", "128m", 20),
}


@dataclass(frozen=True)
class Daemon:
    """One daemon: `Daemon("namenode", 2)` is the second NameNode, `nn2`."""

    kind: str
    k: int

    @property
    def name(self) -> str:
        return f"{KINDS[self.kind].short}{self.k}"


@dataclass(frozen=True)
class Cluster:
    """What `up` was asked for; kept in the state folder, so that every later command knows it."""

    state: Path
    base_port: int
    address: str = "127.0.0.1"
    """Where clients reach the NameNodes, the DataNodes and the KDC; web pages and journals stay on localhost."""
    datanodes: int = 1
    ha: bool = False
    journalnodes: int = 1
    kerberos: bool = False
    protection: str = "privacy"
    ticket_life: str = "1d"
    renewable_life: str = "7d"
    settings: tuple[str, ...] = ()
    """Further Hadoop settings, `KEY=VALUE`."""

    def port(self, daemon: Daemon, service: int = 0) -> int:
        """Each daemon owns a fixed place above the base port: nn +0, jn +10, kdc +19, dn +20, dn 2 +23, ..."""
        return self.base_port + KINDS[daemon.kind].offset + 3 * (daemon.k - 1) + service

    def daemons(self, *kinds: str) -> list[Daemon]:
        """The daemons of these kinds, of all kinds without an argument."""
        counts = {
            "kdc": int(self.kerberos),
            "journalnode": self.journalnodes if self.ha else 0,
            "namenode": 1 + self.ha,
            "datanode": self.datanodes,
        }
        return [Daemon(kind, k) for kind in counts if not kinds or kind in kinds for k in range(1, counts[kind] + 1)]

    @property
    def uri(self) -> str:
        namenode = self.port(Daemon("namenode", 1))
        return f"hdfs://{NAMESERVICE}" if self.ha else f"hdfs://{self.address}:{namenode}"

    @property
    def service(self) -> str:
        """The daemons' principal. Hadoop's clients leave from the address that their principal names."""
        return f"hdfs/{'localhost' if self.address == '127.0.0.1' else self.address}"

    def data(self, daemon: Daemon) -> Path:
        return self.state / "data" / daemon.name

    def log(self, daemon: Daemon) -> Path:
        return self.state / "log" / f"{daemon.name}.log"

    def save(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        own = {key: value for key, value in asdict(self).items() if key != "state"}
        (self.state / "cluster.json").write_text(json.dumps(own))


def state_folder() -> Path:
    """Where the state of the cluster lies: `FORESITE_HDFS_DIR`, else a folder of this user."""
    named = os.environ.get("FORESITE_HDFS_DIR")
    return Path(named or Path(tempfile.gettempdir()) / f"foresite-hdfs-{os.getuid()}").absolute()


def base_port() -> int:
    """The first port of the cluster, `FORESITE_HDFS_PORT`."""
    text = os.environ.get("FORESITE_HDFS_PORT") or "19000"
    if not text.isdecimal() or not 1024 <= int(text) <= 65535 - PORTS:
        raise ClusterError(f"FORESITE_HDFS_PORT={text}: expected a port between 1024 and {65535 - PORTS}")
    return int(text)


def load() -> Cluster:
    """The cluster whose state lies in the state folder."""
    state = state_folder()
    try:
        known: dict[str, Any] = json.loads((state / "cluster.json").read_text())
    except FileNotFoundError:
        raise ClusterError(f"no cluster in {state}; run: hdfs-cluster up") from None
    return Cluster(**{**known, "state": state, "settings": tuple(known["settings"])})
