"""As much of Hadoop's RPC as a proxy must understand: where a message ends, its call and its method.

A client opens with seven bytes (`hrpc`, version, service class, authentication); then both sides send frames: four
bytes of length and a payload. A request's payload is a `RpcRequestHeaderProto`, a `RequestHeaderProto` and the
message, a reply's a `RpcResponseHeaderProto` and the message, each after its length as a varint (`RpcHeader.proto`,
`ProtobufRpcEngine2.proto`). With the protection `privacy` the payload is encrypted and a call has no name.
"""

from __future__ import annotations

import asyncio

PREAMBLE = 7
LONGEST_FRAME = 128 << 20
"""Hadoop's `ipc.maximum.data.length`."""

Fields = dict[int, "int | bytes"]


class RpcError(Exception):
    """Bytes that are no message of Hadoop's RPC."""


async def read_frame(stream: asyncio.StreamReader) -> bytes | None:
    """The next frame with its length, None where the stream ends."""
    try:
        length = await stream.readexactly(4)
        size = int.from_bytes(length, "big")
        if size > LONGEST_FRAME:
            raise RpcError(f"a frame of {size} bytes")
        return length + await stream.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def request_of(frame: bytes) -> tuple[int, str] | None:
    """The call and the method of a request; None for handshakes, pings and what is encrypted."""
    try:
        header, at = delimited(frame, 4)
        call = zigzag(number(header, 3))
        if call < 0:
            return None
        names, _ = delimited(frame, at)
        return call, text(names, 1)
    except RpcError:
        return None


def reply_to(frame: bytes) -> int | None:
    """The call that a reply answers."""
    try:
        header, _ = delimited(frame, 4)
        return number(header, 1)
    except RpcError:
        return None


def delimited(data: bytes, at: int) -> tuple[Fields, int]:
    """The fields of the message at a place, and the place after it."""
    size, at = varint(data, at)
    if at + size > len(data):
        raise RpcError("a message longer than its frame")
    return fields(data[at : at + size]), at + size


def fields(data: bytes) -> Fields:
    """Numbers and byte strings of a protobuf message by field; of a repeated field the last."""
    found: Fields = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            found[key >> 3], at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            found[key >> 3], at = data[at : at + size], at + size
        else:
            raise RpcError(f"wire type {key & 7}")
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise RpcError("a varint without an end")


def zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def number(message: Fields, field: int) -> int:
    value = message.get(field)
    if not isinstance(value, int):
        raise RpcError(f"no number in field {field}")
    return value


def text(message: Fields, field: int) -> str:
    value = message.get(field)
    if not isinstance(value, bytes):
        raise RpcError(f"no text in field {field}")
    return value.decode(errors="replace")
