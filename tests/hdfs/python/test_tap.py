"""The tap in front of a stand-in for a DataNode: what it passes on and what it can read."""

from __future__ import annotations

import asyncio

import pytest
from cluster.tap import Tap, agreed

CHALLENGE = b"\x04\x08\x00\x12\x00"
"""A handshake message: status 0 and an empty payload."""
AES = b"\x08\x08\x00\x22\x04\x08\x02\x12\x00"
"""The same with the cipher option AES/CTR/NoPadding."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(CHALLENGE + AES + await reader.read() + b"back")
    writer.close()


def test_all_passes_and_what_is_readable_is_seen() -> None:
    async def story() -> None:
        behind = await asyncio.start_server(answer, "127.0.0.1", 0)
        tap = Tap(behind.sockets[0].getsockname()[:2])
        before = await asyncio.start_server(tap.accept, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*before.sockets[0].getsockname()[:2])
        writer.write(b"there")
        writer.write_eof()
        async with asyncio.timeout(5):
            assert (await reader.read()).endswith(b"thereback")
        assert tap.obey("seen there") == "2", "once on each way"
        assert tap.obey("seen nowhere") == "0"
        assert tap.obey("ciphers") == "AES/CTR/NoPadding"
        assert tap.obey("passed") == str(len(CHALLENGE + AES) + 14)
        before.close()
        behind.close()

    asyncio.run(story())


@pytest.mark.parametrize("answers", [b"", CHALLENGE, CHALLENGE * 5, b"\xff" * 40, AES[:3]])
def test_a_handshake_without_a_cipher_has_none(answers: bytes) -> None:
    assert agreed(answers) is None


def test_what_is_no_command_is_refused() -> None:
    assert Tap(("127.0.0.1", 1)).obey("lose-reply x").startswith("error: ")
    assert Tap(("127.0.0.1", 1)).obey("ciphers") == "none"
