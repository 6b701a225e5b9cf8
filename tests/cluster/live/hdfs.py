"""The HDFS beside the cluster, bound to the address that pods reach."""

from __future__ import annotations

from pathlib import Path

from live.commands import HDFS, HOST, run

PORT = 21000
#: What the local overlay calls the data root.
DATA_ROOT = "/user/foresite/site"


class Hdfs:
    """NameNode and DataNodes of one test, in a folder of their own."""

    def __init__(self, folder: Path, datanodes: int = 2) -> None:
        self.folder = folder
        self.datanodes = datanodes
        self.env = {"FORESITE_HDFS_DIR": str(folder), "FORESITE_HDFS_PORT": str(PORT)}

    def up(self) -> None:
        self.call("up", "--address", HOST, "--datanodes", str(self.datanodes))

    def down(self) -> None:
        self.call("down")

    def call(self, *arguments: str) -> str:
        return run(HDFS, *arguments, env=self.env)

    def client(self) -> dict[str, str]:
        """The environment of a client on this machine."""
        lines = self.call("env").splitlines()
        pairs = (line.removeprefix("export ").partition("=")[::2] for line in lines if "=" in line)
        return {name: value.strip("'\"") for name, value in pairs}

    def client_files(self) -> dict[str, str]:
        """core-site.xml and hdfs-site.xml of a client."""
        folder = Path(self.client()["HADOOP_CONF_DIR"])
        return {name: (folder / name).read_text() for name in ("core-site.xml", "hdfs-site.xml")}

    @property
    def uri(self) -> str:
        return self.client()["HDFS_URI"].rstrip("/")

    def prepare(self) -> None:
        self.call("admin", "dfs", "-mkdir", "-p", DATA_ROOT)
        self.call("admin", "dfs", "-chown", "-R", "foresite", DATA_ROOT)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder."""
        listed = self.call("admin", "dfs", "-ls", "-C", folder).splitlines()
        return sorted(line.rpartition("/")[2] for line in listed if line.startswith("/"))

    def text(self, pattern: str) -> str:
        """What files hold, one after another."""
        return self.call("admin", "dfs", "-cat", pattern)

    def put(self, *paths: Path, into: str) -> None:
        """Copies files with their times, which say when they landed."""
        self.call("admin", "dfs", "-put", "-p", "-f", "-t", "8", *map(str, paths), into)
        self.call("admin", "dfs", "-chown", "-R", "foresite:foresite", DATA_ROOT)
