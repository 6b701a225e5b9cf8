"""A Kubernetes API server, as far as the pod operator can tell; `fake_kubelet` runs the pods.

Serves what the operator of provider 10.25 asks for, and runs a pod's container as a local process:
the image `…/<stage>:…` stands for the program `foresite-<stage>`, as its ENTRYPOINT would. Image tags
give faults: `:missing` cannot be pulled, `:unschedulable` fits no node, `:oom` is killed as if for
memory, `:evicted` for its disk, `:evicted-early` before it starts, `:collected` is gone as soon as somebody
saw its end, `:vanishing` before that. A deleted pod lingers, as real ones do: with instant deletion the
operator's worst defect stays hidden.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fake_kubelet import Json, Pod

LINGER_SECONDS = 5.0
POD_PATH = re.compile(r"^/api/v1/namespaces/([^/]+)/pods(?:/([^/]+))?(?:/(log))?$")
EVENTS_PATH = re.compile(r"^/api/v1/namespaces/[^/]+/events$")


def selects(selector: str, labels: dict[str, str]) -> bool:
    """Whether labels satisfy the three forms of a selector that the operator uses."""
    for term in filter(None, selector.split(",")):
        if term.startswith("!"):
            if term[1:] in labels:
                return False
        elif "!=" in term:
            name, value = term.split("!=")
            if labels.get(name) == value:
                return False
        else:
            name, value = term.split("=", 1)
            if labels.get(name) != value:
                return False
    return True


class Cluster(ThreadingHTTPServer):
    """The API server with its pods."""

    daemon_threads = True

    def __init__(self, binaries: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.binaries = binaries
        self.pods: dict[str, Pod] = {}
        #: Manifests as they were posted, deleted pods too.
        self.created: list[Json] = []
        #: Names of the pods that somebody asked to delete.
        self.deleted: list[str] = []
        #: Answers in place of the right one, to creations or to all requests, as often as they stand here.
        self.refusals: list[tuple[int, str]] = []
        self.outages: list[tuple[int, str]] = []

    def forget_later(self, name: str) -> None:
        timer = threading.Timer(LINGER_SECONDS, lambda: self.pods.pop(name, None))
        timer.daemon = True
        timer.start()

    def kubeconfig(self) -> str:
        cluster = {"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}
        context = {"name": "fake", "context": {"cluster": "fake", "user": "test"}}
        user = {"name": "test", "user": {"token": "none"}}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [cluster],
                "contexts": [context],
                "users": [user],
                "current-context": "fake",
            }
        )


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    protocol_version = "HTTP/1.1"
    server: Cluster

    def log_message(self, *_: Any) -> None:
        """Silence: requests are not what a failing test should show."""

    def answer(self, body: Json, code: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def missing(self, what: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound"}
        self.answer({**status, "code": 404, "message": f"{what} not found"}, 404)

    def fail(self, code: int, message: str) -> None:
        self.body()
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
        self.answer(status, code)

    def body(self) -> Json:
        length = int(self.headers.get("Content-Length") or 0)
        read: Json = json.loads(self.rfile.read(length)) if length else {}
        return read

    def route(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        matched = POD_PATH.match(address.path)
        if self.server.outages:
            self.fail(*self.server.outages.pop())
        elif self.command == "POST" and self.server.refusals:
            self.fail(*self.server.refusals.pop())
        elif address.path == "/version":
            self.answer({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
        elif EVENTS_PATH.match(address.path):
            self.answer({"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []})
        elif not matched:
            self.missing(address.path)
        elif matched[2]:
            self.one_pod(matched[2], matched[3], query)
        elif self.command == "POST":
            self.create(matched[1])
        else:
            chosen = [p.manifest for p in self.server.pods.values() if self.selected(p, query)]
            self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": chosen})

    def selected(self, pod: Pod, query: dict[str, str]) -> bool:
        return selects(query.get("labelSelector", ""), pod.manifest["metadata"]["labels"])

    def create(self, namespace: str) -> None:
        manifest = self.body()
        self.server.created.append(json.loads(json.dumps(manifest)))
        pod = self.server.pods[manifest["metadata"]["name"]] = Pod(manifest, namespace, self.server.binaries)
        self.answer(pod.manifest, 201)

    def one_pod(self, name: str, part: str | None, query: dict[str, str]) -> None:
        pod = self.server.pods.get(name)
        sent = self.body()
        if pod is None:
            self.missing(f'pods "{name}"')
        elif part == "log" and pod.process is None:
            self.fail(400, f'container "{pod.container["name"]}" in pod "{name}" is waiting to start')
        elif part == "log":
            self.stream(pod, follow=query.get("follow", "").lower() == "true", stamped="timestamps" in query)
        else:
            if self.command == "PATCH":
                pod.manifest["metadata"]["labels"].update(sent.get("metadata", {}).get("labels", {}))
            elif self.command == "DELETE":
                self.server.deleted.append(name)
                pod.delete()
                self.server.forget_later(name)
            elif pod.ended.is_set() and pod.tag in {"collected", "vanishing"}:
                del self.server.pods[name]
                if pod.tag == "vanishing":
                    self.missing(f'pods "{name}"')
                    return
            self.answer(pod.manifest)

    def stream(self, pod: Pod, follow: bool, stamped: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while True:
            for line in pod.log[sent:]:
                text = line if stamped else line.split(b" ", 1)[1]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                sent += 1
            self.wfile.flush()
            if not follow or (pod.ended.is_set() and sent >= len(pod.log)):
                break
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PATCH = do_DELETE = route  # noqa: N815, the names that http.server looks for


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    """A running fake cluster."""
    server = Cluster(binaries)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
