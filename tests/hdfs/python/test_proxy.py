"""The proxy in front of a stand-in for a NameNode: what it loses, holds back and cuts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from cluster.proxy import Relay

from cluster import rpc

PREAMBLE = b"hrpc\x09\x00\x00"
SOON = 5.0
"""Seconds until a test gives up waiting for what must come."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(fields: dict[int, int | bytes]) -> bytes:
    """A protobuf message after its length."""
    body = b"".join(
        varint(key << 3) + varint(value)
        if isinstance(value, int)
        else varint(key << 3 | 2) + varint(len(value)) + value
        for key, value in fields.items()
    )
    return varint(len(body)) + body


def frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def request(call: int, method: str) -> bytes:
    zigzag = (call << 1) ^ (call >> 63)
    header = message({1: 2, 2: 0, 3: zigzag & (1 << 64) - 1, 4: b"client", 5: 0})
    return frame(header + message({1: method.encode(), 2: b"ClientProtocol", 3: 1}) + message({}))


def reply(call: int) -> bytes:
    return frame(message({1: call, 2: 0}) + message({}))


class NameNode:
    """Answers every request and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(rpc.PREAMBLE)
        while data := await rpc.read_frame(reader):
            found = rpc.request_of(data)
            assert found
            self.asked.append(found[1])
            writer.write(reply(found[0]))
        writer.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        writer.write(PREAMBLE)

    def ask(self, call: int, method: str) -> None:
        self.writer.write(request(call, method))

    async def answer(self) -> int | None:
        """The call that the next reply answers, None when the connection ended."""
        data = await asyncio.wait_for(rpc.read_frame(self.reader), SOON)
        return rpc.reply_to(data) if data else None

    async def is_silent(self) -> bool:
        """Whether nothing comes while everything that can run has run."""
        waiting = asyncio.ensure_future(rpc.read_frame(self.reader))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        waiting.cancel()
        return not done


class Scene:
    """A NameNode, the proxy before it, and clients of the proxy."""

    def __init__(self) -> None:
        self.namenode = NameNode()
        self.port = 0
        self.relay = Relay("127.0.0.1", 0)

    async def client(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    behind = await asyncio.start_server(made.namenode.serve, "127.0.0.1", 0)
    made.relay.target = behind.sockets[0].getsockname()[:2]
    before = await asyncio.start_server(made.relay.accept, "127.0.0.1", 0)
    made.port = before.sockets[0].getsockname()[1]
    yield made
    before.close()
    behind.close()
    made.relay.cut()


def played(story: Callable[[Scene], Awaitable[None]]) -> None:
    async def play() -> None:
        async with scene() as made:
            await story(made)

    asyncio.run(play())


def test_what_no_rule_names_passes() -> None:
    async def story(made: Scene) -> None:
        client = await made.client()
        for call, method in enumerate(["mkdirs", "rename2", "mkdirs"]):
            client.ask(call, method)
            assert await client.answer() == call
        assert made.namenode.asked == ["mkdirs", "rename2", "mkdirs"]
        assert made.relay.obey("seen mkdirs") == "2"
        assert made.relay.obey("lost") == "0"
        assert made.relay.obey("passed") == "3"

    played(story)


def test_a_lost_reply_ends_the_connection_after_the_namenode_acted() -> None:
    async def story(made: Scene) -> None:
        assert made.relay.obey("lose-reply rename2") == "ok"
        client = await made.client()
        client.ask(1, "rename2")
        assert await client.answer() is None
        assert made.namenode.asked == ["rename2"]
        assert made.relay.obey("lost") == "1"
        again = await made.client()
        again.ask(2, "rename2")
        assert await again.answer() == 2, "one loss was asked for"

    played(story)


def test_a_reply_to_another_call_arrives_before_the_loss() -> None:
    async def story(made: Scene) -> None:
        made.relay.obey("lose-reply rename2")
        client = await made.client()
        client.ask(1, "mkdirs")
        client.ask(2, "rename2")
        assert await client.answer() == 1
        assert await client.answer() is None
        assert made.namenode.asked == ["mkdirs", "rename2"]

    played(story)


def test_a_lost_request_never_reaches_the_namenode() -> None:
    async def story(made: Scene) -> None:
        made.relay.obey("lose-request rename2 2")
        for call in (1, 2):
            client = await made.client()
            client.ask(call, "rename2")
            assert await client.answer() is None
        last = await made.client()
        last.ask(3, "rename2")
        assert await last.answer() == 3
        assert made.namenode.asked == ["rename2"]
        assert made.relay.obey("lost") == "2"

    played(story)


def test_a_late_request_reaches_the_namenode_after_its_connection_ended() -> None:
    async def story(made: Scene) -> None:
        made.relay.obey("late-request rename2")
        client = await made.client()
        client.ask(1, "rename2")
        assert await client.answer() is None
        assert made.namenode.asked == []
        async with asyncio.timeout(SOON):
            while made.namenode.asked != ["rename2"]:
                await asyncio.sleep(0.01)

    played(story)


def test_silence_lets_a_call_through_and_no_reply_back() -> None:
    async def story(made: Scene) -> None:
        assert made.relay.obey("silence rename2") == "ok"
        assert made.relay.obey("left") == "1"
        client = await made.client()
        client.ask(1, "rename2")
        assert await client.is_silent()
        client.ask(2, "mkdirs")
        assert await client.is_silent()
        assert made.namenode.asked == ["rename2"]
        assert made.relay.obey("left") == "0"
        again = await made.client()
        again.ask(3, "mkdirs")
        assert await again.answer() == 3

    played(story)


def test_a_freeze_holds_requests_until_the_thaw() -> None:
    async def story(made: Scene) -> None:
        client = await made.client()
        client.ask(1, "mkdirs")
        assert await client.answer() == 1
        made.relay.obey("freeze")
        client.ask(2, "rename2")
        assert await client.is_silent()
        assert made.namenode.asked == ["mkdirs"]
        made.relay.obey("thaw")
        client.ask(3, "mkdirs")
        while "rename2" not in made.namenode.asked:
            await asyncio.sleep(0.01)

    played(story)


def test_a_cut_ends_connections_and_new_ones_work() -> None:
    async def story(made: Scene) -> None:
        client = await made.client()
        client.ask(1, "mkdirs")
        assert await client.answer() == 1
        made.relay.obey("cut")
        assert await client.answer() is None
        again = await made.client()
        again.ask(2, "mkdirs")
        assert await again.answer() == 2

    played(story)


def test_a_rule_is_forgotten_on_clear() -> None:
    async def story(made: Scene) -> None:
        made.relay.obey("lose-reply mkdirs 5")
        made.relay.obey("clear")
        client = await made.client()
        client.ask(1, "mkdirs")
        assert await client.answer() == 1

    played(story)


@pytest.mark.parametrize("line", ["", "lose-reply", "silence rename2 often", "delay", "delay soon", "explode"])
def test_what_is_no_command_is_refused(line: str) -> None:
    assert Relay("127.0.0.1", 1).obey(line).startswith("error: ")


def test_handshakes_and_noise_are_no_requests() -> None:
    assert rpc.request_of(request(-33, "x")) is None
    assert rpc.request_of(frame(b"")) is None
    assert rpc.request_of(frame(b"\xff" * 12)) is None
    assert rpc.request_of(request(300, "getFileInfo")) == (300, "getFileInfo")
