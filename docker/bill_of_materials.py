"""Writes what each image's program is made of, as CycloneDX 1.6: bill_of_materials.py FOLDER LIBTORCH

One file per program, `<program>.cdx.json`: its crates as Cargo.lock has them, with licence and
checksum, and libtorch where the program links it. Equal sources make equal files: there is no date
and no serial number in them. Features are those of the whole workspace, so a bill may name a crate
too many, never one too few. The packages of the base image stand in Debian's own list there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"
LIBTORCH_CRATE = "torch-sys"


def metadata() -> dict[str, Any]:
    """What Cargo knows about the workspace and everything below it."""
    call = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={TARGET}"]
    answer = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    known: dict[str, Any] = json.loads(answer.stdout)
    return known


def checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of each crate's archive, by name and version."""
    blocks = (ROOT / "Cargo.lock").read_text().split("[[package]]")
    crates = [dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE)) for block in blocks]
    return {(crate["name"], crate["version"]): crate["checksum"] for crate in crates if "checksum" in crate}


def is_linked(dependency: dict[str, Any], package: dict[str, Any]) -> bool:
    """Whether a dependency ends up in the program: no test's, no build script's, no macro."""
    is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
    return not is_macro and any(kind["kind"] is None for kind in dependency["dep_kinds"])


def graph(known: dict[str, Any]) -> dict[str, list[str]]:
    """Each package and what is linked into it, by id."""
    packages = {package["id"]: package for package in known["packages"]}
    return {
        node["id"]: [below["pkg"] for below in node["deps"] if is_linked(below, packages[below["pkg"]])]
        for node in known["resolve"]["nodes"]
    }


def closure(start: str, links: dict[str, list[str]]) -> list[str]:
    """Every crate linked below one, itself left out, in the order of their names."""
    found: set[str] = set()
    open_ends = [start]
    while open_ends:
        for crate in links[open_ends.pop()]:
            if crate not in found:
                found.add(crate)
                open_ends.append(crate)
    return sorted(found)


def reference(package: dict[str, Any]) -> str:
    """The package URL of a crate."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package: dict[str, Any], sums: dict[tuple[str, str], str]) -> dict[str, Any]:
    """A crate as CycloneDX has it."""
    name, version = package["name"], package["version"]
    described = {"type": "library", "bom-ref": reference(package), "name": name, "version": version}
    described["purl"] = reference(package)
    if package["license"]:
        # Crates from before SPDX expressions write a slash for `or`.
        described["licenses"] = [{"expression": " OR ".join(map(str.strip, package["license"].split("/")))}]
    if checksum := sums.get((name, version)):
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def libtorch(version: str) -> dict[str, Any]:
    """The library that the torch layer carries."""
    url = f"pkg:generic/libtorch@{version}"
    described = {"type": "library", "bom-ref": url, "name": "libtorch", "version": version, "purl": url}
    return {**described, "licenses": [{"license": {"id": "BSD-3-Clause"}}]}


def bill(program: dict[str, Any], known: dict[str, Any], torch_version: str) -> dict[str, Any]:
    """The whole document of one program."""
    packages = {package["id"]: package for package in known["packages"]}
    links, sums = graph(known), checksums()
    crates = closure(program["id"], links)
    components = [component(packages[crate], sums) for crate in crates]
    if any(packages[crate]["name"] == LIBTORCH_CRATE for crate in crates):
        components.append(libtorch(torch_version))
    edges = [
        {
            "ref": reference(packages[crate]),
            "dependsOn": sorted({reference(packages[below]) for below in links[crate]}),
        }
        for crate in [program["id"], *crates]
    ]
    subject = {**component(program, sums), "type": "application"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": sorted(components, key=lambda described: str(described["bom-ref"])),
        "dependencies": sorted(edges, key=lambda edge: str(edge["ref"])),
    }


def main() -> None:
    """Writes the bill of each binary of the workspace that has an image."""
    folder, torch = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    known = metadata()
    torch_version = (torch / "build-version").read_text().strip()
    for package in known["packages"]:
        ours = Path(package["manifest_path"]).is_relative_to(ROOT / "crates")
        programs = [target["name"] for target in package["targets"] if "bin" in target["kind"]]
        for program in programs if ours and package["name"] != "xtask" else []:
            text = json.dumps(bill(package, known, torch_version), indent=1)
            (folder / f"{program}.cdx.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
