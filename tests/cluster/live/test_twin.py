"""After all faults: the tables hold what the same runs leave in a folder of this machine, where nothing went wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from live.airflow import Airflow
from live.commands import ROOT, run
from live.compare import differences
from live.hdfs import DATA_ROOT
from live.runs import INFERENCE, MONITORING, PATIENCE, PIPELINE, STAGE, TRAINING, remembered
from live.site import STATE, Site, binaries, say
from live.tables import Tables

#: When a row was made, by which build and configuration.
PROVENANCE = {"ingested_at", "lineage_id"}


@pytest.fixture(scope="module")
def twin(site: Site, training: str, airflow: Airflow) -> Path:
    """A data root in which the runs of the cluster were repeated by local processes."""
    home = STATE / "twin"
    if (home / "done").exists():
        return home / "data"
    (home / "data").mkdir(parents=True)
    for part in (STATE / "network" / "root").iterdir():
        run("cp", "--archive", "--link", part, home / "data")
    # The schedule goes on: what an hour that has just begun writes meanwhile would stand on one side only.
    airflow.rest((PIPELINE, INFERENCE, TRAINING, MONITORING, STAGE), PATIENCE)
    repeated = remembered(airflow)
    say(f"{len(repeated)} runs once more, here")
    settings = {
        "FORESITE_BACKEND": "local",
        "FORESITE_BIN_DIR": str(binaries()),
        "FORESITE_CONFIG_PROFILES": "simulator",
        "FORESITE_DATA_ROOT": (home / "data").as_uri(),
        "FORESITE_START_DATE": "2020-01-01T00:00:00Z",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT / "airflow"),
    }
    python = ROOT / ".foresite" / "venv" / "bin" / "python"
    call = (python, "-m", "tests.replay", home)
    said = run(*call, text=json.dumps(repeated), env=settings, folder=ROOT / "airflow", limit=1800)
    print(said)
    (home / "done").touch()
    return home / "data"


def test_nothing_that_went_wrong_left_a_trace(twin: Path, site: Site, tables: Tables) -> None:
    mine = Tables(twin.as_uri())
    names = sorted(path.name for path in (twin / "tables").iterdir())
    assert site.hdfs.names(f"{DATA_ROOT}/tables") == names
    found = {name: differences(tables.read(name), mine.read(name), PROVENANCE) for name in names}
    wrong = {name: found[name] for name in names if found[name]}
    # All of it: the site is gone when somebody reads this.
    assert not wrong, json.dumps(wrong, indent=1)
    assert {"kpis", "features_anomaly", "predictions_anomaly", "worklist", "alert_state"} <= set(names)
