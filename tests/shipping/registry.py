#!/usr/bin/env python3
"""Answers as Docker's client would beside a registry, and keeps what it was asked; `docker` on the path of a test.

Images that can be pulled stand in FAKE_PULLABLE, programs that find what they look for in an image in
FAKE_FINDS, what was asked lands in FAKE_LOG. The digest of an image is made of its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

BILL = {
    "components": [
        {"name": "arrow", "version": "60.1.0", "licenses": [{"expression": "Apache-2.0"}]},
        {"name": "libtorch", "version": "2.11.0", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
    ]
}
STATUS = "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\n\nPackage: bash\nVersion: 5.2.15-2\n"


def digest(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def without_tag(image: str) -> str:
    head, _, tail = image.rpartition(":")
    return image if "/" in tail or not head else head


def inspect(image: str, form: str | None) -> str:
    named = f"{without_tag(image)}@{digest(without_tag(image))}"
    if form is None:
        return "[{}]"
    if ".Id" in form:
        return digest("local " + image)
    # Another registry's digest stands first, as it does in an engine that knows two.
    return f"elsewhere.example/other@{digest('other')}\n{named}\n" if "range" in form else named


def copy(source: str, target: Path) -> None:
    container, _, path = source.partition(":")
    if path.endswith("status"):
        target.write_text(STATUS)
    else:
        target.mkdir()
        (target / f"foresite-{container}.cdx.json").write_text(json.dumps(BILL))
        (target / f"LICENSE-foresite-{container}").write_text("Apache\n")


def main() -> int:
    call = sys.argv[1:]
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        log.write(" ".join(call) + "\n")
    match call:
        case ["pull", "--quiet", image]:
            return 0 if image in os.environ.get("FAKE_PULLABLE", "").split() else 1
        case ["image", "inspect", "--format", form, image]:
            print(inspect(image, form))
        case ["image", "inspect", image]:
            print(inspect(image, None))
        case ["create", "--network", "none", image]:
            print(without_tag(image).rpartition("/")[2])
        case ["cp", source, target]:
            copy(source, Path(target))
        case ["run", "--rm", "--network", "none", "--entrypoint", program, *_]:
            return 0 if program in os.environ.get("FAKE_FINDS", "").split() else 1
        case ["info" | "build" | "tag" | "push" | "rm", *_]:
            pass
        case _:
            print(f"no such call: {call}", file=sys.stderr)
            return 125
    return 0


if __name__ == "__main__":
    sys.exit(main())
