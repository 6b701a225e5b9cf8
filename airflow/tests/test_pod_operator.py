"""A stage as a pod, against the fake cluster: results, exits, faults, and what is never a success."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.fake_cluster import Cluster
from tests.harness import Stages, terminate_when_called

pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider needs Python 3.11")


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_result_travels_in_the_termination_message(run_pod: Any, fake: Cluster, deferrable: bool) -> None:
    run = run_pod(deferrable=deferrable)
    assert run.states("run") == ["success"]
    assert run.of("run").xcom_pull(task_ids="run")["outputs"][0]["rows"] == 3
    spec = fake.created[0]["spec"]
    assert len(spec["containers"]) == 1
    assert spec["containers"][0]["image"] == "foresite/derive:1.0"


def test_the_pod_gets_the_pinned_configuration_and_a_deadline(run_pod: Any, fake: Cluster, stages: Stages) -> None:
    run_pod()
    pod = fake.created[0]
    assert stages.calls("derive")[0]["flags"]["config"] == "/etc/foresite/derive/default.json"
    assert pod["spec"]["volumes"][0]["configMap"]["name"].startswith("foresite-config-")
    assert {"key": "derive.default.json", "path": "derive/default.json"} in pod["spec"]["volumes"][0]["configMap"][
        "items"
    ]
    assert pod["spec"]["containers"][0]["volumeMounts"][0]["readOnly"] is True
    assert pod["spec"]["activeDeadlineSeconds"] == 6 * 3600 + 300
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["namespace"] == "foresite"
    assert pod["metadata"]["labels"]["foresite/stage"] == "derive"


@pytest.mark.parametrize(("code", "tries"), [(65, 1), (75, 5), (101, 2)])
def test_exit_codes_mean_what_they_mean_elsewhere(run_pod: Any, stages: Stages, code: int, tries: int) -> None:
    stages.behave("derive", exit=code, lines=["ERROR table `kpis` missing"])
    assert run_pod().states("run") == ["failed"]
    assert len(stages.calls("derive")) == tries


@pytest.mark.parametrize("code", [-9, 0])
def test_out_of_memory_is_a_failure_even_with_exit_0(run_pod: Any, stages: Stages, code: int) -> None:
    stages.behave("derive", exit=code)
    assert run_pod(tag="oom").states("run") == ["failed"]
    assert len(stages.calls("derive")) == 2


def test_exit_0_without_a_result_is_a_failure(run_pod: Any, stages: Stages) -> None:
    stages.behave("derive", result=False)
    assert run_pod().states("run") == ["failed"]


def test_a_missing_image_is_a_failure(run_pod: Any, stages: Stages) -> None:
    assert run_pod(tag="missing").states("run") == ["failed"]
    assert not stages.calls("derive")


def test_sigterm_is_never_a_success(run_pod: Any, stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock operator says `success` here while the deleted pod lingers (apache/airflow#73006)."""
    stages.behave("derive", sleep=30, exit_on_term=0)
    sender = terminate_when_called(stages, "derive", times=2)
    run = run_pod()
    sender.join()
    assert run.states("run") == ["failed"]
    assert len(stages.calls("derive")) == 2


def test_the_providers_cleanup_still_has_the_signature_that_is_overridden() -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    from foresite_airflow.operators.kubernetes import StagePodOperator

    ours, theirs = inspect.signature(StagePodOperator.cleanup), inspect.signature(KubernetesPodOperator.cleanup)
    assert list(ours.parameters) == list(theirs.parameters)
