"""`make licences` on bills and packages of the test's own: what is told, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docker" / "licences.py"


@dataclass(frozen=True)
class Shipment:
    """A program, and an image of Airflow with some packages."""

    folder: Path

    def linked(self, **licences: str) -> None:
        """Crates by their licences; an empty one is none."""
        parts = [
            {"name": name, "version": "1.0.0"} | ({"licenses": [{"expression": stated}]} if stated else {})
            for name, stated in licences.items()
        ]
        (self.folder / "bills" / "foresite-train.cdx.json").write_text(json.dumps({"components": parts}))

    def installed(self, name: str, *fields: str) -> None:
        """A Python package with what its metadata say."""
        place = self.folder / "packages" / f"{name}-2.0.dist-info"
        place.mkdir(parents=True)
        lines = [f"Name: {name}", "Version: 2.0", *fields]
        (place / "METADATA").write_text("\n".join(lines) + "\n\ntext\n")

    def told(self, rules: Path = ROOT / "deny.toml") -> subprocess.CompletedProcess[str]:
        call = [sys.executable, str(SCRIPT), str(self.folder / "bills"), str(self.folder / "packages"), str(rules)]
        return subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def shipment(tmp_path: Path) -> Shipment:
    (tmp_path / "bills").mkdir()
    made = Shipment(tmp_path)
    made.linked(arrow="Apache-2.0")
    made.installed("attrs", "License-Expression: MIT")
    return made


def test_all_that_is_allowed_is_a_table(shipment: Shipment) -> None:
    shipment.linked(arrow="Apache-2.0", rustix="Apache-2.0 WITH LLVM-exception OR MIT", libtorch="BSD-3-Clause")
    shipment.installed("psycopg2-binary", "License: LGPL with exceptions")
    shipment.installed("lockfile", "License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License")
    told = shipment.told()
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-6:] == [
        "| Apache-2.0 | arrow 1.0.0 |",
        "| Apache-2.0 WITH LLVM-exception OR MIT | rustix 1.0.0 |",
        "| BSD-3-Clause | libtorch 1.0.0 |",
        "| LGPL with exceptions | psycopg2-binary 2.0 (Python) |",
        "| MIT | attrs 2.0 (Python) |",
        "| MIT License | lockfile 2.0 (Python) |",
    ]


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only OR ISC", True),
        ("MIT AND (GPL-3.0-only OR ISC)", True),
        ("(MIT OR ISC) AND (GPL-3.0-only OR AGPL-3.0-only)", False),
        ("GPL-2.0-only WITH LLVM-exception", False),
        # Allowed for a package that lies beside, not for what is linked.
        ("MPL-2.0", False),
        ("MIT AND", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT ISC", False),
        ("", False),
    ],
)
def test_a_choice_needs_one_that_is_allowed(shipment: Shipment, expression: str, is_allowed: bool) -> None:
    shipment.linked(arrow=expression)
    told = shipment.told()
    assert told.returncode == (0 if is_allowed else 1)
    stated = expression or "not stated"
    wanted = "" if is_allowed else f"licences: arrow 1.0.0: {stated} is not allowed"
    assert told.stderr.partition("\n")[0] == wanted
    assert "| arrow 1.0.0 |" in told.stdout, "the table is there in any case"


def test_a_package_that_says_nothing_or_what_nobody_knows_is_named(shipment: Shipment) -> None:
    shipment.installed("mystery")
    shipment.installed("odd", "License: Odd License 3")
    told = shipment.told()
    assert told.returncode == 1
    assert told.stderr.splitlines()[:2] == [
        "licences: mystery 2.0 (Python): not stated is not allowed",
        "licences: odd 2.0 (Python): Odd License 3 is not allowed",
    ]
    assert "docker/licences.py" in told.stderr


def test_the_list_is_that_of_the_rules(shipment: Shipment, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[licenses]\nallow = [\n    "ISC",\n]\n\n[bans]\ndeny = [\n    "Apache-2.0",\n]\n')
    told = shipment.told(rules)
    assert told.returncode == 1
    assert told.stderr.splitlines()[0] == "licences: arrow 1.0.0: Apache-2.0 is not allowed"
    rules.write_text("[bans]\n")
    assert "no list `allow`" in shipment.told(rules).stderr


def test_a_folder_without_anything_is_no_clean_bill(shipment: Shipment) -> None:
    (shipment.folder / "bills" / "foresite-train.cdx.json").unlink()
    told = shipment.told()
    assert (told.returncode, told.stdout) == (1, "")
    assert "nothing like *.cdx.json" in told.stderr
