"""Tells the licence of all that is shipped, and whether it may be: licences.py BILLS PACKAGES RULES

BILLS is a folder of `*.cdx.json` (bill_of_materials.py), PACKAGES the folder with the Python packages of
Airflow's image (packages.sh), RULES is deny.toml. Prints a table, the one of a release, and ends with 1
where something has a licence that is not allowed. Not in it: the packages of Debian below the images,
which a release lists, and CUDA's libraries.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from release_files import crates, licences, packages

TABLE = """\
# Licences

What the programs link, and the Python packages of Airflow's image. Written by `make licences`.

| licence | what |
|---|---|
"""
#: Allowed for Python packages beside the list of deny.toml, which is about what is linked into programs of
#: ours: these lie in the image as their authors published them, and anybody may put another version there.
ALSO = {"Artistic-1.0-Perl", "LGPL-3.0-or-later", "MIT-0", "MPL-2.0", "PSF-2.0"}
#: What packages from before SPDX expressions write for one. The family of a classifier stands for each of it.
MEANT = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Artistic License": "Artistic-1.0-Perl",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD-2-Clause AND BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    # The exceptions allow more, such as linking with OpenSSL.
    "LGPL with exceptions": "LGPL-3.0-or-later",
    "MIT -or- Apache License 2.0": "MIT OR Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
#: Licences of packages that do not state one, from where they are made.
UNSTATED = {
    # A part of OpenLineage, whose other packages state it.
    "openlineage_sql": "Apache-2.0",
}


def allowed(rules: str) -> set[str]:
    """The licences that deny.toml allows."""
    found = re.search(r"^allow = \[$(.*?)^\]$", rules, re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit("licences: no list `allow` in the rules")
    return set(re.findall(r'^ *"(.+)",$', found[1], re.MULTILINE))


def may_use(expression: str, known: set[str]) -> bool:
    """Whether an SPDX expression leaves a choice of which all is known."""
    tokens = re.findall(r"[()]|[^\s()]+(?: WITH [^\s()]+)?", expression)
    return either(tokens, known) and not tokens


def either(tokens: list[str], known: set[str]) -> bool:
    """Takes terms joined by `OR`."""
    is_known = every(tokens, known)
    while tokens[:1] == ["OR"]:
        del tokens[0]
        is_known = every(tokens, known) or is_known
    return is_known


def every(tokens: list[str], known: set[str]) -> bool:
    """Takes terms joined by `AND`, which binds more closely."""
    is_known = term(tokens, known)
    while tokens[:1] == ["AND"]:
        del tokens[0]
        is_known = term(tokens, known) and is_known
    return is_known


def term(tokens: list[str], known: set[str]) -> bool:
    """Takes a licence, or an expression in brackets."""
    first = tokens.pop(0) if tokens else ""
    if first != "(":
        return first in known
    is_known = either(tokens, known)
    return tokens[:1] == [")"] and bool(tokens.pop(0)) and is_known


def refused(bills: Path, folder: Path, known: set[str]) -> list[str]:
    """A sentence about each licence that is not allowed."""
    found = {(what, named, named, True) for named, what in crates(bills)}
    for named, what in packages(folder):
        stated = UNSTATED.get(what.split()[0], named) if named == "not stated" else named
        found.add((what, named, MEANT.get(stated, stated), False))
    return [
        f"licences: {what}: {named} is not allowed"
        for what, named, expression, is_linked in sorted(found)
        if not may_use(expression, known if is_linked else known | ALSO)
    ]


def main() -> None:
    """Prints the table, and what is wrong with it."""
    bills, folder, rules = map(Path, sys.argv[1:4])
    for place, pattern in ((bills, "*.cdx.json"), (folder, "*.dist-info")):
        if not any(place.glob(pattern)):
            raise SystemExit(f"licences: nothing like {pattern} in {place}")
    sys.stdout.write(TABLE + licences(bills, folder))
    sys.stdout.flush()
    if wrong := refused(bills, folder, allowed(rules.read_text())):
        wrong.append("licences: allow it in deny.toml, or in docker/licences.py for a Python package, or do without")
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
