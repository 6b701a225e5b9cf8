"""The cluster script without a cluster: ports, messages, signals, and that nothing outlives its command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from cluster import cli, daemons, jars, lifecycle, model, settings

SCRIPT = Path(cli.__file__).parent.parent / "hdfs-cluster"


def cluster(folder: Path, **shape: object) -> model.Cluster:
    return model.Cluster(state=folder, base_port=20000, **shape)  # type: ignore[arg-type]


def called(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True)


def test_no_two_daemons_share_a_port(tmp_path: Path) -> None:
    full = cluster(tmp_path, datanodes=8, ha=True, journalnodes=3, kerberos=True)
    ports = [full.port(daemon, service) for daemon in full.daemons() if daemon.kind != "kdc" for service in range(3)]
    ports.append(full.port(model.Daemon("kdc", 1)))
    assert len(set(ports)) == len(ports)
    assert max(ports) < full.base_port + model.PORTS


def test_a_saved_cluster_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = cluster(tmp_path, ha=True, kerberos=True, ticket_life="2m", settings=("a=b",))
    saved.save()
    monkeypatch.setenv("FORESITE_HDFS_DIR", str(tmp_path))
    assert model.load() == saved


def test_a_setting_asked_for_wins_over_ours(tmp_path: Path) -> None:
    shared = settings.shared(cluster(tmp_path, settings=("dfs.blocksize=4096", "x.y=a=b")))
    assert shared["dfs.blocksize"] == "4096"
    assert shared["x.y"] == "a=b"


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (["status"], {}, "no cluster in"),
        (["check"], {"JAVA_HOME": "/nowhere"}, "install Java 17"),
        (["run"], {}, "run needs a command"),
        (["up", "--set", "nothing"], {}, "expected KEY=VALUE"),
        (["up"], {"FORESITE_HDFS_PORT": "80"}, "FORESITE_HDFS_PORT=80: expected a port"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], env: dict[str, str], said: str
) -> None:
    done = called(*arguments, **{"FORESITE_HDFS_DIR": str(tmp_path / "state"), **env})
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_maven_is_said_only_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
    java.chmod(0o755)
    (tmp_path / "bin").mkdir()
    java.rename(tmp_path / "bin/java")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setattr("shutil.which", lambda _: None)
    jars.java.cache_clear()
    monkeypatch.setenv("FORESITE_HDFS_LIB", str(tmp_path / "absent"))
    with pytest.raises(model.ClusterError, match="no Maven"):
        jars.check()
    monkeypatch.setenv("FORESITE_HDFS_LIB", str(tmp_path))
    jars.check()
    jars.java.cache_clear()


def test_a_jar_other_than_pinned_is_named(tmp_path: Path) -> None:
    (tmp_path / "hadoop-common-3.4.3.jar").write_bytes(b"other")
    (tmp_path / "stray-1.jar").write_bytes(b"")
    differing = jars.differing(tmp_path)
    assert {"hadoop-common-3.4.3.jar", "stray-1.jar", "hadoop-hdfs-3.4.3.jar"} <= set(differing)


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    reached = False
    with lifecycle.stop_signals_raise(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 (the order is the point)
        with daemons.uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            reached = True
        pytest.fail("the signal comes at the end of the block")
    assert reached


def test_free_ports_leave_out_what_is_in_use() -> None:
    base = lifecycle.free_ports(24000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 7))
        assert lifecycle.free_ports(base) > base


def test_a_command_leaves_nothing_of_its_group_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {note}; exit 3"
    assert lifecycle.supervise(["bash", "-c", script], dict(os.environ)) == 3
    assert daemons.started_at(int(note.read_text())) is None


def test_a_stopped_command_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = "import sys; from cluster import lifecycle; lifecycle.supervise(sys.argv[1:], {'PATH': '/usr/bin:/bin'})"
    command = [sys.executable, "-c", code, "bash", "-c", f"sleep 1000 & echo $! > {note}; wait"]
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parent)}
    # A job in the background of a shell ignores SIGINT, and so would its children.
    default = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, preexec_fn=default)
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    assert daemons.started_at(int(note.read_text())) is None
