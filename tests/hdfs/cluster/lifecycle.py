"""Bringing a cluster up and down, and running a command inside one that lives exactly as long."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cluster import jars, realm, settings
from cluster.daemons import STOPPING, TOOLS, pid_of, send, start, tool, uninterrupted
from cluster.health import active, namenode_state, wait, wait_ready
from cluster.model import KINDS, PORTS, USERS, Cluster, ClusterError, Daemon, base_port, load, state_folder

GRACE_SECONDS = 10
"""For a command to end after it was asked to."""


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One command at a time changes a cluster."""
    state = state_folder()
    state.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{state}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up(cluster: Cluster) -> None:
    """Starts what is not running and waits until files can be written; ends what it started if that fails."""
    jars.jars()
    if cluster.kerberos:
        realm.check()
    if (cluster.state / "cluster.json").exists() and (old := load()) != cluster:
        raise ClusterError(f"{cluster.state} holds another cluster ({old}); run: hdfs-cluster down")
    for name in ("log", "run", "data"):
        (cluster.state / name).mkdir(parents=True, exist_ok=True)
    cluster.save()
    before = {daemon for daemon in cluster.daemons() if pid_of(cluster, daemon)}
    try:
        bring_up(cluster)
    except BaseException:
        with uninterrupted():
            for daemon in set(cluster.daemons()) - before:
                send(cluster, daemon, signal.SIGKILL)
        raise


def bring_up(cluster: Cluster) -> None:
    """The daemons in the order of their needs: KDC and journals, a formatted name folder, NameNodes, DataNodes."""
    settings.write(settings.client_folder(cluster), settings.shared(cluster), "WARN")
    if cluster.kerberos:
        realm.make(cluster)
    for daemon in cluster.daemons():
        send(cluster, daemon, signal.SIGCONT)
    for daemon in cluster.daemons("kdc", "journalnode", "datanode"):
        start(cluster, daemon)
    wait_ready(cluster, cluster.daemons("kdc", "journalnode"))
    once(cluster, "formatted", format_namenodes)
    for daemon in cluster.daemons("namenode"):
        start(cluster, daemon)
    wait(cluster, lambda daemon: namenode_state(cluster, daemon), cluster.daemons("namenode"))
    if cluster.ha and not active(cluster):
        tool(cluster, "client", TOOLS["haadmin"], "-transitionToActive", "--forceactive", "nn1")
    if (cluster.state / "run/safemode").exists():
        safemode(cluster, "leave")
    wait_ready(cluster, cluster.daemons())
    once(cluster, "folders", make_folders)


def once(cluster: Cluster, name: str, work: Callable[[Cluster], None]) -> None:
    """Does something to the data of a cluster exactly once in its life."""
    done = cluster.state / "data" / name
    if not done.exists():
        work(cluster)
        done.touch()


def format_namenodes(cluster: Cluster) -> None:
    first = Daemon("namenode", 1)
    settings.write(
        cluster.state / "conf" / first.name, settings.shared(cluster) | settings.of_daemon(cluster, first), "INFO"
    )
    tool(cluster, first.name, KINDS["namenode"].main, "-format", "-force", "-nonInteractive")
    if cluster.ha:
        shutil.copytree(cluster.data(first), cluster.data(Daemon("namenode", 2)), dirs_exist_ok=True)


def make_folders(cluster: Cluster) -> None:
    """`/tmp` and `/user` are open to all, as on every cluster."""
    folders = ("/tmp", "/user")  # noqa: S108 (on HDFS)
    tool(cluster, "client", TOOLS["dfs"], "-Dfs.permissions.umask-mode=000", "-mkdir", "-p", *folders)


def safemode(cluster: Cluster, what: str) -> None:
    """Enters or leaves safe mode at the active NameNode; `up` leaves what was entered here."""
    namenode = active(cluster) or Daemon("namenode", 1)
    uri = f"hdfs://{cluster.address}:{cluster.port(namenode)}"
    tool(cluster, "client", TOOLS["dfsadmin"], "-fs", uri, "-safemode", what)
    mark = cluster.state / "run/safemode"
    if what == "enter":
        mark.touch()
    else:
        mark.unlink(missing_ok=True)


def down(state: Path) -> None:
    """Ends the processes of a cluster and deletes its data."""
    if not (state / "cluster.json").exists():
        return
    cluster = load()
    for daemon in cluster.daemons():
        send(cluster, daemon, signal.SIGKILL)
    shutil.rmtree(state)


def client_environment(cluster: Cluster, user: str = USERS[0]) -> dict[str, str]:
    """What a client of the cluster needs in its environment."""
    env = {"HADOOP_CONF_DIR": str(settings.client_folder(cluster)), "HDFS_URI": cluster.uri}
    if cluster.kerberos:
        return env | realm.user_environment(cluster, user)
    return env | {"HADOOP_USER_NAME": user}


@contextlib.contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Turns the signals that ask to stop into an exception, so that what was started is also ended."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_inside(wanted: Cluster, command: list[str]) -> int:
    """Runs a command in a cluster of its own folder and ports, ended with the command; its exit code."""
    try:
        with locked():
            up(wanted)
        own = {"FORESITE_TEST_HDFS": str(jars.HERE / "hdfs-cluster")}
        return supervise(command, os.environ | own | client_environment(wanted))
    finally:
        with uninterrupted(), locked():
            down(wanted.state)


@contextlib.contextmanager
def place_of_its_own() -> Iterator[tuple[Path, int]]:
    """A new state folder and free ports, named in the environment for every command started from here."""
    with tempfile.TemporaryDirectory(prefix="foresite-hdfs-") as folder:
        state, port = Path(folder) / "state", free_ports(base_port())
        os.environ.update({"FORESITE_HDFS_DIR": str(state), "FORESITE_HDFS_PORT": str(port)})
        yield state, port


def free_ports(first: int) -> int:
    """The first base port from `first` on of which no port is in use."""
    for base in range(first, 32768 - PORTS, PORTS):
        if all(is_free(base + offset) for offset in range(PORTS)):
            return base
    raise ClusterError(f"no {PORTS} free ports between {first} and 32768; set FORESITE_HDFS_PORT")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def supervise(command: list[str], env: dict[str, str]) -> int:
    """Runs a command in a process group of its own, which ends with it, however that comes."""
    child = None
    try:
        with uninterrupted():
            child = subprocess.Popen(command, env=env, start_new_session=True)
        code = child.wait()
        return code if code >= 0 else 128 - code
    except OSError as error:
        raise ClusterError(f"{command[0]}: {error.strerror}") from None
    finally:
        if child:
            end_group(child)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Asks what is left of a process group to end, then ends it."""
    deadline = time.monotonic() + GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            child.poll()
            os.killpg(child.pid, 0)
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
