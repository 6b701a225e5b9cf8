"""An hour closes, and the scheduler makes predictions of it: stages in pods, tables on HDFS."""

from __future__ import annotations

from datetime import timedelta

from live.airflow import Airflow
from live.commands import CommandError
from live.conftest import Story
from live.kube import kubectl
from live.landing import stamp
from live.runs import MONITORING
from live.services import SERVICES
from live.site import Site
from live.tables import KEYS, Tables


def test_the_scheduler_runs_the_hours_that_are_due(site: Site, story: Story, airflow: Airflow) -> None:
    scheduled = [run for run in airflow.runs("telecom_data_pipeline") if run["run_type"] == "scheduled"][:2]
    assert [run["state"] for run in scheduled] == ["success"] * 2
    starts = [run["data_interval_start"] for run in scheduled]
    assert starts == [(site.born + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ") for number in range(2)]


def test_an_independent_reader_finds_every_cell_in_every_hour(site: Site, story: Story, tables: Tables) -> None:
    before = tables.cells(site.born - timedelta(hours=1))
    assert len(before) > 50
    for number in range(2):
        assert tables.cells(site.born + timedelta(hours=number)) == before
    for name in KEYS:
        if tables.version(name) >= 0:
            assert tables.repeated(name) == []


def test_a_stage_pod_has_no_rights(story: Story) -> None:
    pods = story.seen_pods
    assert {pod["metadata"]["labels"]["foresite/stage"] for pod in pods} >= {"ingest", "derive", "featurize"}
    for pod in pods:
        spec = pod["spec"]
        container = spec["containers"][0]
        assert spec["serviceAccountName"] == "foresite-stage"
        assert spec["automountServiceAccountToken"] is False
        assert not [volume for volume in spec["volumes"] if "serviceAccountToken" in str(volume)]
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert len(spec["containers"]) == 1


def test_the_accounts_may_do_what_they_must_and_no_more() -> None:
    def may(account: str, verb: str, thing: str) -> bool:
        resource, _, subresource = thing.partition("/")
        asked = (
            "auth",
            "can-i",
            verb,
            resource,
            f"--subresource={subresource}",
            f"--as=system:serviceaccount:foresite:{account}",
        )
        return answer(*asked) == "yes"

    assert may("foresite-airflow", "create", "pods")
    assert not may("foresite-airflow", "get", "secrets")
    assert not may("foresite-airflow", "create", "pods/exec")
    assert not may("foresite-stage", "get", "pods")
    assert not may("foresite-stage", "get", "secrets")


def answer(*arguments: str) -> str:
    """What kubectl says; `auth can-i` ends with 1 when it says no."""
    try:
        return kubectl(*arguments).strip()
    except CommandError:
        return "no"


def test_training_promotes_a_model(story: Story, training: str, airflow: Airflow, tables: Tables) -> None:
    promoted = tables.read("registry_events").to_pylist()
    tasks = airflow.tasks("telecom_model_training", training)
    verdicts = {
        task: airflow.result("telecom_model_training", training, f"{task}.evaluate")["verdict"] for task in SERVICES
    }
    for task, verdict in verdicts.items():
        expected = "skipped" if verdict == "FAIL" else "success"
        assert tasks[f"{task}.promote"]["state"] == expected, verdicts
    judged = {task for task, verdict in verdicts.items() if verdict != "FAIL"}
    assert judged
    assert judged <= {event["task"] for event in promoted}


def test_a_model_predicts_for_the_newest_hour(
    site: Site, story: Story, training: str, airflow: Airflow, tables: Tables
) -> None:
    airflow.pause("telecom_inference", paused=False)
    run = airflow.trigger("telecom_inference", site.landing.hour(2))
    airflow.succeed("telecom_inference", run, 900)
    assert tables.count("predictions_anomaly", cutoff=site.known_at(2)) > 50
    assert tables.repeated("predictions_anomaly") == []


def test_the_daily_look_trains_nothing_that_was_just_trained(
    site: Site, training: str, airflow: Airflow, tables: Tables
) -> None:
    airflow.pause(MONITORING, paused=False)
    run = airflow.trigger(MONITORING, {**site.last_whole_day, "as_of": stamp(site.known_at(2))})
    tasks = airflow.succeed(MONITORING, run, 900)
    assert tasks["train"]["state"] == "skipped"
    decided = tables.read("retrain_decisions").to_pylist()
    assert {row["task"]: row["decision"] for row in decided} == dict.fromkeys(SERVICES, "wait")
