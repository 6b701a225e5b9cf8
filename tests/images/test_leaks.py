"""No image holds a secret: every file of every layer, and the configuration, are looked through.

That the scanner finds what is there: `tests/shipping/test_leaks.py`.
"""

from __future__ import annotations

import pytest

from images import engine, leaks
from images.engine import PROGRAMS, SERVICES

#: Where they were built.
OTHERS = ("airflow", "train-cuda")


def is_built(name: str) -> bool:
    return engine.docker("image", "inspect", engine.image(name), check=False).returncode == 0


def names() -> list[str]:
    built = [name for name in OTHERS if is_built(name)]
    print("not built, so not looked through:", sorted({*OTHERS} - {*built}) or "none")
    return [engine.image(name) for name in (*PROGRAMS, *SERVICES, *built)]


@pytest.fixture(scope="module")
def scan() -> leaks.Scan:
    with engine.saved(*names()) as archive:
        return leaks.in_archive(archive)


def test_every_layer_and_every_configuration_was_looked_through(scan: leaks.Scan) -> None:
    assert sorted(tag for tag, _, _ in scan.images()) == sorted(names())
    for tag, config, layers in scan.images():
        assert b'"rootfs"' in scan.texts[config], tag
        missing = [name for name in layers if name not in scan.layers]
        assert not missing, f"{tag}: {missing}"
        files = sum(scan.layers[name].files for name in layers)
        assert files > 1000, f"{tag}: a Debian has more files than {files}"


def test_no_image_holds_a_secret(scan: leaks.Scan) -> None:
    found = scan.findings()
    assert not found, "\n".join(found)
