"""The links beside a task, as Airflow's API answers for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_cluster import Cluster
from tests.harness import FORM, NOON, Run, Stages

LINEAGE, VERSION = "lineage/l1.json", "tables/t/_delta_log/00000000000000000001.json"


@pytest.fixture
def links(airflow: Any, bearer: Any) -> Any:
    """The links of the task of a run of `telecom_stage`."""

    def ask(run: Run, task_id: str = "run") -> dict[str, str | None]:
        instance = run.of(task_id)
        path = f"/api/v2/dags/telecom_stage/dagRuns/{instance.run_id}/taskInstances/{task_id}/links"
        answer = airflow.get(path, headers=bearer("VIEWER"))
        assert answer.status_code == 200, answer.text
        found: dict[str, str | None] = answer.json()["extra_links"]
        return found

    return ask


def test_a_stage_leads_to_what_it_made(stages: Stages, run_dag: Any, links: Any) -> None:
    stages.behave("advise", numbers={"report": "reports/20260301T1200Z/report.html"})
    run = run_dag("telecom_stage", NOON, {**FORM, "stage": "advise"})
    root = stages.data_root.as_uri()
    assert links(run) == {
        "Report": f"{root}/reports/20260301T1200Z/report.html",
        "Table version": f"{root}/{VERSION}",
        "Lineage": f"{root}/{LINEAGE}",
        "Pod": None,
    }


def test_files_are_found_where_the_site_serves_them(
    stages: Stages, run_dag: Any, links: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESITE_FILE_URL_TEMPLATE", "https://namenode:9871/webhdfs/v1/foresite/{path}?op=OPEN")
    found = links(run_dag("telecom_stage", NOON, FORM))
    assert found["Lineage"] == f"https://namenode:9871/webhdfs/v1/foresite/{LINEAGE}?op=OPEN"
    assert found["Report"] is None, "only advise writes a report"


def test_a_stage_that_failed_leads_to_nothing(stages: Stages, run_dag: Any, links: Any) -> None:
    stages.behave("derive", exit=65)
    assert set(links(run_dag("telecom_stage", NOON, FORM)).values()) == {None}


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_pod_is_found_where_the_site_shows_pods(
    run_pod: Any, fake: Cluster, links: Any, monkeypatch: pytest.MonkeyPatch, deferrable: bool
) -> None:
    monkeypatch.setenv("FORESITE_POD_URL_TEMPLATE", "https://dashboard/#/pod/{namespace}/{name}?x=1")
    run = run_pod(deferrable=deferrable)
    name = fake.created[0]["metadata"]["name"]
    found = links(run)
    assert found["Pod"] == f"https://dashboard/#/pod/foresite/{name}?x=1"
    assert found["Lineage"].endswith(LINEAGE)


def test_every_back_end_has_them_and_the_plugin_names_them() -> None:
    from airflow import plugins_manager

    from foresite_airflow.operators.docker import DockerStageOperator
    from foresite_airflow.operators.links import LINKS
    from foresite_airflow.operators.local import LocalStageOperator

    for operator in (LocalStageOperator, DockerStageOperator):
        assert operator.operator_extra_links == LINKS
    named = {type(link).__name__ for link in plugins_manager.get_operator_extra_links()}
    assert {type(link).__name__ for link in LINKS} <= named
