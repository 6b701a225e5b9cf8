"""Secrets in container images: in the files of their layers, in the names of these, and in their configuration.

An archive of `docker save` is read as it comes, each layer once, a piece at a time. What this cannot see is a secret in
a compressed file, or one that looks like nothing in particular: those that tests know are looked for by themselves
(`crates/testkit/src/secrets.rs`).
"""

from __future__ import annotations

import json
import posixpath
import re
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

PIECE = 1 << 20
#: Longer than all that a rule needs to see at once.
OVERLAP = 8 << 10
#: Bytes of a configuration or a manifest.
MOST_TEXT = 16 << 20

KEYTAB = "a keytab"


@dataclass(frozen=True)
class Rule:
    """Something that looks like a secret."""

    name: str
    #: One of them is in whatever matches: found much faster than the pattern.
    needles: tuple[bytes, ...]
    pattern: re.Pattern[bytes]

    def finds(self, window: bytes) -> bool:
        return any(needle in window for needle in self.needles) and self.pattern.search(window) is not None


def rule(name: str, needles: str, pattern: bytes) -> Rule:
    return Rule(name, tuple(needles.encode().split()), re.compile(pattern))


#: A line break, or what stands for one inside quotes.
BREAK = rb"(?:[\r\n]|\\r|\\n)+"
#: What a token or a password in a URL is made of.
WORD = rb"[\w.~!*+=%-]"
RULES = (
    # Programs that read keys hold the first line alone.
    rule(
        "a private key",
        "PRIVATE",
        rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[ \"']{0,3}"
        + BREAK
        + rb"(?:[A-Za-z-]{1,30}: [^\r\n]{0,200}"
        + BREAK
        + rb"){0,4}[ \t\"']{0,40}[A-Za-z0-9+/=]{40}",
    ),
    rule("a private key in base64", "LS0tLS1CRUdJTi", rb"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFURS|BFQyBQUklWQVRF)"),
    rule("a JSON web token", "eyJ", rb"eyJ[\w-]{10,1000}\.eyJ[\w-]{10,4000}\.[\w-]{20}"),
    rule("a token of a registry", "_authToken", rb"_authToken[\"']?\s{0,4}[=:]\s{0,4}[\"']?[\w./+=~-]{16}"),
    rule(
        "credentials of a package index",
        "INDEX_URL index-url index_url",
        rb"(?i:index[-_]url)[\"'\s:=]{1,8}https?://[^\s/@\"'<>{}$]{1,200}@",
    ),
    # Shorter ones, and those of letters alone, are words of documentation: `scott:tiger@`.
    rule(
        "a password in a URL",
        "://",
        rb"://[\w.~+-]{1,64}:(?=" + WORD + rb"{0,200}[0-9])(?=" + WORD + rb"{0,200}[A-Za-z])" + WORD + rb"{12,200}@",
    ),
    # Amazon's documentation has one that ends in EXAMPLE.
    rule("a key of Amazon", "AKIA ASIA", rb"\b(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}\b"),
    rule("a key of Google", "AIza GOCSPX-", rb"\b(?:AIza[\w-]{35}|GOCSPX-[\w-]{28})\b"),
    rule("a key of Azure", "AccountKey=", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    rule("a token of GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", rb"\b(?:gh[opusr]_\w{36}|github_pat_\w{60})"),
    rule("a token of GitLab", "glpat-", rb"\bglpat-[\w-]{20}"),
    rule("a token of PyPI", "pypi-AgE", rb"\bpypi-AgE[\w-]{50}"),
)
#: In the configuration of an image, and in its history, there is no documentation.
TOLD = (
    *RULES,
    rule("a password in a URL", "://", rb"://[^\s/@:\"'\\]{0,200}:[^\s/@\"'\\]{1,200}@"),
    rule(
        "a secret in the environment",
        "PASS SECRET TOKEN CREDENTIAL API_KEY ACCESS_KEY",
        rb"\"[A-Z0-9_]*(?:PASS|PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIALS?|API_KEY|ACCESS_KEY)(?:_[A-Z0-9_]*)?=[^\"\s]",
    ),
)
#: Files that have no business in an image, by their path.
NAMES = re.compile(
    r"(?:^|/)(?:\.git|\.git-credentials|\.netrc|\.pypirc|\.pgpass|\.dockercfg|\.docker/config\.json|\.aws/credentials"
    r"|\.kube/config|\.?cargo/credentials(?:\.toml)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.keytab|krb5cc_[^/]+)$"
)


@dataclass(frozen=True)
class Exclusion:
    """What may be there all the same."""

    kind: str
    path: str
    reason: str

    def covers(self, kind: str, path: str) -> bool:
        return kind == self.kind and re.fullmatch(self.path, path) is not None


EXCLUSIONS = (
    Exclusion("a private key", r"usr/lib/[^/]+/libgnutls\.so\.[\d.]+", "published keys by which GnuTLS tests itself"),
    Exclusion(
        "a password in a URL",
        r"opt/airflow/lib/airflow/secrets/(?:local_filesystem\.py|__pycache__/local_filesystem\.[^/]+\.pyc)",
        "the example of a connection in Airflow's description",
    ),
    Exclusion("a JSON web token", r"opt/airflow/lib/(?i:pyjwt)-[^/]+/METADATA", "the example of PyJWT's description"),
)


@dataclass(frozen=True)
class Layer:
    """How many files a layer has, and what is wrong with them."""

    files: int
    findings: tuple[str, ...]


@dataclass
class Scan:
    """What an archive of images holds, by the names of its members."""

    layers: dict[str, Layer] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    #: Layers that are those of another image: Docker up to 24 writes a link there.
    links: dict[str, str] = field(default_factory=dict)

    def images(self) -> Iterator[tuple[str, str, list[str]]]:
        """By image its name, its configuration and its layers."""
        for entry in json.loads(self.texts["manifest.json"]):
            for tag in entry["RepoTags"]:
                yield tag, entry["Config"], [self.links.get(name, name) for name in entry["Layers"]]

    def findings(self) -> list[str]:
        """A line each: the images, the place, what it looks like."""
        found = []
        for name, layer in self.layers.items():
            images = ", ".join(sorted(tag for tag, _, layers in self.images() if name in layers))
            found += [f"{images}: {finding}" for finding in layer.findings]
        for name, text in self.texts.items():
            images = ", ".join(sorted(tag for tag, config, _ in self.images() if name == config))
            found += [f"{images or 'the archive'}: {name}: {kind}" for kind in sorted(kinds(text, TOLD))]
        return found


def kinds(window: bytes, rules: tuple[Rule, ...]) -> set[str]:
    return {rule.name for rule in rules if rule.finds(window)}


def is_keytab(head: bytes) -> bool:
    """Whether a file begins as one: its version, then an entry with a realm that can be read."""
    if head[:2] != b"\x05\x02" or len(head) < 12:
        return False
    size, parts, length = struct.unpack_from(">iHH", head, 2)
    realm = head[10 : 10 + length]
    return 0 < size < 4096 and 0 < parts < 10 and 0 < length == len(realm) and 32 <= min(realm) <= max(realm) < 127


def in_file(content: IO[bytes]) -> set[str]:
    """What a file looks like."""
    piece, tail = content.read(PIECE), b""
    found = {KEYTAB} if is_keytab(piece) else set[str]()
    while piece:
        window = tail + piece
        found |= kinds(window, RULES)
        tail, piece = window[-OVERLAP:], content.read(PIECE)
    return found


def in_layer(layer: IO[bytes]) -> Layer:
    """What a layer holds, also what a layer above it hides."""
    files, findings = 0, list[str]()
    with tarfile.open(fileobj=layer, mode="r|*", bufsize=PIECE) as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            found = {"a file of that name"} if NAMES.search(path) else set[str]()
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                files += 1
                found |= in_file(content)
            covered = {kind for kind in found if any(excluded.covers(kind, path) for excluded in EXCLUSIONS)}
            findings += [f"{path}: {kind}" for kind in sorted(found - covered)]
    return Layer(files, tuple(findings))


def is_layer(head: bytes) -> bool:
    """Whether a member of an archive of images is a layer; all others are JSON. An empty one is zeros."""
    return head[257:262] == b"ustar" or head[:2] == b"\x1f\x8b" or not head.strip(b"\0")


def in_archive(stream: IO[bytes]) -> Scan:
    """Looks through what `docker save` writes."""
    scan = Scan()
    with tarfile.open(fileobj=stream, mode="r|", bufsize=PIECE) as archive:
        for member in archive:
            if member.issym():
                scan.links[member.name] = posixpath.normpath(f"{posixpath.dirname(member.name)}/{member.linkname}")
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            # `extractfile` gives a BufferedReader, whatever its type says.
            if is_layer(content.peek(512)[:512]):  # type: ignore[attr-defined]
                scan.layers[member.name] = in_layer(content)
            else:
                text = scan.texts[member.name] = content.read(MOST_TEXT + 1)
                assert len(text) <= MOST_TEXT, f"{member.name}: neither a layer nor a text"
    return scan
