"""Clients that ask all the time and never ask again: what they were answered is counted, and what was lost."""

from __future__ import annotations

import http.client
import select
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType

import grpc

from live.inference import PATIENCE, Ask, call, services

#: A client thinks so long between two requests.
PAUSE = 0.02
#: Asks once and says what came back; raises where nothing did.
Asker = Callable[[], str]


def fresh(address: str, path: str, ask: Ask) -> Asker:
    """A connection for each request."""
    body = ask.json()
    return lambda: f"rest {call(address, 'POST', path, body)[0]}"


def kept(address: str, path: str, ask: Ask) -> Asker:
    """One connection for as long as the service keeps it open, as pools of connections do."""
    body = ask.json()
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)

    def once() -> str:
        # What the service has closed is known before anything is sent on it.
        if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return f"rest, kept {answer.status}"

    return once


def remote(address: str, model: str, ask: Ask) -> Asker:
    """gRPC on one channel, which may not send a call again."""
    channel = grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)])
    infer = services.GRPCInferenceServiceStub(channel).ModelInfer
    message = ask.message(model)

    def once() -> str:
        infer(message, timeout=PATIENCE)
        return "grpc OK"

    return once


class Load:
    """Askers at work, each on a thread of its own, until the block ends."""

    def __init__(self, *askers: Asker) -> None:
        self.answers: Counter[str] = Counter()
        self.lost: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(asker,), daemon=True) for asker in askers]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)

    def _work(self, asker: Asker) -> None:
        while not self._stop.is_set():
            began = time.time()
            try:
                answer, lost = asker(), ""
            except (OSError, http.client.HTTPException, grpc.RpcError) as error:
                answer, lost = "", f"{began:.3f}: {error!r}"
            with self._lock:
                if lost:
                    self.lost.append(lost)
                else:
                    self.answers[answer] += 1
            self._stop.wait(PAUSE)

    @property
    def count(self) -> int:
        with self._lock:
            return self.answers.total()
