"""Runs a stage as a pod: the back end of a cluster.

Differs from the stock operator in what success is. The result travels in the termination message of
the one container (no sidecar, no `pods/exec` right), and a pod that was killed, is gone or left no
result is never a success, where the stock operator can say so (apache/airflow#73006, #66715).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from urllib3.exceptions import HTTPError

from foresite_airflow import settings, stage_needs
from foresite_airflow.configuration import flat_name
from foresite_airflow.exits import one_line
from foresite_airflow.operators import by_hand, links
from foresite_airflow.operators.base import LINE, StageOperator
from foresite_airflow.operators.ending import Ending
from foresite_airflow.run import PinnedRun

TERMINATION_MESSAGE = "/dev/termination-log"
#: Answers of the API server to a pod that no other try would make better.
INVALID = frozenset({400, 422})
NOT_FOUND = 404
#: What the provider says when a pod waits past its limit, for a node or for its start.
TOO_LONG = "took too long"

HOUSE_DEFAULTS: dict[str, Any] = {
    # A panic leaves no result: then the last log lines say why.
    "termination_message_policy": "FallbackToLogsOnError",
    "termination_grace_period": 60,
    # Most pods run within a second or two; the stock operator looks again after five.
    "startup_check_interval_seconds": 1,
    "log_events_on_failure": True,
    # The specification names every variable of the container, in every failure.
    "log_pod_spec_on_failure": False,
    "container_name_log_prefix_enabled": False,
    "automount_service_account_token": False,
}


def without_level(container: str, line: str) -> str:
    """A line of the stage as the other back ends show it: its level is the log's."""
    matched = LINE.match(line)
    return (matched[2] if matched else line).rstrip()


class StagePodOperator(StageOperator, KubernetesPodOperator):
    """Starts the stage's image with the stage's arguments and follows the pod to its end."""

    template_fields = (*StageOperator.template_fields, *KubernetesPodOperator.template_fields)

    @classmethod
    def limits(cls, stage: str, profile: str | None) -> dict[str, Any]:
        """Also the pool, which protects what only a cluster shares: HDFS and GPUs."""
        pool = stage_needs.pool_of(stage, profile or settings.stage_profile(stage))
        return {**super().limits(stage, profile), "pool": pool}

    def __init__(self, **kwargs: Any) -> None:
        patience = {
            "schedule_timeout_seconds": settings.pod_schedule_seconds(),
            "startup_timeout_seconds": settings.pod_start_seconds(),
        }
        super().__init__(**{**HOUSE_DEFAULTS, "log_formatter": without_level, **patience, **kwargs})
        # The cluster's own backstop: ends the pod when Airflow, which should have, is gone.
        limit = self.execution_timeout or timedelta(hours=24)
        self.active_deadline_seconds = int((limit + timedelta(minutes=5)).total_seconds())
        #: Whether the end of a pod has been turned into the end of this task.
        self.is_judged = False

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
        self.name = self._set_name(self.name)
        self.pod_request_obj = self.build_pod_request_obj(context)
        self.log.info("rerun by hand: %s", self.rerun(self.pod_request_obj, context))
        try:
            return KubernetesPodOperator.execute(self, context)
        except (ApiException, HTTPError) as error:
            raise self.unanswered(error) from error

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

    def rerun(self, pod: k8s.V1Pod, context: Context) -> str:
        """The line that makes this very pod by hand."""
        ours = {*self._get_ti_pod_labels(context), "airflow_version", "airflow_kpo_in_cluster", self.POD_CHECKED_KEY}
        return by_hand.command(by_hand.manifest(pod, ours))

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Context) -> k8s.V1Pod:
        pod = super().get_or_create_pod(pod_request_obj, context)
        self.link_pod(pod.metadata.namespace, pod.metadata.name)
        return pod

    def link_pod(self, namespace: str, name: str) -> None:
        self.links[links.PodLink.name] = settings.pod_url(namespace, name)

    def on_kill(self) -> None:
        self.killed = True
        super().on_kill()

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> Any:
        """Goes on where the triggerer saw the pod end.

        The stock operator believes the trigger's word for a pod that is gone by now.
        """
        self.link_pod(event["namespace"], event["name"])
        try:
            super().trigger_reentry(context, event)
        except (ApiException, HTTPError) as error:
            raise self.unanswered(error) from error
        except AirflowException as error:
            if self.is_judged:
                raise
            raise self.vanished() from error
        if not self.is_judged:
            raise self.vanished()

    def _write_logs(  # type: ignore[override]
        self, pod: k8s.V1Pod, follow: bool = False, since_time: datetime | None = None
    ) -> None:
        """Every line at its own level; the stock operator has all of them at INFO."""
        since = (datetime.now(timezone.utc) - since_time).total_seconds() if since_time else None
        lines = self.client.read_namespaced_pod_log(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            container=self.base_container_name,
            follow=follow,
            since_seconds=int(since) + 1 if since is not None else None,
            _preload_content=False,
        )
        for line in lines:
            if text := line.decode(errors="backslashreplace").rstrip():
                self.relay(text)

    def cleanup(
        self,
        pod: k8s.V1Pod,
        remote_pod: k8s.V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Deletes the pod, then decides from its container's end what the task's end is."""
        # The stock operator cleans up in a `finally`: what went wrong before is on its way.
        trouble = sys.exc_info()[1]
        seen = remote_pod
        if Ending.of(seen, self.base_container_name).code is None:
            seen = self.look_again(pod, remote_pod)
        if remote_pod:
            # A pod that was judged once is never taken up by a later try, even while it lingers.
            self.patch_already_checked(remote_pod, reraise=False)
        try:
            super().cleanup(pod=pod, remote_pod=remote_pod, xcom_result=xcom_result, context=context)
        except AirflowException as verdict:
            self.log.debug("the stock verdict, replaced by ours: %s", verdict)
        if context is None:
            raise AirflowException(f"foresite-{self.stage}: the pod ended without a context to report to")
        self.is_judged = True
        self.judge(context, seen, trouble)

    def judge(self, context: Context, pod: k8s.V1Pod | None, trouble: BaseException | None) -> None:
        """Hands on the result, or raises what names the cause."""
        ending = Ending.of(pod, self.base_container_name)
        if ending.code is None and not self.killed:
            raise self.unfinished(context, pod, ending, trouble) from trouble
        result = self.conclude(context, ending.code or 0, ending.message, cause=ending.cause)
        if trouble:
            # The next try ends as `unchanged`.
            text = f"foresite-{self.stage}: its pod ended well, but following it failed: {said(trouble)}"
            raise AirflowException(text) from trouble
        context["ti"].xcom_push("return_value", result)

    def unfinished(
        self, context: Context, pod: k8s.V1Pod | None, ending: Ending, trouble: BaseException | None
    ) -> AirflowException:
        """The exception for a pod whose container never came to an end."""
        if isinstance(trouble, AirflowTaskTimeout) or (trouble and self.is_past_its_limit(context)):
            return self.too_late(context)
        if isinstance(trouble, ApiException | HTTPError) and not is_missing(trouble, self.pod):
            return self.unanswered(trouble)
        if pod is None:
            return self.vanished()
        words = [ending.cause or ("" if trouble else "the cluster does not say why")]
        if trouble and (not ending.cause or TOO_LONG in str(trouble)):
            words.append(said(trouble))
        what = "its pod was lost" if ending.has_started else "its pod did not start"
        return AirflowException(f"foresite-{self.stage}: {what}: {'; '.join(filter(None, words))}")

    def unanswered(self, error: ApiException | HTTPError) -> AirflowException:
        """The exception for what the API server refuses, or cannot do at present."""
        is_final = isinstance(error, ApiException) and error.status in INVALID
        text = f"foresite-{self.stage}: the Kubernetes API server {said(error)}"
        return AirflowFailException(text) if is_final else AirflowException(text)

    def vanished(self) -> AirflowException:
        text = "its pod is gone and left no result: it was deleted, or its node was lost"
        return AirflowException(f"foresite-{self.stage}: {text}")

    def is_past_its_limit(self, context: Context) -> bool:
        """Whether the time limit has passed; a triggerer says so in words only."""
        start = context["ti"].start_date
        limit = self.execution_timeout
        return bool(start and limit and datetime.now(timezone.utc) >= start + limit)

    def look_again(self, pod: k8s.V1Pod | None, known: k8s.V1Pod | None) -> k8s.V1Pod | None:
        """The pod as it is now, since the stock operator keeps how it was; None where it is gone."""
        if pod is None:
            return known
        try:
            return self.client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
        except ApiException as error:
            return None if error.status == NOT_FOUND else known
        except HTTPError:
            return known


def is_missing(error: ApiException | HTTPError, pod: k8s.V1Pod | None) -> bool:
    """Whether the API server misses a pod that was there."""
    return pod is not None and isinstance(error, ApiException) and error.status == NOT_FOUND


def said(trouble: BaseException) -> str:
    """An exception in one line, the API server's own words where it answered."""
    if isinstance(trouble, ApiException):
        try:
            message = str(json.loads(trouble.body)["message"])
        except (ValueError, TypeError, KeyError):
            message = str(trouble.reason)
        return f"answered {trouble.status}: {one_line(message)}"
    lines = str(trouble).strip().splitlines() or [type(trouble).__name__]
    # A triggerer hands on its whole traceback.
    return lines[-1] if lines[0].startswith("Traceback") else one_line("\n".join(lines))


def give_resources(pod: k8s.V1Pod, profile: stage_needs.Profile) -> None:
    """Gives a pod the resources of a profile, and the nodes that have them."""
    resources = k8s.V1ResourceRequirements(requests=dict(profile.requests), limits=dict(profile.limits))
    pod.spec.containers[0].resources = resources
    if profile.runtime_class:
        pod.spec.runtime_class_name = profile.runtime_class
    pod.spec.node_selector = {**(pod.spec.node_selector or {}), **profile.node_labels}
    asked = [k8s.V1Toleration(**toleration) for toleration in profile.tolerations]
    pod.spec.tolerations = [*(pod.spec.tolerations or []), *asked]
