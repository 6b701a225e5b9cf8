"""Processes: starting a daemon, finding it again, sending it signals; running Hadoop's own tools."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import jars, realm, settings
from cluster.model import HDFS, KINDS, REALM, Cluster, ClusterError, Daemon

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOOLS = {
    "dfs": "org.apache.hadoop.fs.FsShell",
    "dfsadmin": f"{HDFS}.tools.DFSAdmin",
    "fsck": f"{HDFS}.tools.DFSck",
    "haadmin": f"{HDFS}.tools.DFSHAAdmin",
}
JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    "-Djava.net.preferIPv4Stack=true",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals wait until the block ends, so that no process starts without its pid being noted."""
    caught: list[int] = []
    before = {number: signal.signal(number, lambda got, _: caught.append(got)) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def started_at(pid: int) -> str | None:
    """The start time of a live process, None if there is none: tells a process from a later one with its pid."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def pid_of(cluster: Cluster, daemon: Daemon) -> int | None:
    """The pid of a running daemon."""
    try:
        pid, start = (cluster.state / "run" / daemon.name).read_text().split()
    except FileNotFoundError:
        return None
    return int(pid) if started_at(int(pid)) == start else None


def send(cluster: Cluster, daemon: Daemon, number: signal.Signals) -> bool:
    """Sends a signal, and after SIGKILL waits for the end; false if the daemon does not run."""
    pid = pid_of(cluster, daemon)
    if not pid:
        return False
    os.kill(pid, number)
    while number == signal.SIGKILL and pid_of(cluster, daemon):
        time.sleep(0.01)
    return True


def java(cluster: Cluster, conf: str, main: str, *arguments: str, heap: str = "96m") -> list[str]:
    """The command of a Java program with a configuration folder of the cluster."""
    classpath = ":".join([str(cluster.state / "conf" / conf), *map(str, jars.jars())])
    # Temporary files go with the cluster's other data.
    own = [
        f"-Djava.security.krb5.conf={cluster.state}/kdc/krb5.conf",
        f"-Dhadoop.log.dir={cluster.state}/log",
        f"-Djava.io.tmpdir={cluster.state}/log",
    ]
    return [jars.java(), f"-Xmx{heap}", *JVM, *own, "-cp", classpath, main, *arguments]


def environment(cluster: Cluster, *, superuser: bool) -> dict[str, str]:
    """The environment of a child: of the superuser, or of whom the environment names, else the superuser."""
    env = os.environ | realm.environment(cluster) | {"PATH": realm.path(), "MALLOC_ARENA_MAX": "2"}
    if superuser or not {"HADOOP_USER_NAME", "KRB5KEYTAB", "KRB5CCNAME"} & env.keys():
        keytab = f"{cluster.state}/kdc/hdfs.keytab"
        env |= {"HADOOP_USER_NAME": "hdfs", "KRB5PRINCIPAL": f"{cluster.service}@{REALM}", "KRB5KEYTAB": keytab}
    return env


def start(cluster: Cluster, daemon: Daemon, extra: settings.Settings | None = None) -> bool:
    """Starts a daemon with further settings; false if it runs already."""
    if pid_of(cluster, daemon):
        return False
    if daemon.kind == "kdc":
        command = ["krb5kdc", "-n"]
    else:
        own = settings.shared(cluster) | settings.of_daemon(cluster, daemon) | (extra or {})
        settings.write(cluster.state / "conf" / daemon.name, own, "INFO")
        command = java(cluster, daemon.name, KINDS[daemon.kind].main, heap=KINDS[daemon.kind].heap)
    env = environment(cluster, superuser=True)
    with cluster.log(daemon).open("ab") as log, uninterrupted():
        child = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=cluster.state,
        )
        (cluster.state / "run" / daemon.name).write_text(f"{child.pid} {started_at(child.pid)}")
    return True


def tool(cluster: Cluster, conf: str, main: str, *arguments: str) -> str:
    """Runs a Java tool as the superuser to its end; what it printed."""
    command = java(cluster, conf, main, *arguments)
    done = subprocess.run(command, env=environment(cluster, superuser=True), capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["said nothing"]
        raise ClusterError(f"{main.rpartition('.')[2]} {' '.join(arguments)}: {said[-1]}")
    return done.stdout
