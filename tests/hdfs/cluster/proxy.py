"""A TCP proxy in front of a NameNode that loses requests or replies, delays, freezes and cuts, on command.

It reads commands from standard input, one a line, and answers each with `ok`, a number, or `error: …`; when standard
input ends, so does it. A lost reply means: the NameNode did what it was asked, and the client hears nothing but the
end of the connection. A lost request: the NameNode never saw it, and the client hears the same.

    lose-reply METHOD [TIMES]     such as `lose-reply rename2`
    lose-request METHOD [TIMES]
    late-request METHOD [TIMES]   the client hears the end of the connection, the NameNode the request, a while later
    silence METHOD [TIMES]        the NameNode acts, and no reply comes on the open connection any more
    delay MILLISECONDS            before each request
    freeze, thaw                  both ways, accepted connections included
    cut                           every connection, now
    passed, lost, seen METHOD     how many requests came, messages were lost, requests of a method came
    left                          how many losses that were asked for nobody has met yet
    clear                         forget the rules and the delay, thaw
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cluster import rpc, settings
from cluster.model import Cluster, Daemon

LATE_SECONDS = 0.3
"""How long after the end of its connection a late request reaches the NameNode."""
FLIGHT_SECONDS = 0.5
"""For the NameNode to take up a late request: it skips those of closed connections."""
RULES = ("lose-reply", "lose-request", "late-request", "silence")


@dataclass
class Rule:
    """What becomes of the next `left` requests of a method or of the replies to them."""

    what: str
    method: str
    left: int


@dataclass(eq=False)
class Connection:
    """One client's connection and the one to the NameNode behind it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost_calls: set[int] = field(default_factory=set)
    is_mute: bool = False

    def close(self) -> None:
        self.client.close()
        self.server.close()


class Relay:
    """Passes frames on in both directions and obeys its rules."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.rules: list[Rule] = []
        self.connections: set[Connection] = set()
        self.seen: Counter[str] = Counter()
        self.passed = 0
        self.lost = 0
        self.delay_seconds = 0.0
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        await self.flowing.wait()
        try:
            from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        connection = Connection(writer, to_server)
        self.connections.add(connection)
        ways = (self.requests(connection, reader), self.replies(connection, from_server))
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            connection.close()
            self.connections.discard(connection)

    async def requests(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        connection.server.write(await reader.readexactly(rpc.PREAMBLE))
        while frame := await rpc.read_frame(reader):
            await asyncio.sleep(self.delay_seconds)
            await self.flowing.wait()
            self.passed += 1
            if connection.is_mute:
                self.lost += 1
                continue
            call, rule = self.judge(frame)
            match rule:
                case "lose-request":
                    self.lost += 1
                    return
                case "late-request":
                    await self.late(connection, call, frame)
                    return
                case "lose-reply":
                    connection.lost_calls.add(call)
                case "silence":
                    connection.is_mute = True
            connection.server.write(frame)
            await connection.server.drain()

    async def late(self, connection: Connection, call: int, frame: bytes) -> None:
        connection.lost_calls.add(call)
        connection.client.close()
        await asyncio.sleep(LATE_SECONDS)
        connection.server.write(frame)
        await asyncio.sleep(FLIGHT_SECONDS)

    async def replies(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        while frame := await rpc.read_frame(reader):
            await self.flowing.wait()
            if rpc.reply_to(frame) in connection.lost_calls:
                self.lost += 1
                return
            if connection.is_mute:
                self.lost += 1
            elif not connection.client.is_closing():
                connection.client.write(frame)
                await connection.client.drain()

    def judge(self, frame: bytes) -> tuple[int, str | None]:
        """The call of a request and what becomes of it."""
        request = rpc.request_of(frame)
        if request is None:
            return 0, None
        call, method = request
        self.seen[method] += 1
        return call, self.match(method)

    def match(self, method: str) -> str | None:
        """What becomes of a request, by the first rule that still holds."""
        for rule in self.rules:
            if rule.method == method and rule.left > 0:
                rule.left -= 1
                return rule.what
        return None

    def obey(self, line: str) -> str:
        """Does what a command says; the answer."""
        plain = {"freeze": self.flowing.clear, "thaw": self.flowing.set, "cut": self.cut, "clear": self.clear}
        match line.split():
            case [what, method, *times] if what in RULES and all(map(str.isdecimal, times[:1])):
                self.rules.append(Rule(what, method, int(times[0]) if times else 1))
            case ["delay", milliseconds] if milliseconds.isdecimal():
                self.delay_seconds = int(milliseconds) / 1000
            case [("passed" | "lost") as count]:
                return str(getattr(self, count))
            case ["left"]:
                return str(sum(rule.left for rule in self.rules))
            case ["seen", method]:
                return str(self.seen[method])
            case [word] if word in plain:
                plain[word]()
            case _:
                return f"error: no such command: {line.strip()}"
        return "ok"

    def clear(self) -> None:
        self.rules.clear()
        self.delay_seconds = 0.0
        self.flowing.set()

    def cut(self) -> None:
        for connection in self.connections:
            connection.close()


def serve(cluster: Cluster, namenode: Daemon) -> None:
    """Runs until standard input ends; the first line out is the folder of the configuration that leads through here
    and the proxy's URI."""
    relay = Relay(cluster.address, cluster.port(namenode))

    def announce(port: int) -> str:
        return f"{conf_through(cluster, namenode, port)} hdfs://{cluster.address}:{port}"

    asyncio.run(obey_input(relay, (cluster.address, 0), announce))
    relay.cut()


class Obedient(Protocol):
    """What stands between a client and a server and takes commands."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    def obey(self, line: str) -> str: ...


async def obey_input(between: Obedient, address: tuple[str, int], announce: Callable[[int], str]) -> None:
    """Listens, says where, and obeys standard input to its end."""
    server = await asyncio.start_server(between.accept, *address)
    print(announce(server.sockets[0].getsockname()[1]), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async for line in lines:
        print(between.obey(line.decode()), flush=True)
    server.close()


def conf_through(cluster: Cluster, namenode: Daemon, port: int) -> str:
    """Writes a client configuration in which the proxy stands for the NameNode."""
    direct, proxied = (f"{cluster.address}:{number}" for number in (cluster.port(namenode), port))
    own = {key: str(value).replace(direct, proxied) for key, value in settings.shared(cluster).items()}
    folder = cluster.state / "conf" / f"through-{namenode.name}-{port}"
    settings.write(folder, own, "WARN")
    return str(folder)
