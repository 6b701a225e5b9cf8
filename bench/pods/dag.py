"""One call of a stage, in turn by every operator that `bench/pods.py` compares, so many times."""

from __future__ import annotations

import os
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, chain, task
from kubernetes.client import models as k8s

from foresite_airflow.operators import stage_operator

STAGE = os.environ["BENCH_STAGE"]
IMAGE = os.environ["BENCH_IMAGE"]
HOUR = {"interval_start": "2026-02-02T00:00:00Z", "interval_end": "2026-02-02T01:00:00Z"}
SHARED = "/airflow/xcom/return.json"
RESTRICTED = k8s.V1PodSecurityContext(
    run_as_non_root=True, run_as_user=10001, fs_group=10001, seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault")
)


@task(task_id="pin")
def pin() -> dict[str, Any]:
    times = {**HOUR, "as_of": HOUR["interval_end"], "newest_start": HOUR["interval_start"]}
    names = {"config_folder": "/etc/foresite", "config_names": [f"{STAGE}/default"], "config_hash": "bench"}
    return {**times, **names, "images": {STAGE: IMAGE}}


def stock(task_id: str, *, result: bool) -> KubernetesPodOperator:
    source = k8s.V1ConfigMapVolumeSource(name="foresite-config-bench")
    return KubernetesPodOperator(
        task_id=task_id,
        name=task_id.replace("_", "-"),
        namespace=os.environ["FORESITE_NAMESPACE"],
        image=IMAGE,
        arguments=[
            f"--config=/etc/foresite/{STAGE}.default.json",
            f"--data-root={os.environ['FORESITE_DATA_ROOT']}",
            f"--interval-start={HOUR['interval_start']}",
            f"--interval-end={HOUR['interval_end']}",
            *([f"--result={SHARED}"] if result else ["--result=/tmp/result.json"]),
        ],
        volumes=[k8s.V1Volume(name="config", config_map=source)],
        volume_mounts=[k8s.V1VolumeMount(name="config", mount_path="/etc/foresite", read_only=True)],
        security_context=RESTRICTED,
        do_xcom_push=result,
        on_finish_action="delete_pod",
    )


with DAG("bench_pods", schedule=None):
    tasks: list[Any] = [pin()]
    for turn in range(int(os.environ["BENCH_TIMES"])):
        ours = stage_operator()(task_id=f"ours_{turn}", stage=STAGE, pool="default_pool", security_context=RESTRICTED)
        tasks += [ours, stock(f"sidecar_{turn}", result=True), stock(f"no_result_{turn}", result=False)]
    chain(*tasks)
