"""Our own client reads the rendered files: it calls both NameNodes at their addresses, and asks for the
authentication that the files name. No Hadoop runs; a stage does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import tools
from namenodes import ADDRESSES, SASL, SIMPLE, NameNodes

STAGE = Path(os.environ.get("FORESITE_BIN_DIR", tools.REPOSITORY / "target/debug")) / "foresite-maintain"
PATIENCE_SECONDS = 60


def introductions(configuration: Path, listening: NameNodes, authentication: int) -> set[tuple[str, int]]:
    """What the listeners saw of a stage that is given this configuration."""
    listening.forget()
    hour = ["--interval-start", "2026-03-01T00:00:00Z", "--interval-end", "2026-03-01T01:00:00Z"]
    stage = subprocess.Popen(
        [STAGE, "--data-root", "hdfs://nameservice/foresite", "--step", "verify", *hour],
        env={
            "PATH": os.environ["PATH"],
            "HADOOP_CONF_DIR": str(configuration),
            "KRB5_CONFIG": str(configuration / "krb5.conf"),
            "HADOOP_USER_NAME": "foresite",
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        seen = listening.seen({(address, authentication) for address in ADDRESSES}, PATIENCE_SECONDS)
    finally:
        # It would go on asking for a minute.
        stage.kill()
        _, said = stage.communicate(timeout=10)
    assert seen, said
    return seen


@pytest.fixture(autouse=True)
def _needs_a_stage() -> None:
    assert STAGE.exists(), f"no {STAGE}: run `make build`, or name another folder by FORESITE_BIN_DIR"


def test_with_kerberos(site: Path, listening: NameNodes) -> None:
    seen = introductions(site / "localhost/export", listening, SASL)
    assert seen == {(address, SASL) for address in ADDRESSES}


def test_without_kerberos(tmp_path: Path, scratch: Path, listening: NameNodes) -> None:
    tools.render(
        tmp_path, scratch, "--limit", "edge-1.test", hadoop_security="simple", hadoop_namenode_port=listening.port
    )
    configuration = tmp_path / "edge-1.test/etc/hadoop/conf"
    assert "dfs.data.transfer.protection" not in (configuration / "hdfs-site.xml").read_text()
    assert introductions(configuration, listening, SIMPLE) == {(address, SIMPLE) for address in ADDRESSES}
