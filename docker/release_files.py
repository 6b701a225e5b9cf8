"""Writes what a release says of its images: release_files.py FOLDER PACKAGES REPOSITORY TAG [--pushed]

FOLDER holds `images.txt` (a name and a digest a line) and `bills/*.cdx.json`; it gets `digests/`, the
component that k8s/overlays/production waits for, and `licences.md`. PACKAGES is the folder with the
Python packages of Airflow's image. Without `--pushed` the digests are those of one engine, and the
files say so.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

COMPONENT = """\
# The images of release {tag}, {whose}.
# Written by `make release`.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
{images}configMapGenerator:
  # What Airflow starts stages from.
  - name: foresite-images
    literals:
      - FORESITE_IMAGE_REPOSITORY={repository}
      - FORESITE_IMAGE_TAG={tag}
    files:
      - FORESITE_IMAGE_DIGESTS=stages.json
"""
IMAGE = """\
  - name: foresite/{name}
    newName: {repository}/{name}
    digest: {digest}
"""
LICENCES = """\
# Licences of release {tag}

What the programs link, from the bills of materials in `bills/`, and the Python packages of `airflow`.
The packages of Debian below them stand in `debian/`, their licences in each image under `/usr/share/doc`.

| licence | what |
|---|---|
"""


def is_service(name: str) -> bool:
    """Whether manifests name the image themselves; the others are started by Airflow."""
    return name == "airflow" or name.startswith("serve")


def component(images: dict[str, str], repository: str, tag: str, *, pushed: bool) -> str:
    """The kustomization of the services' images, with what Airflow needs to know of the stages'."""
    local = "by IDs of the engine that built them: no registry was named, and nobody can pull them"
    entries = "".join(
        IMAGE.format(name=name, repository=repository, digest=digest)
        for name, digest in images.items()
        if is_service(name)
    )
    whose = f"by the digests of {repository}" if pushed else local
    return COMPONENT.format(tag=tag, whose=whose, images=entries, repository=repository)


def crates(bills: Path) -> Iterator[tuple[str, str]]:
    """A licence and what has it, for all that the programs link."""
    for path in bills.glob("*.cdx.json"):
        for part in json.loads(path.read_text())["components"]:
            licences = part.get("licenses") or [{"expression": "not stated"}]
            for licence in licences:
                named = licence.get("expression") or licence["license"].get("id") or licence["license"]["name"]
                yield named, f"{part['name']} {part['version']}"


def packages(folder: Path) -> Iterator[tuple[str, str]]:
    """The same for the Python packages, as each states it."""
    for path in folder.glob("*.dist-info/METADATA"):
        fields = HeaderParser().parsestr(path.read_text(errors="replace"))
        classified = [line.rpartition(" :: ")[2] for line in fields.get_all("Classifier", []) if "License" in line]
        # Older packages put the whole text there.
        stated = (fields.get("License") or "").strip()
        short = stated if stated != "UNKNOWN" and "\n" not in stated and len(stated) < 60 else ""
        named = fields.get("License-Expression") or short or ", ".join(classified) or "not stated"
        yield named, f"{fields['Name']} {fields['Version']} (Python)"


def licences(bills: Path, folder: Path) -> str:
    """A line of the table for each licence, in the order of their names."""
    found: dict[str, set[str]] = defaultdict(set)
    for named, what in [*crates(bills), *packages(folder)]:
        found[named.replace("|", "/")].add(what)
    return "".join(f"| {named} | {', '.join(sorted(found[named]))} |\n" for named in sorted(found))


def main() -> None:
    """Writes both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", type=Path)
    parser.add_argument("repository")
    parser.add_argument("tag")
    parser.add_argument("--pushed", action="store_true")
    given = parser.parse_args()
    lines = (given.folder / "images.txt").read_text().splitlines()
    images: dict[str, str] = dict(line.split() for line in lines)
    stages = {name: digest for name, digest in images.items() if not is_service(name)}
    digests = given.folder / "digests"
    digests.mkdir()
    text = component(images, given.repository, given.tag, pushed=given.pushed)
    (digests / "kustomization.yaml").write_text(text)
    (digests / "stages.json").write_text(json.dumps(stages, indent=2) + "\n")
    table = LICENCES.format(tag=given.tag)
    (given.folder / "licences.md").write_text(table + licences(given.folder / "bills", given.packages))


if __name__ == "__main__":
    main()
