"""WebHDFS as a script uses it: HTTP to the NameNode, which sends to a DataNode for data."""

from __future__ import annotations

import http.client
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote, urlsplit

PREFIX = "/webhdfs/v1"


def setting(name: str) -> str:
    """A setting of the client's configuration."""
    for file in ("hdfs-site.xml", "core-site.xml"):
        tree = ET.parse(Path(os.environ["HADOOP_CONF_DIR"]) / file)
        for entry in tree.iter("property"):
            if entry.findtext("name") == name:
                return entry.findtext("value") or ""
    raise SystemExit(f"{name} is not in the configuration of HADOOP_CONF_DIR")


class WebHdfs:
    """One connection to the NameNode that is kept, and one a transfer to a DataNode."""

    def __init__(self) -> None:
        self.user = os.environ.get("HADOOP_USER_NAME", "foresite")
        host = setting("dfs.namenode.http-address")
        self.namenode = http.client.HTTPConnection(host, timeout=120)

    def ask(self, method: str, path: str, operation: str) -> tuple[int, str, bytes]:
        """What the NameNode answers: status, where it sends to, and the body."""
        target = f"{PREFIX}{quote(path)}?op={operation}&user.name={self.user}"
        try:
            self.namenode.request(method, target)
            reply = self.namenode.getresponse()
        except ConnectionError:  # idle for too long
            self.namenode.close()
            self.namenode.request(method, target)
            reply = self.namenode.getresponse()
        return reply.status, reply.headers.get("Location", ""), reply.read()

    def transfer(
        self, method: str, path: str, operation: str, data: bytes | None
    ) -> bytes:
        """A request that ends at a DataNode."""
        status, place, body = self.ask(method, path, operation)
        if status != http.client.TEMPORARY_REDIRECT:
            raise SystemExit(f"WebHDFS {operation} {path}: {status} {body!r}")
        # The DataNodes of the test cluster listen here, whatever they are called.
        parts = urlsplit(place)
        datanode = http.client.HTTPConnection(
            "127.0.0.1", parts.port or 80, timeout=120
        )
        datanode.request(method, f"{parts.path}?{parts.query}", body=data)
        reply = datanode.getresponse()
        answer = reply.read()
        datanode.close()
        if reply.status >= http.client.BAD_REQUEST:
            raise SystemExit(f"WebHDFS {operation} {path}: {reply.status} {answer!r}")
        return answer

    def write(self, path: str, data: bytes) -> None:
        self.transfer("PUT", path, "CREATE&overwrite=true", data)

    def read(self, path: str) -> bytes:
        return self.transfer("GET", path, "OPEN", None)

    def stat(self, path: str) -> None:
        status, _, body = self.ask("GET", path, "GETFILESTATUS")
        if status != http.client.OK:
            raise SystemExit(f"WebHDFS GETFILESTATUS {path}: {status} {body!r}")
