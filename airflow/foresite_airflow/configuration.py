"""Configuration that cannot change under a running DAG: every file is copied under its own hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Configuration:
    """The files of a configuration folder: `stage/name` → content."""

    files: dict[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> Configuration:
        """Reads `<folder>/<stage>/*.json`."""
        files = {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in sorted(folder.glob("*/*.json"))}
        if not files:
            raise FileNotFoundError(f"{folder}: no configuration: expected <stage>/default.json")
        return cls(files)

    @property
    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}

    @property
    def hash(self) -> str:
        """One hash over all files."""
        return hashlib.sha256(json.dumps(self.digests, sort_keys=True).encode()).hexdigest()

    def publish(self, data_root: Path) -> dict[str, str]:
        """Copies every file to `<data-root>/configs/<hash>.json`; returns `stage/name` → path.

        A copy that is there already is left alone: equal names hold equal bytes.
        """
        target = data_root / "configs"
        target.mkdir(parents=True, exist_ok=True)
        for name, digest in self.digests.items():
            place(target / f"{digest}.json", self.files[name])
        return {name: str(target / f"{digest}.json") for name, digest in self.digests.items()}


def place(path: Path, content: bytes) -> None:
    """Writes a file so that readers see all of it or nothing; the first writer wins."""
    if path.exists():
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        part.chmod(0o444)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()


def folder_of(data_root: str) -> Path:
    """The folder behind a `file://` data root."""
    parts = urlsplit(data_root)
    if parts.scheme not in {"", "file"}:
        raise ValueError(f"FORESITE_DATA_ROOT={data_root}: the local back end needs file://")
    return Path(unquote(parts.path))
