"""Everything that the environment decides, declared in one place.

Read while a DAG file is parsed, so that one folder of DAGs serves a laptop and a cluster.
"""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from foresite_airflow.clock import parse_time

REPOSITORY = Path(__file__).resolve().parents[2]

BACKENDS = ("local", "docker", "kubernetes")


def backend() -> str:
    """`FORESITE_BACKEND`: where stages run; `local` unless said otherwise."""
    return os.environ.get("FORESITE_BACKEND", "local")


def data_root() -> str:
    """`FORESITE_DATA_ROOT`: where the tables, plans and landing files lie."""
    return os.environ.get("FORESITE_DATA_ROOT") or (REPOSITORY / ".foresite" / "data").as_uri()


def demo_root() -> str:
    """`FORESITE_DEMO_ROOT`: where the demo keeps its data, such as an empty folder on HDFS; its own if unset."""
    return os.environ.get("FORESITE_DEMO_ROOT", "").rstrip("/")


def binaries() -> Path:
    """`FORESITE_BIN_DIR`: the folder of the stage binaries."""
    return Path(os.environ.get("FORESITE_BIN_DIR") or REPOSITORY / "target" / "debug")


def configurations() -> Path:
    """`FORESITE_CONFIG_DIR`: one folder per stage with its JSON files, like `docs/samples`."""
    return Path(os.environ.get("FORESITE_CONFIG_DIR") or REPOSITORY / "docs" / "samples")


def profiles() -> list[str]:
    """`FORESITE_CONFIG_PROFILES`: names of files that win over `default.json`, such as `demo,simulator`."""
    return os.environ.get("FORESITE_CONFIG_PROFILES", "").split(",")


def lateness() -> timedelta:
    """`FORESITE_LATENESS_MINUTES`: how long after its end an interval is taken up."""
    return timedelta(minutes=int(os.environ.get("FORESITE_LATENESS_MINUTES", "30")))


def retry_delay() -> timedelta:
    """`FORESITE_RETRY_DELAY_SECONDS`: wait before the first retry, doubled up to ten minutes."""
    default = "1" if backend() == "local" else "30"
    return timedelta(seconds=float(os.environ.get("FORESITE_RETRY_DELAY_SECONDS", default)))


def start_date() -> datetime:
    """`FORESITE_START_DATE`: the first interval that the schedules cover."""
    text = os.environ.get("FORESITE_START_DATE", "2026-01-01T00:00:00+00:00")
    return parse_time(text)


def catch_up() -> bool:
    """`FORESITE_CATCH_UP`: whether missed intervals since the start date are run, oldest first."""
    return os.environ.get("FORESITE_CATCH_UP", "false").lower() in {"1", "true", "yes"}


def exports() -> bool:
    """`FORESITE_EXPORT`: whether each worklist is also written in the terms of 3GPP (the stage `export`)."""
    return os.environ.get("FORESITE_EXPORT", "false").lower() in {"1", "true", "yes"}


def training_window() -> timedelta:
    """`FORESITE_TRAINING_DAYS`: how much history a scheduled training looks at."""
    return timedelta(days=int(os.environ.get("FORESITE_TRAINING_DAYS", "830")))


def ui_port() -> int:
    """`FORESITE_PORT`: where `make airflow` serves Airflow's UI. Raises `ValueError` for what is no port."""
    text = os.environ.get("FORESITE_PORT") or "8080"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError(f"FORESITE_PORT={text}: expected a number from 1 to 65535")
    return int(text)


def console_url() -> str:
    """`FORESITE_CONSOLE_URL`: where `foresite-serve console` answers; the pages in the UI read it."""
    return os.environ.get("FORESITE_CONSOLE_URL", "")


def console_token_file() -> Path | None:
    """`FORESITE_CONSOLE_TOKEN_FILE`: a file with the console's token, where it asks for one."""
    path = os.environ.get("FORESITE_CONSOLE_TOKEN_FILE")
    return Path(path) if path else None


def console_ca_file() -> Path | None:
    """`FORESITE_CONSOLE_CA_FILE`: certificates (PEM) of who signed the console's, beside the machine's authorities."""
    path = os.environ.get("FORESITE_CONSOLE_CA_FILE")
    return Path(path) if path else None


def namespace() -> str:
    """`FORESITE_NAMESPACE`: where stage pods are made."""
    return os.environ.get("FORESITE_NAMESPACE", "foresite")


def pod_schedule_seconds() -> int:
    """`FORESITE_POD_SCHEDULE_SECONDS`: how long a pod may wait for a node; a try fails then."""
    return int(os.environ.get("FORESITE_POD_SCHEDULE_SECONDS", "1800"))


def pod_start_seconds() -> int:
    """`FORESITE_POD_START_SECONDS`: how long a pod may take on its node to start, an image of a gigabyte included."""
    return int(os.environ.get("FORESITE_POD_START_SECONDS", "600"))


#: Where a pod finds the configuration of its run.
CONFIG_MOUNT = "/etc/foresite"


def image(stage: str) -> str:
    """The image of a stage, by digest where `FORESITE_IMAGE_DIGESTS` (stage → digest, JSON) has one.

    `FORESITE_IMAGE_REPOSITORY` is the prefix, `FORESITE_IMAGE_TAG` the tag where no digest is known.
    `FORESITE_STAGE_IMAGES` (stage → name, JSON) names another image than the stage's own, such as `train-cuda`.
    """
    repository = os.environ.get("FORESITE_IMAGE_REPOSITORY", "foresite")
    name = json.loads(os.environ.get("FORESITE_STAGE_IMAGES") or "{}").get(stage, stage)
    digest = json.loads(os.environ.get("FORESITE_IMAGE_DIGESTS", "{}")).get(name)
    tag = os.environ.get("FORESITE_IMAGE_TAG", "dev")
    return f"{repository}/{name}@{digest}" if digest else f"{repository}/{name}:{tag}"


def docker_network() -> str:
    """`FORESITE_DOCKER_NETWORK`: that of stage containers; by default none for local files, else the machine's."""
    return os.environ.get("FORESITE_DOCKER_NETWORK", "")


def docker_options() -> list[str]:
    """`FORESITE_DOCKER_OPTIONS`: more options of `docker run`, such as `--memory=4g` or `--gpus=all`."""
    return shlex.split(os.environ.get("FORESITE_DOCKER_OPTIONS", ""))


def pod_template(stage: str) -> Path | None:
    """`FORESITE_POD_TEMPLATES`: a folder with `<stage>.yaml` or `default.yaml` for the stage's pod.

    What a cluster decides for itself stands there: account, resources, GPU, nodes, secrets.
    """
    folder = os.environ.get("FORESITE_POD_TEMPLATES")
    if not folder:
        return None
    return next((path for name in (stage, "default") if (path := Path(folder) / f"{name}.yaml").is_file()), None)


def stage_profile(stage: str) -> str | None:
    """`FORESITE_STAGE_PROFILES` (stage → profile, JSON): resources other than those of the stage's pod template."""
    profiles: dict[str, str] = json.loads(os.environ.get("FORESITE_STAGE_PROFILES") or "{}")
    return profiles.get(stage)


def file_url(path: str) -> str:
    """Where a browser finds a file below the data root.

    `FORESITE_FILE_URL_TEMPLATE` says how the data root is served, with `{path}` in it, for example
    `https://namenode:9871/webhdfs/v1/foresite/{path}?op=OPEN`; without it the file's own URI.
    """
    template = os.environ.get("FORESITE_FILE_URL_TEMPLATE") or f"{data_root().rstrip('/')}/{{path}}"
    return template.replace("{path}", quote(path))


def pod_url(namespace: str, name: str) -> str:
    """Where a browser finds a pod: `FORESITE_POD_URL_TEMPLATE`, with `{namespace}` and `{name}` in it.

    Empty if unset: no page of pods is known then.
    """
    template = os.environ.get("FORESITE_POD_URL_TEMPLATE", "")
    return template.replace("{namespace}", quote(namespace)).replace("{name}", quote(name))


def log_days() -> float:
    """`FORESITE_LOG_DAYS`: how long a task's log is kept; 0 for ever."""
    return float(os.environ.get("FORESITE_LOG_DAYS", "14"))


def notifiers() -> list[dict[str, Any]]:
    """`FORESITE_NOTIFY`: Airflow notifiers that tell of a failed task, JSON; none if unset.

    One or a list of `{"class": "airflow.providers.….SmtpNotifier", "arguments": {…}}`. Secrets belong into the
    connection that the arguments name. Raises `ValueError` for anything else.
    """
    text = os.environ.get("FORESITE_NOTIFY", "").strip()
    if not text:
        return []
    shape = 'expected {"class": "package.module.Notifier", "arguments": {…}} or a list of these'
    try:
        read = json.loads(text)
    except ValueError as error:
        raise ValueError(f"FORESITE_NOTIFY is not JSON: {error}; {shape}") from error
    asked = read if isinstance(read, list) else [read]
    for one in asked:
        is_one = isinstance(one, dict) and isinstance(one.get("class"), str) and set(one) <= {"class", "arguments"}
        if not is_one or not isinstance(one.get("arguments", {}), dict):
            raise ValueError(f"FORESITE_NOTIFY: {shape}")
    return asked


def notify_within() -> timedelta:
    """`FORESITE_NOTIFY_WITHIN_HOURS`: a run of an interval that ended longer ago is a replay, and tells nobody."""
    return timedelta(hours=float(os.environ.get("FORESITE_NOTIFY_WITHIN_HOURS", "24")))


def promotion_needs_approval() -> bool:
    """`FORESITE_PROMOTION_APPROVAL`: whether a person must agree before a trained model is promoted."""
    return os.environ.get("FORESITE_PROMOTION_APPROVAL", "false").lower() in {"1", "true", "yes"}


def approval_patience() -> timedelta:
    """`FORESITE_APPROVAL_HOURS`: how long an approval waits; no answer until then is a rejection."""
    return timedelta(hours=float(os.environ.get("FORESITE_APPROVAL_HOURS", "144")))
