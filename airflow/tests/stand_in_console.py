"""A console that answers what a test wants; by hand `python -m tests.stand_in_console [folder] [port]`."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: The documented answers, which the console's own tests hold it to.
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "console"


class Console:
    """The answers by name, the headers that came, and what was posted."""

    def __init__(self, folder: Path = EXAMPLES) -> None:
        self.status = 200
        self.answers: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
        self.seen: list[tuple[str, str | None]] = []
        self.told: list[Any] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def certify(self, certificate: Path) -> None:
        """From now on it speaks TLS, with a certificate and its key in one file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https"


def handler(console: Console) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            console.seen.append((self.path, self.headers["Authorization"]))
            answer = console.answers.get(self.path.removeprefix("/console/v1/"), {"error": "not found"})
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(console.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            console.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests look at `seen`."""

    return Handler


@contextmanager
def running(console: Console) -> Iterator[Console]:
    threading.Thread(target=console.server.serve_forever, daemon=True).start()
    try:
        yield console
    finally:
        console.server.shutdown()
        console.server.server_close()


if __name__ == "__main__":
    made = Console(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES)
    if len(sys.argv) > 2:
        made.server.server_close()
        made.server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), handler(made))
    print(made.url, flush=True)
    made.server.serve_forever()
