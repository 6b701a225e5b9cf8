"""Everything up, in order, and down again: images → cluster → HDFS → PostgreSQL → Airflow.

python -m live.site up       and leave it there; then `pytest cluster/live` uses what is up
python -m live.site down
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from live.airflow import Airflow
from live.commands import CLUSTER, ROOT, images, run, wait_for
from live.hdfs import DATA_ROOT, Hdfs
from live.kube import NAMESPACE, apply, apply_text, config_map, kubectl, secret, service_address
from live.landing import Landing, stamp
from live.overlay import kustomized, overlay
from live.postgres import Postgres
from live.tables import Tables

STATE = Path(os.environ.get("FORESITE_SITE_DIR") or Path(tempfile.gettempdir()) / f"foresite-site-{os.getuid()}")
ARCHIVE = STATE / "images.tar"
STAGES = sorted(path.name for path in (ROOT / "crates" / "stages").iterdir())
#: An hour is taken up so long after its end, when its files have landed.
LATENESS = timedelta(minutes=30)
#: So many hours of the schedule are due when it begins.
DUE_HOURS = 2
#: Signals by which people end a run.
STOPPING = (signal.SIGINT, signal.SIGTERM)
#: Who asks the console in the tests.
PERSON = "K. Brandt"
PARTS = ("airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "foresite-console")


@dataclass
class Site:
    """What the tests need to know of what is up."""

    #: Where the simulated history ends and the schedule begins.
    born: datetime
    password: str
    #: Opens the console in the name of PERSON.
    console_token: str

    def known_at(self, hour: int) -> datetime:
        """The as-of that the schedule gives the n-th hour after the history, and the cutoff of its predictions."""
        return self.born + timedelta(hours=hour) + LATENESS

    @property
    def last_day(self) -> dict[str, str]:
        """The end of the history, as of when the history was known."""
        start = self.born - timedelta(days=1)
        return {
            "interval_start": stamp(start),
            "interval_end": stamp(self.born),
            "as_of": stamp(self.known_at(0)),
        }

    @property
    def last_whole_day(self) -> dict[str, str]:
        """The last day of UTC of the history, as of when the history was known."""
        end = self.born.replace(hour=0)
        return {**self.last_day, "interval_start": stamp(end - timedelta(days=1)), "interval_end": stamp(end)}

    @property
    def hdfs(self) -> Hdfs:
        return Hdfs(STATE / "hdfs")

    @property
    def airflow(self) -> Airflow:
        return Airflow(f"{service_address('airflow-api')}:8080", self.password)

    @property
    def tables(self) -> Tables:
        os.environ.update(self.hdfs.client())
        return Tables(f"{self.hdfs.uri}{DATA_ROOT}")

    @property
    def landing(self) -> Landing:
        return Landing(STATE / "network", self.born, binaries() / "foresite-simulate")


def binaries() -> Path:
    return Path(os.environ.get("FORESITE_BIN_DIR") or ROOT / "target" / "debug")


def say(text: str) -> None:
    print(f"[{datetime.now(timezone.utc):%H:%M:%S}] {text}", file=sys.stderr, flush=True)


def up() -> Site:
    """Brings everything up; ends what it began when something fails."""
    if (STATE / "site.json").exists():
        return load()
    down()
    STATE.mkdir(mode=0o755, parents=True)
    try:
        return build()
    except BaseException:
        down()
        raise


def build() -> Site:
    started = time.monotonic()
    newest = (datetime.now(timezone.utc) - LATENESS).replace(minute=0, second=0, microsecond=0)
    born = newest - DUE_HOURS * timedelta(hours=1)
    site = Site(born, password=secrets.token_urlsafe(12), console_token=secrets.token_hex(32))
    # Missing images are said before a quarter of an hour of compiling.
    images_to_load = save_images()
    say("images saved")
    run(CLUSTER, "build", limit=3600)
    run(CLUSTER, "up", limit=300, warns=True)
    say("cluster up")
    load_images(images_to_load)
    say("images loaded")
    site.hdfs.up()
    site.hdfs.prepare()
    say("hdfs up")
    database = Postgres(STATE / "postgres")
    database.up()
    say("postgresql up")
    deploy(site, database.url)
    (STATE / "site.json").write_text(json.dumps({**asdict(site), "born": stamp(site.born)}))
    say(f"airflow up; {time.monotonic() - started:.0f} s in all")
    return site


def load() -> Site:
    kept = json.loads((STATE / "site.json").read_text())
    born = datetime.fromisoformat(kept["born"].replace("Z", "+00:00"))
    return Site(born, kept["password"], kept["console_token"])


def down() -> None:
    """Ends everything; what is not there is no fault, and whoever is in a hurry has to wait."""
    database = Postgres(STATE / "postgres")
    steps: dict[str, Callable[[], object]] = {
        "cluster": lambda: run(CLUSTER, "down"),
        "postgresql": database.down,
        "hdfs": Hdfs(STATE / "hdfs").down,
        "files": lambda: shutil.rmtree(STATE, ignore_errors=True),
    }
    with undisturbed():
        for name, step in steps.items():
            try:
                step()
                say(f"{name} down")
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                say(f"{name} down: {error}")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever comes, this goes to its end; so do the commands that it calls, which `run` keeps from it."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def image_names() -> dict[str, str]:
    """Images by what the Docker engine calls them, and what the manifests do; none where the cluster has them."""
    if os.environ.get("FORESITE_CLUSTER_IMAGES") == "loaded":
        return {}
    repository = os.environ.get("FORESITE_IMAGE_REPOSITORY", "foresite")
    tag = os.environ.get("FORESITE_IMAGE_TAG", "dev")
    return {f"{repository}/{name}:{tag}": f"foresite/{name}:dev" for name in (*STAGES, "serve", "airflow")}


def save_images() -> dict[str, str]:
    """Takes the images out of the Docker engine, the layers that they share once; their names."""
    names = image_names()
    if names:
        run("docker", "save", "--output", ARCHIVE, *names)
    return names


def load_images(names: dict[str, str]) -> None:
    """Brings what was taken out into the cluster."""
    if not names:
        return
    run(CLUSTER, "load-image", ARCHIVE)
    ARCHIVE.unlink()
    for given, expected in names.items():
        if given != expected:
            images("tag", "--force", f"docker.io/{given}", f"docker.io/{expected}")


def deploy(site: Site, database: str) -> None:
    """Secrets, keys, configuration, then the local overlay with what only this run knows.

    The services of models are not waited for: they are ready with the first model.
    """
    with overlay() as folder:
        rendered = render(folder, site)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    apply(namespace)
    signing_key = run("openssl", "genpkey", "-algorithm", "ed25519")
    apply(
        *made_secrets(site, database, signing_key),
        config_map("foresite-trusted-keys", {"site.pem": run("openssl", "pkey", "-pubout", text=signing_key)}),
        config_map("foresite-hadoop-conf", site.hdfs.client_files()),
    )
    configure()
    # First what prepares the database: what finds it unprepared ends and is started anew.
    objects = rendered.split("\n---\n")
    servers = [text for text in objects if "\nkind: Deployment\n" in text]
    apply_text("\n---\n".join(text for text in objects if text not in servers))
    kubectl("wait", "--for=condition=Complete", "--timeout=600s", "job/airflow-migrate", limit=620)
    say("database migrated")
    apply_text("\n---\n".join(servers))
    for part in PARTS:
        kubectl("rollout", "status", "--timeout=600s", f"deployment/{part}", limit=620)
    # The DAG files are read a while after the processor has started.
    wait_for("the DAGs", 300, lambda: all_dags(site) or None)


def all_dags(site: Site) -> bool:
    found = site.airflow.patiently("GET", "/dags?limit=50")["dags"]
    return {"telecom_data_pipeline", "telecom_inference", "telecom_model_training"} <= {dag["dag_id"] for dag in found}


def render(folder: Path, site: Site) -> str:
    """The local overlay, its schedule beginning where the simulated history ends."""
    settings = {
        "FORESITE_START_DATE": stamp(site.born),
        "FORESITE_CATCH_UP": "true",
        "FORESITE_LATENESS_MINUTES": str(int(LATENESS.total_seconds() / 60)),
    }
    literals = [f"{name}={value}" for name, value in settings.items()]
    made = {"name": "airflow-environment", "behavior": "merge", "literals": literals}
    return kustomized(folder, {"configMapGenerator": [made]})


def made_secrets(site: Site, database: str, signing_key: str) -> list[dict[str, object]]:
    """Made for this run, kept nowhere else."""
    airflow = {
        "database": database,
        "fernet-key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "jwt-secret": secrets.token_urlsafe(48),
        "api-secret-key": secrets.token_urlsafe(48),
    }
    return [
        secret("airflow-secrets", airflow),
        secret("airflow-users", {"passwords.json": json.dumps({"admin": site.password})}),
        # The first is Airflow's: a token of a person speaks for nobody else.
        secret("foresite-console-token", {"token": f"{secrets.token_hex(32)}\n{site.console_token} as {PERSON}\n"}),
        secret("foresite-signing-key", {"signing-key.pem": signing_key}),
    ]


def configure() -> None:
    """The samples, as a site would roll out its own."""
    environment = {"PYTHONPATH": str(ROOT / "airflow"), "FORESITE_NAMESPACE": NAMESPACE}
    apply_text(run(sys.executable, "-m", "foresite_airflow.rollout", ROOT / "docs" / "samples", env=environment))


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]]()
