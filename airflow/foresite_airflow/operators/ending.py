"""How a pod ended, in the words of the cluster: what its status says beside the container's exit code.

The exit code alone misleads: 137 is what remains of a container without memory, of one whose pod was
evicted for its disk, and of one whose node was drained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubernetes.client import models as k8s

from foresite_airflow.exits import KILLED

OUT_OF_MEMORY = "OOMKilled"
#: What a container waits for while nothing is wrong, and how one ends on its own.
HARMLESS = frozenset({"ContainerCreating", "PodInitializing", "Completed", "Error"})


@dataclass(frozen=True)
class Ending:
    """The end of a stage's container and its pod."""

    #: As a shell would say it; None where the container never came to an end.
    code: int | None
    #: What ended or stopped it from outside; empty where the cluster says nothing.
    cause: str
    #: The result, or the last lines of a stage that left none.
    message: str
    has_started: bool

    @classmethod
    def of(cls, pod: k8s.V1Pod | None, container: str) -> Ending:
        """The end of the container of this name."""
        if pod is None or pod.status is None:
            return cls(None, "", "", has_started=False)
        statuses = [status for status in pod.status.container_statuses or [] if status.name == container]
        state = statuses[0].state if statuses else None
        ended = state.terminated if state else None
        causes = list(memory(pod, ended)) or [*of_pod(pod.status), *of_state(state), *unscheduled(pod.status)]
        if not causes and pod.metadata.deletion_timestamp:
            causes = ["its pod was deleted"]
        # A child that the kernel killed for memory can leave the container with exit 0.
        code = KILLED if ended and ended.reason == OUT_OF_MEMORY else ended.exit_code if ended else None
        has_started = bool(state and (state.running or state.terminated))
        return cls(code, causes[0] if causes else "", (ended.message or "") if ended else "", has_started)


def memory(pod: k8s.V1Pod, ended: k8s.V1ContainerStateTerminated | None) -> Iterator[str]:
    """Out of memory, with the limit that it met."""
    if ended and ended.reason == OUT_OF_MEMORY:
        resources = pod.spec.containers[0].resources if pod.spec and pod.spec.containers else None
        limit = (resources.limits or {}).get("memory") if resources else None
        yield f"{OUT_OF_MEMORY}: out of memory{f' at its limit of {limit}' if limit else ''}"


def of_pod(status: k8s.V1PodStatus) -> Iterator[str]:
    """What befell the whole pod: evicted, past its deadline, preempted, drained, refused by its node."""
    if status.reason:
        yield told(status.reason, status.message)
    for condition in status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            yield told(condition.reason or condition.type, condition.message)


def of_state(state: k8s.V1ContainerState | None) -> Iterator[str]:
    """What the container waits for in vain, or why it never ran."""
    for found in (state.waiting, state.terminated) if state else ():
        if found and found.reason and found.reason not in HARMLESS:
            yield told(found.reason, found.message)


def unscheduled(status: k8s.V1PodStatus) -> Iterator[str]:
    """Why no node takes the pod."""
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            yield told(condition.reason or "Unschedulable", condition.message)


def told(reason: str, message: str | None) -> str:
    """Reason and message in one line; the kubelet breaks its messages as it likes."""
    return ": ".join(filter(None, (reason, " ".join((message or "").split()))))
