"""A TCP tap in front of a DataNode: passes every byte on, and says what could be read on the way.

It listens on the DataNode's port at `TAP`, another address of this machine, and clients find it there because the
DataNode calls itself so (`--set dfs.datanode.hostname=127.0.0.2`) and the configuration that the tap prints makes
clients go by that name. Commands on standard input, each with an answer:

    passed        how many bytes came, both ways
    seen TEXT     how often a text was readable
    ciphers       the ciphers that DataNode and clients agreed on, in clear in the handshake; `none` without one
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from cluster import rpc, settings
from cluster.model import Cluster, ClusterError, Daemon
from cluster.proxy import obey_input

TAP = "127.0.0.2"
SUITES = {1: "unknown", 2: "AES/CTR/NoPadding", 3: "SM4/CTR/NoPadding"}
"""`CipherSuiteProto`."""
HANDSHAKE = 4
"""How many messages of a DataNode may belong to the handshake."""


@dataclass
class Tap:
    """Remembers what each way of each connection carried."""

    target: tuple[str, int]
    ways: list[bytearray] = field(default_factory=list)
    answers: list[bytearray] = field(default_factory=list)
    """Those of `ways` that come from the DataNode."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        from_server, to_server = await asyncio.open_connection(*self.target)
        asked, answered = bytearray(), bytearray()
        self.ways += [asked, answered]
        self.answers.append(answered)
        ways = (copy(reader, to_server, asked), copy(from_server, writer, answered))
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (to_server, writer):
            end.close()

    def obey(self, line: str) -> str:
        """Does what a command says; the answer."""
        match line.split():
            case ["passed"]:
                return str(sum(map(len, self.ways)))
            case ["seen", text]:
                return str(sum(way.count(text.encode()) for way in self.ways))
            case ["ciphers"]:
                return " ".join(sorted({cipher for way in self.answers if (cipher := agreed(way))})) or "none"
        return f"error: no such command: {line.strip()}"


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
    """One way to its end, which is not the other's: a client that has sent its last packet still awaits the answer."""
    try:
        while data := await reader.read(1 << 16):
            seen += data
            writer.write(data)
            await writer.drain()
    finally:
        writer.write_eof()


def agreed(answers: bytes | bytearray) -> str | None:
    """The cipher in the handshake of a connection: field 4 of a `DataTransferEncryptorMessageProto`."""
    at = 0
    try:
        for _ in range(HANDSHAKE):
            message, at = rpc.delimited(bytes(answers), at)
            if isinstance(option := message.get(4), bytes):
                return SUITES[rpc.number(rpc.fields(option), 1)]
    except (rpc.RpcError, KeyError):
        pass
    return None


def serve(cluster: Cluster, datanode: Daemon) -> None:
    """Runs until standard input ends; the first line out is the folder of the configuration that leads through here."""
    if settings.shared(cluster).get("dfs.datanode.hostname") != TAP:
        raise ClusterError(f"a tap needs a cluster with --set dfs.datanode.hostname={TAP}")
    folder = cluster.state / "conf" / f"tapped-{datanode.name}"
    settings.write(folder, settings.shared(cluster) | {"dfs.client.use.datanode.hostname": "true"}, "WARN")
    port = cluster.port(datanode)
    asyncio.run(obey_input(Tap((cluster.address, port)), (TAP, port), lambda _: f"{folder} {TAP}:{port}"))
