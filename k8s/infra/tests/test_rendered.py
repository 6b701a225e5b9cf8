"""What the roles write: the keys that clients and daemons need, in a form that every reader takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import data_root
import pytest

from namenodes import NameNodes

CLIENT_HDFS = {
    "dfs.nameservices": "nameservice",
    "dfs.ha.namenodes.nameservice": "nn1,nn2",
    "dfs.client.failover.proxy.provider.nameservice": (
        "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
    ),
    "dfs.client.use.datanode.hostname": "true",
    "dfs.client.socket-timeout": "60000",
    "dfs.data.transfer.protection": "privacy",
    "dfs.encrypt.data.transfer.cipher.suites": "AES/CTR/NoPadding",
    "dfs.replication": "3",
    "dfs.blocksize": "134217728",
}
SERVER_HDFS = CLIENT_HDFS | {
    "dfs.namenode.shared.edits.dir": "qjournal://quorum-1.test:8485;quorum-2.test:8485;quorum-3.test:8485/nameservice",
    "dfs.ha.automatic-failover.enabled": "true",
    "dfs.ha.fencing.methods": "shell(/bin/true)",
    "dfs.namenode.avoid.write.stale.datanode": "true",
    "dfs.namenode.avoid.read.stale.datanode": "true",
    "dfs.http.policy": "HTTPS_ONLY",
    "dfs.block.access.token.enable": "true",
    "dfs.namenode.kerberos.principal": "hdfs/_HOST@FORESITE.TEST",
}
CLIENT_CORE = {
    "fs.defaultFS": "hdfs://nameservice",
    "hadoop.security.authentication": "kerberos",
    "hadoop.rpc.protection": "privacy",
}
DAEMONS = {"namenode": "namenode-1.test", "journalnode": "quorum-1.test", "datanode": "datanode-1.test"}


def properties(path: Path) -> dict[str, str]:
    pairs = [(row.findtext("name", ""), row.findtext("value", "")) for row in ElementTree.parse(path).getroot()]
    assert len(dict(pairs)) == len(pairs), f"{path} names a key twice"
    return dict(pairs)


def folders(site: Path) -> dict[str, Path]:
    servers = {daemon: site / host / "etc/hadoop" / daemon for daemon, host in DAEMONS.items()}
    return servers | {"edge": site / "edge-1.test/etc/hadoop/conf", "pods": site / "localhost/export"}


def test_clients_and_pods_get_the_same(site: Path, listening: NameNodes) -> None:
    where = folders(site)
    for file in ("core-site.xml", "hdfs-site.xml"):
        assert (where["pods"] / file).read_text() == (where["edge"] / file).read_text()
    found = properties(where["pods"] / "hdfs-site.xml")
    port = listening.port
    addresses = {f"dfs.namenode.rpc-address.nameservice.nn{n}": f"127.0.0.1{n}:{port}" for n in (1, 2)}
    assert CLIENT_HDFS | addresses == {key: found.get(key) for key in CLIENT_HDFS | addresses}
    found = properties(where["pods"] / "core-site.xml")
    assert {key: found.get(key) for key in CLIENT_CORE} == CLIENT_CORE


def test_clients_learn_nothing_of_servers(site: Path) -> None:
    found = properties(folders(site)["pods"] / "hdfs-site.xml")
    assert [key for key in found if "keytab" in key or "edits" in key or ".dir" in key] == []


@pytest.mark.parametrize("daemon", DAEMONS)
def test_daemons_have_every_key(site: Path, daemon: str) -> None:
    found = properties(folders(site)[daemon] / "hdfs-site.xml")
    assert {key: found.get(key) for key in SERVER_HDFS} == SERVER_HDFS
    quorum = properties(folders(site)[daemon] / "core-site.xml")["ha.zookeeper.quorum"]
    assert quorum == "quorum-1.test:2181,quorum-2.test:2181,quorum-3.test:2181"


def test_a_namenode_knows_which_it_is(site: Path) -> None:
    found = properties(folders(site)["namenode"] / "hdfs-site.xml")
    assert (found["dfs.nameservice.id"], found["dfs.ha.namenode.id"]) == ("nameservice", "nn1")
    assert "dfs.ha.namenode.id" not in properties(folders(site)["datanode"] / "hdfs-site.xml")


def test_only_namenodes_know_the_groups_of_the_principals(site: Path) -> None:
    key = "hadoop.user.group.static.mapping.overrides"
    found = {name: properties(folder / "core-site.xml").get(key) for name, folder in folders(site).items()}
    assert found.pop("namenode") == f"{data_root.groups()};dr.who="
    assert set(found.values()) == {None}


def test_values_are_plain(site: Path) -> None:
    """Our client neither replaces variables nor trims, and reads milliseconds as a number."""
    checked = 0
    for folder in folders(site).values():
        for file in ("core-site.xml", "hdfs-site.xml"):
            for key, value in properties(folder / file).items():
                checked += 1
                assert value, key
                assert value == value.strip(), key
                assert "${" not in value, key
                assert not re.fullmatch(r"\d+(ms|s|m|h|d)", value), f"{key} has a unit"
    assert checked > 200


def test_passwords_are_escaped_and_closed(site: Path) -> None:
    path = folders(site)["namenode"] / "ssl-server.xml"
    assert properties(path)["ssl.server.keystore.password"] == "not a secret: <&>"
    for closed in (path, path.with_name("ssl-client.xml"), path.with_name("zookeeper-auth")):
        assert closed.stat().st_mode & 0o777 == 0o400


def test_a_decommissioned_host_is_named(site: Path) -> None:
    assert (folders(site)["namenode"] / "decommissioned").read_text() == "datanode-3.test\n"


def test_zookeeper_knows_its_peers(site: Path) -> None:
    host = site / "quorum-1.test"
    assert (host / "var/lib/zookeeper/myid").read_text().strip() == "1"
    lines = (host / "etc/zookeeper/foresite/zoo.cfg").read_text().splitlines()
    assert [line for line in lines if line.startswith("server.")] == [
        f"server.{n}=quorum-{n}.test:2888:3888" for n in (1, 2, 3)
    ]


def test_containerd_reads_its_parts_before_any_table(site: Path) -> None:
    lines = (site / "gpu-1.test/etc/containerd/config.toml").read_text().splitlines()
    assert lines[:2] == ["version = 2", 'imports = ["/etc/containerd/conf.d/*.toml"]']
    part = (site / "gpu-1.test/etc/containerd/conf.d/50-nvidia.toml").read_text()
    assert "containerd.runtimes.nvidia]" in part


def test_units_are_confined(site: Path) -> None:
    units = sorted(site.glob("*/etc/systemd/system/*.service"))
    names = {unit.name for unit in units}
    assert {"zookeeper.service", *(f"hadoop-{unit}.service" for unit in (*DAEMONS, "zkfc"))} == names
    wanted = {"NoNewPrivileges=true", "ProtectSystem=strict", "PrivateTmp=true", "CapabilityBoundingSet="}
    for unit in units:
        assert wanted <= set(unit.read_text().splitlines()), unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze on this machine")
def test_systemd_takes_the_units(site: Path, tmp_path: Path) -> None:
    """The programs of the units are not on this machine: any that is stands for them."""
    for unit in site.glob("*/etc/systemd/system/*.service"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    units = [str(path) for path in sorted(tmp_path.glob("*.service"))]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False
    )
    about = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert about == []
