"""The services of models as the cluster sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from live.commands import CommandError, wait_for
from live.faults import outside_pods, processes
from live.inference import call
from live.kube import is_running, kubectl, pods, service_address


@dataclass(frozen=True)
class Service:
    """The Deployment of one task."""

    task: str
    name: str

    @property
    def rest(self) -> str:
        return f"{service_address(self.name)}:8080"

    @property
    def grpc(self) -> str:
        return f"{service_address(self.name)}:8081"

    def pod(self) -> dict[str, Any]:
        """The newest pod that is not about to end."""
        alive = [pod for pod in pods(f"app.kubernetes.io/name={self.name}") if is_running(pod)]
        if not alive:
            raise CommandError(f"no pod of {self.name}")
        return alive[-1]

    def seen(self) -> dict[str, Any]:
        """Its pod, how often that began anew, and what it says about being ready."""
        pod = self.pod()
        status, _ = call(f"{pod['status']['podIP']}:9090", "GET", "/v2/health/ready")
        restarts = sum(container["restartCount"] for container in pod["status"]["containerStatuses"])
        return {"pod": pod["metadata"]["name"], "restarts": restarts, "status": status, "listed": is_ready(pod)}

    def wait_ready(self, seconds: float) -> dict[str, Any]:
        """Waits until the cluster sends requests to it."""

        def look() -> dict[str, Any] | None:
            try:
                found = self.seen()
            except (CommandError, OSError):
                return None
            return found if found["listed"] else None

        return wait_for(f"{self.name} ready", seconds, look)

    def image(self) -> str:
        """What its pod runs."""
        return str(self.pod()["spec"]["containers"][0]["image"])

    def roll_out(self, image: str) -> None:
        """Another image, to its end."""
        kubectl("set", "image", f"deployment/{self.name}", f"serve={image}")
        self.rolled()

    def undo(self) -> None:
        """Back to what was there before, to its end."""
        kubectl("rollout", "undo", f"deployment/{self.name}")
        self.rolled()

    def rolled(self) -> None:
        kubectl("rollout", "status", "--timeout=180s", f"deployment/{self.name}", limit=200)

    def process(self) -> int:
        """Its process, as the machine counts it."""
        found = [number for number in processes("foresite-serve ", f"--task={self.task}") if not outside_pods(number)]
        if not found:
            raise CommandError(f"no process of {self.name}")
        return found[0]


SERVICES = {
    service.task: service
    for service in (
        Service("anomaly", "anomaly-detection"),
        Service("maintenance", "predictive-maintenance"),
        Service("capacity", "capacity-planning"),
    )
}


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"
