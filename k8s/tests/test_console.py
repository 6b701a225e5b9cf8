"""The real console with the arguments of its Deployment, asked by the pages' own client with the environment of
Airflow's API server. Secrets are folders here, and the Service is an address of this machine's own network.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import randrange
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from foresite_airflow import settings
from foresite_airflow.pages.console import ConsoleError, summary

from manifests import K8S, Manifests, Pod, pod_of, source_of

BINARY = K8S.parent / "target" / "debug" / "foresite-serve"
PATIENCE_SECONDS = 60
SERVICE = "foresite-console"
NOW = datetime.now(timezone.utc)
PEM = serialization.Encoding.PEM
TOKEN = "the-first-of-two-tokens"


def certificate(name: str, key: Any, issuer: str, signer: Any, extension: Any) -> bytes:
    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    made = x509.CertificateBuilder(called(issuer), called(name), key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(NOW - timedelta(hours=1)).not_valid_after(NOW + timedelta(hours=1))
    return made.add_extension(extension, critical=False).sign(signer, hashes.SHA256()).public_bytes(PEM)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The Secrets that a site brings: a folder for each, with a file for each key."""
    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = x509.SubjectAlternativeName([x509.DNSName(SERVICE), x509.DNSName(f"{SERVICE}.foresite.svc")])
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    files = {
        "foresite-serve-tls/tls.crt": certificate(SERVICE, own, "authority", authority, names),
        "foresite-serve-tls/tls.key": own.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "foresite-serve-tls/ca.crt": certificate("authority", authority, "authority", authority, is_authority),
        "foresite-serve-token/token": f"{TOKEN}\n".encode(),
        "foresite-console-token/token": f"{TOKEN}\n".encode(),
    }
    for name, content in files.items():
        path = tmp_path / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "data").mkdir()
    return tmp_path


def here(site: Path, pod: Pod, path: str) -> str:
    """Where a file of a pod's first container is on this machine."""
    source = source_of(pod, pod.spec["containers"][0], path)
    assert source, f"{pod.origin}: nothing is mounted for {path}"
    return str(site / "secrets" / source.name / source.key)


@contextmanager
def console(site: Path, pod: Pod) -> Iterator[str]:
    """The service with the arguments of a pod, on an address of its own; yields that."""
    place = f"127.{randrange(1, 255)}.{randrange(1, 255)}.{randrange(1, 255)}"
    arguments = []
    for argument in pod.spec["containers"][0]["args"]:
        option, _, value = argument.partition("=")
        if value.startswith("/"):
            argument = f"{option}={here(site, pod, value)}"
        argument = argument.replace("$(FORESITE_DATA_ROOT)", str(site / "data"))
        arguments.append(argument.replace("=0.0.0.0:", f"={place}:"))
    log = site / "console.log"
    with log.open("w") as said, subprocess.Popen([BINARY, *arguments], stderr=said) as started:
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while "listening" not in log.read_text():
                assert started.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield place
        finally:
            started.kill()


@pytest.mark.parametrize("variant", ["overlay local", "overlay production"])
def test_airflows_pages_are_answered(
    variant: str, renderings: dict[str, Manifests], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is missing: run `make build`")
    manifests = renderings[variant]
    server, client = (pod_of(manifests.one("Deployment", name)) for name in (SERVICE, "airflow-api"))
    known = manifests.environment(client.spec["containers"][0])
    for name in ("FORESITE_CONSOLE_URL", "FORESITE_CONSOLE_TOKEN_FILE", "FORESITE_CONSOLE_CA_FILE"):
        value = known.get(name, "")
        monkeypatch.setenv(name, here(site, client, value) if value.startswith("/") else value)
    resolve = socket.getaddrinfo
    with console(site, server) as place:

        def service(host: Any, *more: Any, **others: Any) -> Any:
            """The cluster's DNS, with the one Service that there is."""
            return resolve(place if host in {SERVICE, SERVICE.encode()} else host, *more, **others)

        monkeypatch.setattr(socket, "getaddrinfo", service)
        assert "lists" in asyncio.run(summary("worklist"))
        if token := settings.console_token_file():
            token.with_name("another").write_text("the-second")
            monkeypatch.setenv("FORESITE_CONSOLE_TOKEN_FILE", str(token.with_name("another")))
            with pytest.raises(ConsoleError, match="refuses the token"):
                asyncio.run(summary("worklist"))
        until = time.monotonic() + PATIENCE_SECONDS
        caller = f"token {hashlib.sha256(TOKEN.encode()).hexdigest()[:8]}"
        while not {(caller, None), (None, "the token is not known")} <= on_record(site / "data"):
            assert time.monotonic() < until, (site / "console.log").read_text()
            time.sleep(0.05)


def on_record(root: Path) -> set[tuple[str | None, str | None]]:
    """Callers whom a console has written down, and why it refused whom it refused."""
    lines = [line for path in root.glob("logins/*/*.jsonl") for line in path.read_text().splitlines()]
    return {(found["caller"], found["refused"]) for found in map(json.loads, lines)}
