"""Two listeners in the place of NameNodes. They read how a client introduces itself and hang up."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

ADDRESSES = ("127.0.0.11", "127.0.0.12")
"""As in site/inventory.ini."""

SIMPLE, SASL = 0, 0xDF
"""Last byte of the introduction: how the client wants to prove who it is."""
_LENGTH = len(b"hrpc") + 3  # version, class of service, kind of authentication


class NameNodes:
    """Both listen on one port, and `seen` fills with (address, kind of authentication)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen: set[tuple[str, int]] = set()
        first = socket.create_server((ADDRESSES[0], 0))
        self.port: int = first.getsockname()[1]
        self._listeners = [first, socket.create_server((ADDRESSES[1], self.port))]

    def __enter__(self) -> NameNodes:
        for listener in self._listeners:
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            listener.close()

    def forget(self) -> None:
        with self._changed:
            self._seen.clear()

    def seen(self, wanted: set[tuple[str, int]], seconds: float) -> set[tuple[str, int]]:
        """What was seen once `wanted` was, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._seen, seconds)
            return set(self._seen)

    def _serve(self, listener: socket.socket) -> None:
        address = listener.getsockname()[0]
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                greeting = _read(client)
            if len(greeting) == _LENGTH and greeting.startswith(b"hrpc"):
                with self._changed:
                    self._seen.add((address, greeting[-1]))
                    self._changed.notify_all()


def _read(client: socket.socket) -> bytes:
    greeting = b""
    try:
        while len(greeting) < _LENGTH and (part := client.recv(_LENGTH - len(greeting))):
            greeting += part
    except OSError:
        pass
    return greeting
