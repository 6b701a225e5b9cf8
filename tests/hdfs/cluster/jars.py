"""Java and the jars of Hadoop: fetched once with Maven into the cache, checked against `jars.sha256`."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from cluster.model import ClusterError

HERE = Path(__file__).resolve().parent.parent
OLDEST_JAVA, NEWEST_JAVA = 17, 21


@functools.cache
def java() -> str:
    """The Java to run with: that of JAVA_HOME, else the one in the path."""
    home = os.environ.get("JAVA_HOME")
    program = f"{home}/bin/java" if home else "java"
    try:
        banner = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise ClusterError(
            f"no Java: `{program}` does not run; install Java 17 (Debian: openjdk-17-jre-headless) or set JAVA_HOME"
        ) from None
    found = re.search(r'version "(\d+)', banner)
    version = int(found[1]) if found else 0
    if not OLDEST_JAVA <= version <= NEWEST_JAVA:
        raise ClusterError(f"Hadoop needs Java 17 to 21, `{program}` is {version}; set JAVA_HOME to such a Java")
    return program


def cache() -> Path:
    """Where the jars of this Hadoop lie: `FORESITE_HDFS_LIB`, else a folder of the project's cache."""
    if named := os.environ.get("FORESITE_HDFS_LIB"):
        return Path(named).absolute()
    version = re.search(r"<hadoop.version>(.+)</hadoop.version>", (HERE / "pom.xml").read_text())
    assert version, "pom.xml names the version"
    xdg = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foresite"
    return Path(os.environ.get("FORESITE_CACHE") or xdg).absolute() / f"hadoop-{version[1]}"


def check() -> None:
    """Says what the machine lacks, in one line."""
    java()
    if not cache().is_dir() and not shutil.which("mvn"):
        raise ClusterError("no Maven: `mvn` fetches Hadoop once; install it (Debian: maven)")


def jars() -> list[Path]:
    """The jars of Hadoop, fetched if they are not there yet."""
    check()
    folder = cache()
    if not folder.is_dir():
        fetch(folder)
    found = sorted(folder.glob("*.jar"))
    if sum(jar.name.startswith("hadoop-common-") for jar in found) != 1:
        raise ClusterError(f"{folder} does not hold one Hadoop; remove it and run: hdfs-cluster fetch")
    return found


def fetch(folder: Path) -> None:
    """Copies the jars beside their place, checks them, then moves them there: an interrupted fetch leaves nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"hdfs-cluster: fetching Hadoop with Maven, 49 MB, into {folder}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hadoop.", dir=folder.parent) as part:
        target = Path(part) / "lib"
        maven = ["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml")]
        goal = ["dependency:copy-dependencies", f"-Dlib={target}"]
        done = subprocess.run([*maven, *goal], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")] or [done.stderr]
            raise ClusterError(f"Maven could not fetch Hadoop: {lines[0]}")
        if wrong := differing(target):
            raise ClusterError(f"{wrong[0]} differs from {HERE / 'jars.sha256'}; was pom.xml changed?")
        target.rename(folder)


def differing(folder: Path) -> list[str]:
    """The names of jars that are missing, unexpected or other than when they were pinned."""
    lines = (HERE / "jars.sha256").read_text().splitlines()
    pinned = {name: digest for digest, name in (line.split() for line in lines)}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    return sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name))
