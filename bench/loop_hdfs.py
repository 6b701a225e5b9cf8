"""The way back on HDFS: what `rebuild` and `replay` left on this machine, put on a cluster by Hadoop's own client.

Runs inside `tests/hdfs/hdfs-cluster run … --`.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

from loop_network import Network
from measure import ROOT

CLUSTER = ROOT / "tests" / "hdfs" / "hdfs-cluster"
#: What stages read once the files of the network have been taken in.
FOLDERS = ("keys", "lineage", "models", "tables")
THREADS = "8"


def copied(network: Network) -> Network:
    """The network with its data root on the cluster."""
    url = f"{os.environ['HDFS_URI']}/user/foresite/loop/{network.root.name}"
    folders = [folder for name in FOLDERS if (folder := network.root / name).exists()]
    dfs("-mkdir", "-p", url)
    dfs("-put", "-t", THREADS, *map(str, folders), url)
    return replace(network, data_root=url)


def dfs(*arguments: str) -> None:
    """Hadoop's shell."""
    subprocess.run([CLUSTER, "dfs", *arguments], check=True)
