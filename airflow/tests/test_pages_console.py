"""How the pages reach the console: its address, its token, its certificate, its refusals."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.browser import PAGES, log_in
from tests.stand_in_console import Console, running


def test_a_console_that_is_not_there_is_said_with_what_to_do(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(client, "VIEWER")
    expected = {
        "": (503, "No console is configured"),
        "http://127.0.0.1:9": (502, "cannot be reached"),
        "http://[broken": (502, "cannot be reached"),
        "127.0.0.1:9": (502, "cannot be reached"),
    }
    for url, (status, text) in expected.items():
        monkeypatch.setenv("FORESITE_CONSOLE_URL", url)
        for page in PAGES:
            answer = client.get(f"/foresite/{page}")
            assert answer.status_code == status, url
            assert text in answer.text
            assert "FORESITE_CONSOLE_URL" in answer.text


@pytest.mark.parametrize(
    ("status", "answer", "expected", "text"),
    [
        (503, {"error": "data root file:///x/: no such directory"}, 503, "no such directory"),
        (401, {"error": "token"}, 502, "FORESITE_CONSOLE_TOKEN_FILE"),
        (404, {}, 502, "HTTP 404"),
        (200, b"<html>", 502, "an answer that is none"),
        (200, b"{" + b" " * (9 << 20) + b"}", 502, "more than 8388608 bytes"),
    ],
)
def test_what_the_console_refuses_is_told(
    status: int, answer: Any, expected: int, text: str, client: Any, console: Console
) -> None:
    log_in(client, "VIEWER")
    console.status, console.answers["worklist"] = status, answer
    page = client.get("/foresite/worklist")
    assert page.status_code == expected
    assert text in page.text


def test_the_token_is_read_anew_and_sent(
    client: Any, console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(client, "VIEWER")
    file = tmp_path / "token"
    monkeypatch.setenv("FORESITE_CONSOLE_TOKEN_FILE", str(file))
    missing = client.get("/foresite/worklist")
    assert (missing.status_code, "token" in missing.text) == (503, True)
    for secret in ("s3cret-1", "s3cret-2"):
        file.write_text(f"{secret}\n")
        page = client.get("/foresite/worklist")
        assert page.status_code == 200
        assert secret not in page.text
    assert [sent for _, sent in console.seen] == ["Bearer s3cret-1", "Bearer s3cret-2"]


def test_a_file_of_several_tokens_gives_the_first_that_counts(
    client: Any, console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While tokens change there are two of them in the file that the services read, too."""
    log_in(client, "VIEWER")
    file = tmp_path / "token"
    monkeypatch.setenv("FORESITE_CONSOLE_TOKEN_FILE", str(file))
    for text, sent in (
        ("one\ntwo\n", "one"),
        ("one 2020-01-01T00:00:00Z\n\ntwo 2999-01-01T00:00:00Z\n", "two"),
        ("one as K. Brandt\nthree 2999-01-01T00:00:00Z as Lee\ntwo\n", "two"),
        ("one\tas\tKim\nthree\t2999-01-01T00:00:00Z\tas Lee\n \ntwo\n", "two"),
    ):
        file.write_text(text)
        assert client.get("/foresite/worklist").status_code == 200
        assert console.seen[-1][1] == f"Bearer {sent}"
    file.write_text("one 2020-01-01T00:00:00Z\n")
    page = client.get("/foresite/worklist")
    assert (page.status_code, "still counts" in page.text) == (503, True)


def certificate(folder: Path, name: str) -> Path:
    """A certificate for this machine that is its own authority, with its key behind it."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    (folder / f"{name}.pem").write_bytes(text)
    return folder / f"{name}.pem"


def test_the_consoles_certificate_is_checked_against_the_named_authority(
    client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(client, "VIEWER")
    console = Console()
    console.certify(certificate(tmp_path, "console"))
    authority = tmp_path / "ca.crt"
    monkeypatch.setenv("FORESITE_CONSOLE_URL", console.url)
    with running(console):
        untrusted = client.get("/foresite/worklist")
        monkeypatch.setenv("FORESITE_CONSOLE_CA_FILE", str(authority))
        missing = client.get("/foresite/worklist")
        authority.write_text(certificate(tmp_path, "another").read_text())
        another = client.get("/foresite/worklist")
        assert console.seen == []
        # A new file counts at once.
        authority.write_text((tmp_path / "console.pem").read_text())
        assert client.get("/foresite/worklist").status_code == 200
    assert (untrusted.status_code, "CERTIFICATE_VERIFY_FAILED" in untrusted.text) == (502, True)
    assert (missing.status_code, "FORESITE_CONSOLE_CA_FILE" in missing.text) == (503, True)
    assert (another.status_code, "CERTIFICATE_VERIFY_FAILED" in another.text) == (502, True)
