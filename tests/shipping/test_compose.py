"""The compose file as data: everything that it names exists, and nobody may more than they need."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker" / "compose.yaml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
PREPARED = (ROOT / "docker" / "one_machine.sh").read_text()
MODELS = ("anomaly-detection", "predictive-maintenance", "capacity-planning")
AIRFLOW = ("airflow-migrate", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
#: Of the official image of PostgreSQL.
POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"}


def environment() -> dict[str, str]:
    return {name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()}


def mounts(service: str) -> dict[str, str]:
    """Path in the container → where it comes from."""
    pairs = (mount.removesuffix(":ro") for mount in SERVICES[service].get("volumes", []))
    return {target: source for source, _, target in (pair.rpartition(":") for pair in pairs)}


def test_there_is_a_service_for_everything() -> None:
    assert set(SERVICES) == {"postgres", *AIRFLOW, *MODELS, "foresite-console"}


def test_every_image_is_one_that_is_built() -> None:
    listed = subprocess.run([ROOT / "docker" / "images.sh", "--list"], capture_output=True, text=True, check=True)
    named = set(re.findall(r"FORESITE_IMAGE_REPOSITORY:-foresite}/([a-z-]+):", TEXT))
    assert named == {"airflow", "serve"}
    assert named <= set(listed.stdout.split())
    assert re.fullmatch(r"\$\{FORESITE_POSTGRES_IMAGE:-postgres:\d+-bookworm\}", SERVICES["postgres"]["image"])


def test_every_variable_of_ours_is_one_that_airflow_reads() -> None:
    settings = (ROOT / "airflow" / "foresite_airflow" / "settings.py").read_text()
    ours = {name for name in environment() if name.startswith("FORESITE_")}
    assert ours
    assert not {name for name in ours if f"`{name}`" not in settings}


def test_every_setting_of_airflow_exists() -> None:
    """Also that those which come from a command are ones that may."""
    found = importlib.util.find_spec("airflow")
    assert found is not None
    assert found.origin is not None
    known = yaml.safe_load((Path(found.origin).parent / "config_templates" / "config.yml").read_text())
    managers = {"SIMPLE_AUTH_MANAGER_USERS", "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"}
    for name in environment():
        if not name.startswith("AIRFLOW__"):
            continue
        _, section, key = name.split("__")
        options = known[section.lower()]["options"]
        if key.endswith("_CMD"):
            assert options[key.removesuffix("_CMD").lower()]["sensitive"], name
        elif key not in managers:
            assert key.lower() in options, name


def test_no_variable_is_of_nobody() -> None:
    rest = {name for name in environment() if not name.startswith(("FORESITE_", "AIRFLOW__"))}
    assert rest == POSTGRES | {"TMPDIR"}


def test_what_must_be_given_is_what_the_script_writes() -> None:
    needed = set(re.findall(r"\$\{(FORESITE_\w+):\?", TEXT))
    bare = set(re.findall(r"\$\{(FORESITE_\w+)\}", TEXT))
    written = set(re.findall(r"^(FORESITE_\w+)=", PREPARED, re.MULTILINE))
    assert bare <= needed <= written


def test_every_secret_is_declared_made_and_read() -> None:
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    made = set(re.findall(r"\| secret ([a-z-]+) ", PREPARED)) | set(
        re.findall(r"^random \| secret ([a-z-]+)", PREPARED)
    )
    assert used == set(FILE["secrets"]) == made
    for name, service in SERVICES.items():
        said = " ".join([*map(str, service.get("environment", {}).values()), *service.get("command", [])])
        if name not in AIRFLOW:
            assert {f"/run/secrets/{secret}" for secret in service["secrets"]} == set(
                re.findall(r"/run/secrets/[a-z-]+", said)
            )
    for name, secret in FILE["secrets"].items():
        assert secret["file"] == f"${{FORESITE_DIR}}/secrets/{name}"


def test_every_folder_is_one_that_the_script_makes() -> None:
    below = {source.removeprefix("${FORESITE_DIR}/") for name in SERVICES for source in mounts(name).values()}
    folders = {path for path in below if not path.startswith("$")}
    caches = {f"cache/{task}" for task in ("anomaly", "maintenance", "capacity")}
    assert folders == {"airflow", "configuration", "data", "data/logins", "results", "postgres"} | caches
    for path in folders:
        assert re.search(rf'[/{{,]{path.rpartition("/")[2]}[,}} "\n]', PREPARED), path


def test_addresses_are_those_of_services_that_listen() -> None:
    for url in (value for value in environment().values() if value.startswith("http://")):
        matched = re.fullmatch(r"http://([a-z-]+):(\d+)(/execution/)?", url)
        assert matched, url
        service = SERVICES[matched[1]]
        listens = f"--listen=0.0.0.0:{matched[2]}" in service["command"]
        assert listens or service["environment"]["AIRFLOW__API__PORT"] == matched[2]
    assert "@postgres/airflow" in PREPARED
    assert "postgresql+psycopg2://airflow:" in PREPARED


def test_published_ports_listen_on_this_machine_and_once() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("${FORESITE_LISTEN:-127.0.0.1}:") for port in ports)
    published = [port.removeprefix("${FORESITE_LISTEN:-127.0.0.1}:").rpartition(":")[0] for port in ports]
    assert len(set(published)) == len(published) == 7
    for name in MODELS:
        inside = {port.rpartition(":")[2] for port in SERVICES[name]["ports"]}
        assert inside == {"8080", "8081"}


@pytest.mark.parametrize("name", [*MODELS, "foresite-console"])
def test_options_of_the_services_are_those_of_the_program(name: str) -> None:
    help_page = (ROOT / "docs" / "reference" / "serve.md").read_text()
    arguments = (ROOT / "crates" / "serve" / "src" / "cli.rs").read_text()
    command, *options = SERVICES[name]["command"]
    # The page shows the options of `model`; those of `console` with a value are some of them.
    assert command == ("console" if name == "foresite-console" else "model")
    for option in options:
        name_of, _, value = option.partition("=")
        flag = f"pub(crate) {name_of.removeprefix('--').replace('-', '_')}: bool"
        assert (f"{name_of} <" in help_page) if value else (flag in arguments), option


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["networks"] == ["foresite"]
    assert ("cap_add" in service) == (name == "postgres")


def test_only_the_scheduler_has_the_engine() -> None:
    holders = {name for name in SERVICES if "/var/run/docker.sock" in mounts(name)}
    assert holders == {"airflow-scheduler"} == {name for name in SERVICES if "group_add" in SERVICES[name]}


def test_services_only_read_and_are_another_user_than_the_stages() -> None:
    for name in (*MODELS, "foresite-console"):
        assert SERVICES[name]["user"] == "10002:10002"
        assert "${FORESITE_DIR}/data:${FORESITE_DIR}/data:ro" in SERVICES[name]["volumes"]


def test_the_console_records_who_asked_where_the_stages_may_delete_it() -> None:
    """The overlays of Kubernetes do so too: `k8s/tests/test_policies.py`."""
    console = SERVICES["foresite-console"]
    assert console["command"].count("--record-logins") == 1
    written = [mount for mount in console["volumes"] if not mount.endswith(":ro")]
    assert written == ["${FORESITE_DIR}/data/logins:${FORESITE_DIR}/data/logins"]
    # What is made in the folder belongs to its group, which is that of the stages.
    assert '--mode=2775 --owner=$services --group=$stages "$folder"/data/logins' in PREPARED


def test_what_the_engine_mounts_has_one_path_everywhere() -> None:
    scheduler = mounts("airflow-scheduler")
    for folder in ("data", "results"):
        assert scheduler[f"${{FORESITE_DIR}}/{folder}"] == f"${{FORESITE_DIR}}/{folder}"
    assert SERVICES["airflow-scheduler"]["environment"]["TMPDIR"] == "${FORESITE_DIR}/results"
