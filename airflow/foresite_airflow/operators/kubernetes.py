"""Runs a stage as a pod: the back end of a cluster.

Differs from the stock operator in what success is. The result travels in the termination message of
the one container (no sidecar, no `pods/exec` right), and a pod that was killed or left no result is
never a success, where the stock operator can say so (apache/airflow#73006).
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import models as k8s

from foresite_airflow import settings, stage_needs
from foresite_airflow.command import Command
from foresite_airflow.configuration import flat_name
from foresite_airflow.exits import KILLED
from foresite_airflow.operators.base import StageOperator
from foresite_airflow.run import PinnedRun

TERMINATION_MESSAGE = "/dev/termination-log"
OUT_OF_MEMORY = "OOMKilled"

HOUSE_DEFAULTS: dict[str, Any] = {
    # A panic leaves no result: then the last log lines say why.
    "termination_message_policy": "FallbackToLogsOnError",
    "termination_grace_period": 60,
    "log_events_on_failure": True,
    # The specification names every variable of the container, in every failure.
    "log_pod_spec_on_failure": False,
    "container_name_log_prefix_enabled": False,
    "automount_service_account_token": False,
}


class StagePodOperator(StageOperator, KubernetesPodOperator):
    """Starts the stage's image with the stage's arguments and follows the pod to its end."""

    template_fields = (*StageOperator.template_fields, *KubernetesPodOperator.template_fields)

    @classmethod
    def limits(cls, stage: str) -> dict[str, Any]:
        """Also the pool, which protects what only a cluster shares: HDFS and GPUs."""
        return {**super().limits(stage), "pool": stage_needs.pool_of(stage)}

    def __init__(self, **kwargs: Any) -> None:
        patience = {
            "schedule_timeout_seconds": settings.pod_schedule_seconds(),
            "startup_timeout_seconds": settings.pod_start_seconds(),
        }
        super().__init__(**{**HOUSE_DEFAULTS, **patience, **kwargs})
        # The cluster's own backstop: ends the pod when Airflow, which should have, is gone.
        limit = self.execution_timeout or timedelta(hours=24)
        self.active_deadline_seconds = int((limit + timedelta(minutes=5)).total_seconds())

    def execute(self, context: Context) -> Any:
        run = PinnedRun.of(context)
        command = self.command(context)
        self.image = self.image or run.images[self.stage]
        self.arguments = [*command.arguments(), "--result", TERMINATION_MESSAGE]
        self.name = self.name or f"{command.binary}-{self.task_id}".replace("_", "-").replace(".", "-").lower()
        self.namespace = self.namespace or settings.namespace()
        self.labels = {**self.labels, "app.kubernetes.io/part-of": "foresite", "foresite/stage": self.stage}
        template = settings.pod_template(self.stage)
        self.pod_template_file = self.pod_template_file or (str(template) if template else None)
        self.mount_configuration(run)
        self.log.info("rerun by hand: %s", self.rerun(command))
        return KubernetesPodOperator.execute(self, context)

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """The pod of the template, with the resources of another profile where one was asked for."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        if name := self.profile or settings.stage_profile(self.stage):
            try:
                give_resources(pod, stage_needs.profile(name))
            except ValueError as error:
                raise AirflowFailException(f"foresite-{self.stage}: {error}") from error
        return pod

    def mount_configuration(self, run: PinnedRun) -> None:
        """Mounts the ConfigMap of the pinned configuration, not that of today.

        A key of a ConfigMap has no slash: `ingest.default.json` lands at `ingest/default.json`.
        """
        items = [k8s.V1KeyToPath(flat_name(name), path=f"{name}.json") for name in run.config_names]
        source = k8s.V1ConfigMapVolumeSource(name=f"foresite-config-{run.config_hash[:12]}", items=items)
        self.volumes = [*self.volumes, k8s.V1Volume(name="foresite-config", config_map=source)]
        mount = k8s.V1VolumeMount(name="foresite-config", mount_path=settings.CONFIG_MOUNT, read_only=True)
        self.volume_mounts = [*self.volume_mounts, mount]

    def rerun(self, command: Command) -> str:
        """The line that runs this pod's image by hand in the cluster."""
        pod = f"kubectl run --namespace {self.namespace} --rm --attach --restart=Never --image {self.image}"
        return f"{pod} {command.binary} -- {shlex.join(command.arguments())}"

    def on_kill(self) -> None:
        self.killed = True
        super().on_kill()

    def cleanup(
        self,
        pod: k8s.V1Pod,
        remote_pod: k8s.V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Deletes the pod, then decides from its container's end what the task's end is."""
        ended = self.termination(remote_pod)
        if remote_pod:
            # A pod that was judged once is never taken up by a later try, even while it lingers.
            self.patch_already_checked(remote_pod, reraise=False)
        try:
            super().cleanup(pod=pod, remote_pod=remote_pod, xcom_result=xcom_result, context=context)
        except AirflowException:
            # The stock verdict is replaced below, unless the container never came to an end.
            if not self.killed and ended is None:
                raise
        if context is None:
            raise AirflowException(f"foresite-{self.stage}: the pod ended without a context to report to")
        if ended is None and not self.killed:
            raise AirflowException(f"foresite-{self.stage}: the pod is gone and left no result")
        message = (ended.message or "") if ended else ""
        reason = (ended.reason or "") if ended else ""
        # A child that the kernel killed for memory can leave the container with exit 0.
        code = KILLED if reason == OUT_OF_MEMORY else ended.exit_code if ended else 0
        result = self.conclude(context, code, message, reason)
        context["ti"].xcom_push("return_value", result)

    def termination(self, remote_pod: k8s.V1Pod | None) -> k8s.V1ContainerStateTerminated | None:
        """How the stage's container ended, or None while it has not."""
        statuses = (remote_pod.status.container_statuses if remote_pod and remote_pod.status else None) or []
        states = [status.state for status in statuses if status.name == self.base_container_name]
        return states[0].terminated if states and states[0] else None


def give_resources(pod: k8s.V1Pod, profile: stage_needs.Profile) -> None:
    """Gives a pod the resources of a profile, and the nodes that have them."""
    resources = k8s.V1ResourceRequirements(requests=dict(profile.requests), limits=dict(profile.limits))
    pod.spec.containers[0].resources = resources
    if profile.runtime_class:
        pod.spec.runtime_class_name = profile.runtime_class
    pod.spec.node_selector = {**(pod.spec.node_selector or {}), **profile.node_labels}
    asked = [k8s.V1Toleration(**toleration) for toleration in profile.tolerations]
    pod.spec.tolerations = [*(pod.spec.tolerations or []), *asked]
