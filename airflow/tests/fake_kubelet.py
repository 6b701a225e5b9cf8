"""The kubelet of the fake cluster: a pod is a local process, and its tag says what befalls it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Json = dict[str, Any]
MESSAGE_LIMIT = 4096
NO_NODE = "0/1 nodes are available: 1 Insufficient memory. preemption: not eligible"
NO_DISK = "Pod ephemeral local storage usage exceeds the total limit of containers 8Gi. "


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Pod:
    """One pod: its API object, its process, its log."""

    def __init__(self, manifest: Json, namespace: str, binaries: Path) -> None:
        self.manifest = manifest
        self.binaries = binaries
        self.log: list[bytes] = []
        self.ended = threading.Event()
        self.tag = ""
        self.process: subprocess.Popen[bytes] | None = None
        metadata = manifest["metadata"]
        metadata.update(namespace=namespace, uid=str(uuid.uuid4()), creationTimestamp=now())
        metadata.setdefault("labels", {})
        manifest["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": []}
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def container(self) -> Json:
        found: Json = self.manifest["spec"]["containers"][0]
        return found

    def status(self, **state: Json) -> None:
        """Sets the state of the one container."""
        running = "running" in state
        self.manifest["status"]["containerStatuses"] = [
            {
                "name": self.container["name"],
                "state": state,
                "ready": running,
                "started": running,
                "restartCount": 0,
                "image": self.container["image"],
                "imageID": self.container["image"],
            }
        ]

    def run(self) -> None:
        """The kubelet's part, from the pull to the end."""
        status = self.manifest["status"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
        status.update(conditions=[scheduled], startTime=now())
        stage, _, tag = self.container["image"].rpartition("/")[2].partition(":")
        self.tag = tag
        if tag == "unschedulable":
            scheduled.update(status="False", reason="Unschedulable", message=NO_NODE)
            return
        if tag == "evicted-early":
            status.update(phase="Failed", reason="Evicted", message=NO_DISK)
            status.pop("containerStatuses")
            return
        if tag == "missing":
            said = f'Back-off pulling image "{self.container["image"]}": not found'
            self.status(waiting={"reason": "ImagePullBackOff", "message": said})
            return
        with tempfile.TemporaryDirectory(prefix="fake-pod-") as folder:
            message = Path(folder) / "termination-log"
            arguments = [str(message) if a == "/dev/termination-log" else a for a in self.container.get("args", [])]
            started = now()
            self.process = subprocess.Popen(
                [str(self.binaries / f"foresite-{stage}"), *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.status(running={"startedAt": started})
            status["phase"] = "Running"
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.log.append(now().encode() + b" " + line)
                if tag == "evicted":
                    self.process.kill()
            code = self.process.wait()
            text = message.read_text()[:MESSAGE_LIMIT] if message.exists() else ""
        self.end(started, code, text, out_of_memory=tag == "oom")

    def end(self, started: str, code: int, text: str, out_of_memory: bool) -> None:
        if not text and code and self.container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            text = b"".join(line.split(b" ", 1)[1] for line in self.log[-80:]).decode()[-2048:]
        reason = "OOMKilled" if out_of_memory else "Error" if code else "Completed"
        shell_code = 128 - code if code < 0 else code
        times = {"startedAt": started, "finishedAt": now()}
        self.status(terminated={"exitCode": shell_code, "reason": reason, "message": text, **times})
        self.manifest["status"]["phase"] = "Succeeded" if code == 0 else "Failed"
        if self.tag == "evicted":
            # The code and reason of the container are those of any that was killed.
            self.manifest["status"].update(phase="Failed", reason="Evicted", message=NO_DISK)
        self.ended.set()

    def delete(self) -> None:
        self.manifest["metadata"]["deletionTimestamp"] = now()
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
