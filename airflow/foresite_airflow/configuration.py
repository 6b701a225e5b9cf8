"""Configuration that cannot change under a running DAG: the folder is copied under its own hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
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
        """Reads `<folder>/<stage>/*.json`, or `<folder>/<stage>.*.json` where a ConfigMap is mounted."""
        files = {f"{path.parent.name}/{path.stem}": path.read_bytes() for path in folder.glob("*/*.json")}
        flat = {path.stem.replace(".", "/", 1): path.read_bytes() for path in folder.glob("*.*.json")}
        # What the kubelet keeps beside the files of a ConfigMap begins with a dot.
        found = {name: content for name, content in (files | flat).items() if not name.startswith(".")}
        if not found:
            raise FileNotFoundError(f"{folder}: no configuration: expected <stage>/default.json")
        return cls(dict(sorted(found.items())))

    @property
    def hash(self) -> str:
        """One hash over all files and their names."""
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()

    def publish(self, data_root: Path) -> Path:
        """Copies the files to `<data-root>/configs/<hash>/<stage>/<name>.json`; returns that folder.

        The folder appears whole or not at all, and is never written again: a file may name another
        one beside it, such as a mapping, and both stay what they were.
        """
        target = data_root / "configs" / self.hash
        if target.is_dir():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
        try:
            for name, content in self.files.items():
                path = part / f"{name}.json"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o444)
            part.chmod(0o755)
            os.rename(part, target)  # noqa: PTH104, `Path.rename` would hide that it must not replace
        except OSError:
            # A run beside this one was faster: its folder holds the same bytes.
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return target


def flat_name(name: str) -> str:
    """The key of `stage/name` in a ConfigMap, which holds no folders."""
    return f"{name.replace('/', '.')}.json"


def folder_of(data_root: str) -> Path:
    """The local folder for what belongs to a data root: its own, or Airflow's home for one on HDFS."""
    parts = urlsplit(data_root)
    if parts.scheme in {"", "file"}:
        return Path(unquote(parts.path))
    return Path(os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow")
