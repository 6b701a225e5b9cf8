"""The scanner of `tests/images/test_leaks.py` finds what is planted and nothing else; no engine is needed."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from collections.abc import Mapping

import pytest

from images import leaks

# Put together here, so that no file of the repository looks like one.
BODY = "MC4CAQAwBQYDK2VwBCIEI" + "Ab1" * 20
BEGIN = "-----BEGIN {}PRIVATE KEY-----"
PEM = f"{BEGIN.format('')}\n{BODY}\n"
JWT = f"eyJ{'hbGci' * 4}.eyJ{'pc3Mi' * 9}.{'c2ln' * 10}"
TOKEN = "a1B2c3D4e5F6g7H8i9J0" * 4
REALM = b"EXAMPLE.ORG"
TAB = b"\x05\x02" + struct.pack(">iHH", 60, 1, len(REALM)) + REALM + bytes(49)

SECRETS = {
    "PKCS 8": (PEM, "a private key"),
    "an encrypted one": (f"{BEGIN.format('RSA ')}\r\nProc-Type: 4,ENCRYPTED\r\n\r\n{BODY}", "a private key"),
    "OpenSSH's": (f"{BEGIN.format('OPENSSH ')}\n{BODY}", "a private key"),
    "one in JSON": (json.dumps({"private_key": PEM}), "a private key"),
    "one of a manifest": ("tls.key: LS0tLS1CRUdJTi" + "BQUklWQVRFIEtFWS0tLS0t", "a private key in base64"),
    "of a service account": (f"token={JWT}", "a JSON web token"),
    "npm's": (f"//registry.example.org/:_authToken={TOKEN}", "a token of a registry"),
    "pip's": ("[global]\nindex-url = https://me:pw@example.org/simple", "credentials of a package index"),
    "pip's variable": ("PIP_INDEX_URL=https://token@example.org/simple", "credentials of a package index"),
    "of a clone": (f'"url": "https://oauth2:{TOKEN}@example.org/x.git"', "a password in a URL"),
    "Amazon's": (f"id = AKIA{'ABCDEFG7' * 2}\n", "a key of Amazon"),
    "Google's": (f"AIza{TOKEN[:35]}", "a key of Google"),
    "Azure's": (f"AccountKey={TOKEN}{TOKEN[:6]}==", "a key of Azure"),
    "GitHub's": (f"ghp_{TOKEN[:36]}", "a token of GitHub"),
    "GitLab's": (f"glpat-{TOKEN[:20]}", "a token of GitLab"),
    "PyPI's": (f"pypi-AgEIcHlwaS5vcmc{TOKEN}", "a token of PyPI"),
}
HARMLESS = [
    f"{BEGIN.format('')}\0-----END PRIVATE KEY-----".encode(),
    f"{BEGIN.format('RSA ')}{BODY}".encode(),
    f"-----BEGIN PUBLIC KEY-----\n{BODY}".encode(),
    b"postgresql://scott:tiger@localhost/test http://user:averylongpassword@host {user}:{a1b2c3d4e5f6g7}@",
    b"--index-url https://pypi.org/simple; mail me@example.org",
    b"AKIAIOSFODNN7EXAMPLE",
    b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.",
    b"\x05\x02" + bytes(60),
]


def packed(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Files as a tar archive, behind links."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def saved(images: Mapping[str, list[str]], layers: Mapping[str, bytes], config: object = None) -> leaks.Scan:
    """What is found in an archive of images, by the names of their layers; one configuration for all."""
    manifest = [{"Config": "config", "RepoTags": [tag], "Layers": names} for tag, names in images.items()]
    texts = {"config": json.dumps(config or {}).encode(), "manifest.json": json.dumps(manifest).encode()}
    return leaks.in_archive(io.BytesIO(packed({**layers, **texts})))


def found(path: str, content: bytes) -> list[str]:
    """What is found in one file of one image."""
    return saved({"one:dev": ["layer"]}, {"layer": packed({path: content})}).findings()


@pytest.mark.parametrize(("text", "kind"), SECRETS.values(), ids=SECRETS)
def test_a_planted_secret_is_found(text: str, kind: str) -> None:
    assert found("./etc/file", text.encode()) == [f"one:dev: etc/file: {kind}"]
    far = b" " * (leaks.PIECE - len(text) // 2) + text.encode() + b" " * leaks.PIECE
    assert found("far", far) == [f"one:dev: far: {kind}"], "between two pieces"


def test_a_keytab_is_found_by_its_content() -> None:
    assert found("etc/file", TAB) == ["one:dev: etc/file: a keytab"]


@pytest.mark.parametrize("content", HARMLESS)
def test_what_only_resembles_a_secret_is_none(content: bytes) -> None:
    assert found("etc/file", content) == []


NAMES = [
    *("src/.git/", "root/.netrc", "root/.ssh/id_rsa", "etc/client.keytab", "root/.docker/config.json"),
    *(".pypirc", "root/.cargo/credentials.toml", "usr/local/cargo/credentials", "root/.aws/credentials"),
]


@pytest.mark.parametrize("path", NAMES)
def test_a_file_is_found_by_its_name(path: str) -> None:
    # A tar archive has a folder without the slash at its end.
    assert found(path.rstrip("/"), b"") == [f"one:dev: {path.rstrip('/')}: a file of that name"]


@pytest.mark.parametrize("path", [".gitignore", "id_rsa.pub", "usr/share/docker/config.json", "keytab"])
def test_other_names_are_none(path: str) -> None:
    assert found(path, b"") == []


def test_an_exclusion_is_for_one_kind_in_one_file() -> None:
    library = "usr/lib/x86_64-linux-gnu/libgnutls.so.30.34.3"
    assert found(library, PEM.encode()) == []
    assert found(library, JWT.encode()) == [f"one:dev: {library}: a JSON web token"]
    assert found(f"opt/{library}", PEM.encode()) == [f"one:dev: opt/{library}: a private key"]


def test_a_layer_of_two_images_is_named_once_also_under_one_that_hides_it_and_compressed() -> None:
    layers = {
        "low": gzip.compress(packed({"key": PEM.encode()})),
        "high": packed({".wh.key": b""}),
        "none": bytes(1024),
    }
    scan = saved({"b:dev": ["low", "high"], "a:dev": ["low", "none"], "c:dev": ["high"]}, layers)
    assert scan.findings() == ["a:dev, b:dev: key: a private key"]
    assert {name: layer.files for name, layer in scan.layers.items()} == {"low": 1, "high": 1, "none": 0}


def test_a_layer_that_is_a_link_is_that_of_the_other_image() -> None:
    manifest = [
        {"Config": "config", "RepoTags": [f"{name}:dev"], "Layers": [f"{name}/layer.tar"]} for name in ("one", "two")
    ]
    files = {
        "one/layer.tar": packed({"key": PEM.encode()}),
        "config": b"{}",
        "manifest.json": json.dumps(manifest).encode(),
    }
    scan = leaks.in_archive(io.BytesIO(packed(files, {"two/layer.tar": "../one/layer.tar"})))
    assert scan.findings() == ["one:dev, two:dev: key: a private key"]


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"config": {"Env": ["PIP_EXTRA=https://me:pw@example.org/"]}}, "a password in a URL"),
        ({"config": {"Env": ["DB_PASSWORD=x"]}}, "a secret in the environment"),
        ({"config": {"Labels": {"token": JWT}}}, "a JSON web token"),
        ({"history": [{"created_by": f"RUN git clone https://x:{TOKEN}@example.org/a"}]}, "a password in a URL"),
    ],
)
def test_a_secret_in_the_configuration_is_found(config: object, kind: str) -> None:
    scan = saved({"one:dev": ["layer"]}, {"layer": packed({})}, config)
    assert scan.findings() == [f"one:dev: config: {kind}"]


def test_a_usual_configuration_is_clean() -> None:
    environment = ["PATH=/usr/bin:/bin", "KRB5CCNAME=FILE:/tmp/krb5cc_foresite", "FORESITE_TOKENS_OF=", "LANG=C"]
    config = {"config": {"Env": environment}, "history": [{"created_by": "ARG BASE=debian:bookworm@sha256:00"}]}
    assert saved({"one:dev": ["layer"]}, {"layer": packed({})}, config).findings() == []
