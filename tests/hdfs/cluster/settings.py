"""The configuration of Hadoop: what all share, what one daemon needs, and the folders that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from cluster.model import HDFS, NAMESERVICE, REALM, Cluster, Daemon

Settings = dict[str, object]

LOG4J = """log4j.rootLogger={level},console
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{{ISO8601}} %p %c{{1}}: %m%n
"""
COMMON: Settings = {
    "dfs.blocksize": 1 << 20,  # small files cross blocks
    "dfs.namenode.fs-limits.min-block-size": 4096,
    "dfs.namenode.safemode.extension": 0,
    "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    # Together: a silent DataNode is dead after 12 s.
    "dfs.heartbeat.interval": 1,
    "dfs.namenode.heartbeat.recheck-interval": 1000,
    "dfs.namenode.redundancy.interval.seconds": 1,
    "dfs.namenode.handler.count": 4,
    "dfs.datanode.handler.count": 2,
    # Tickets may live for minutes only.
    "hadoop.kerberos.min.seconds.before.relogin": 10,
}


def shared(cluster: Cluster) -> Settings:
    """The settings that every daemon and client share."""
    settings: Settings = {
        "fs.defaultFS": cluster.uri,
        "hadoop.tmp.dir": cluster.state / "tmp",
        "dfs.replication": min(3, cluster.datanodes),
        **COMMON,
    }
    settings |= high_availability(cluster) if cluster.ha else namenode_addresses(cluster, "", Daemon("namenode", 1))
    if cluster.kerberos:
        settings |= security(cluster)
    return settings | dict(pair.split("=", 1) for pair in cluster.settings)


def namenode_addresses(cluster: Cluster, suffix: str, namenode: Daemon) -> Settings:
    return {
        f"dfs.namenode.rpc-address{suffix}": f"{cluster.address}:{cluster.port(namenode)}",
        f"dfs.namenode.http-address{suffix}": f"localhost:{cluster.port(namenode, 1)}",
    }


def high_availability(cluster: Cluster) -> Settings:
    journals = ";".join(f"localhost:{cluster.port(journal)}" for journal in cluster.daemons("journalnode"))
    provider = f"{HDFS}.server.namenode.ha.ConfiguredFailoverProxyProvider"
    settings: Settings = {
        "dfs.nameservices": NAMESERVICE,
        f"dfs.ha.namenodes.{NAMESERVICE}": "nn1,nn2",
        f"dfs.client.failover.proxy.provider.{NAMESERVICE}": provider,
        "dfs.namenode.shared.edits.dir": f"qjournal://{journals}/{NAMESERVICE}",
        "dfs.ha.fencing.methods": "shell(/bin/true)",  # the journal's epochs do the fencing
        "dfs.ha.nn.not-become-active-in-safemode": "false",
        "dfs.ha.tail-edits.period": 1,
    }
    for namenode in cluster.daemons("namenode"):
        settings |= namenode_addresses(cluster, f".{NAMESERVICE}.{namenode.name}", namenode)
    return settings


def security(cluster: Cluster) -> Settings:
    keytab = cluster.state / "kdc/hdfs.keytab"
    settings: Settings = {
        "hadoop.security.authentication": "kerberos",
        "hadoop.security.authorization": "true",
        "hadoop.rpc.protection": cluster.protection,
        "dfs.data.transfer.protection": cluster.protection,
        "dfs.block.access.token.enable": "true",
        "ignore.secure.ports.for.testing": "true",  # no root and no TLS needed for the DataNodes
        "dfs.web.authentication.kerberos.principal": f"HTTP/localhost@{REALM}",
        "dfs.web.authentication.kerberos.keytab": keytab,
    }
    for kind in ("namenode", "datanode", "journalnode"):
        settings |= {
            f"dfs.{kind}.kerberos.principal": f"{cluster.service}@{REALM}",
            f"dfs.{kind}.keytab.file": keytab,
            f"dfs.{kind}.kerberos.internal.spnego.principal": f"HTTP/localhost@{REALM}",
        }
    return settings


def of_daemon(cluster: Cluster, daemon: Daemon) -> Settings:
    """The settings that only this daemon has."""
    if daemon.kind == "namenode":
        ha = {"dfs.nameservice.id": NAMESERVICE, "dfs.ha.namenode.id": daemon.name} if cluster.ha else {}
        return {"dfs.namenode.name.dir": cluster.data(daemon), **ha}
    if daemon.kind == "journalnode":
        return {
            "dfs.journalnode.edits.dir": cluster.data(daemon),
            "dfs.journalnode.rpc-address": f"localhost:{cluster.port(daemon)}",
            "dfs.journalnode.http-address": f"localhost:{cluster.port(daemon, 1)}",
        }
    return {
        "dfs.datanode.data.dir": cluster.data(daemon),
        # Find a NameNode as soon as it is up: after the retries comes a pause of 5 s.
        "ipc.client.connect.retry.interval": 100,
        "ipc.client.connect.max.retries": 600,
        "dfs.datanode.address": f"{cluster.address}:{cluster.port(daemon)}",
        "dfs.datanode.http.address": f"127.0.0.1:{cluster.port(daemon, 1)}",
        "dfs.datanode.ipc.address": f"{cluster.address}:{cluster.port(daemon, 2)}",
    }


def write(folder: Path, settings: Mapping[str, object], level: str) -> None:
    """Writes a configuration folder, with the level of the log."""
    # The jars lack the web pages; the servers want their folders.
    for app in ("hdfs", "datanode", "journal", "static"):
        (folder / "webapps" / app).mkdir(parents=True, exist_ok=True)
    for file, is_hdfs in (("core-site.xml", False), ("hdfs-site.xml", True)):
        rows = [
            f"<property><name>{key}</name><value>{escape(str(value))}</value></property>"
            for key, value in settings.items()
            if key.startswith("dfs.") == is_hdfs
        ]
        (folder / file).write_text("\n".join(["<configuration>", *rows, "</configuration>", ""]))
    (folder / "log4j.properties").write_text(LOG4J.format(level=level))


def client_folder(cluster: Cluster) -> Path:
    """What HADOOP_CONF_DIR of a client names."""
    return cluster.state / "conf" / "client"
