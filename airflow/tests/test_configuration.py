"""The pinned configuration: immutable, whole, and chosen per task and profile."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from foresite_airflow.configuration import Configuration, folder_of
from foresite_airflow.run import PinnedRun
from foresite_airflow.settings import image
from tests.harness import Stages


def test_every_stage_gets_a_copy_that_stays_when_the_source_changes(stages: Stages, run_dag: Any) -> None:
    run_dag("telecom_data_pipeline", datetime(2026, 4, 1, 14, 30, tzinfo=timezone.utc))
    paths = {call["stage"]: Path(call["flags"]["config"]) for call in stages.calls()}
    (stages.folder / "configs" / "derive" / "default.json").write_text("{}")
    run_dag("telecom_data_pipeline", datetime(2026, 4, 1, 15, 30, tzinfo=timezone.utc))
    later = Path(stages.calls("featurize")[-1]["flags"]["config"])
    assert paths["ingest"].read_text() == '{"stage": "ingest"}'
    assert paths["ingest"].is_relative_to(stages.data_root / "configs")
    assert later.parents[1] != paths["featurize"].parents[1]


def test_files_that_name_each_other_stay_together(tmp_path: Path) -> None:
    (tmp_path / "samples" / "ingest").mkdir(parents=True)
    for name in ("default", "mapping-alarms"):
        (tmp_path / "samples" / "ingest" / f"{name}.json").write_text("{}")
    configuration = Configuration.read(tmp_path / "samples")
    folder = configuration.publish(tmp_path)
    assert sorted(path.name for path in (folder / "ingest").iterdir()) == ["default.json", "mapping-alarms.json"]
    assert configuration.publish(tmp_path) == folder
    assert [path.name for path in (tmp_path / "configs").iterdir()] == [configuration.hash]


@pytest.mark.parametrize(
    ("stage", "task", "name"),
    [
        ("train", "capacity", "train/capacity"),
        ("train", "anomaly", "train/default"),
        ("simulate", None, "simulate/demo"),
        ("derive", None, None),
    ],
)
def test_task_then_profile_then_default(
    monkeypatch: pytest.MonkeyPatch, stage: str, task: str | None, name: str | None
) -> None:
    monkeypatch.setenv("FORESITE_CONFIG_PROFILES", "demo,simulator")
    names = ["train/capacity", "train/default", "simulate/demo", "simulate/default"]
    run = PinnedRun("", "", "", "", "/c", names, "", {})
    assert run.config_path(stage, task) == (f"/c/{name}.json" if name else None)


def test_what_belongs_to_a_root_on_hdfs_lies_in_airflows_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/srv/airflow")
    assert folder_of("file:///data/a%20b") == Path("/data/a b")
    assert folder_of("hdfs://name/foresite") == Path("/srv/airflow")


def test_a_stage_starts_from_its_digest_or_the_image_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESITE_IMAGE_REPOSITORY", "registry.example/foresite")
    monkeypatch.setenv("FORESITE_IMAGE_TAG", "1.2.3")
    monkeypatch.setenv("FORESITE_IMAGE_DIGESTS", '{"train": "sha256:aa", "train-cuda": "sha256:bb"}')
    assert image("train") == "registry.example/foresite/train@sha256:aa"
    assert image("derive") == "registry.example/foresite/derive:1.2.3"
    monkeypatch.setenv("FORESITE_STAGE_IMAGES", '{"train": "train-cuda", "derive": "mine"}')
    assert image("train") == "registry.example/foresite/train-cuda@sha256:bb"
    assert image("derive") == "registry.example/foresite/mine:1.2.3"
