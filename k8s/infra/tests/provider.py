"""The schema of a Terraform provider, out of the classes that are generated from it: what a resource takes, what it
must be given, and what can be read of it. Read as text, because their runtime needs a Node.js."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

PACKAGE = "cdktf_cdktf_provider_aws"
#: What every resource may say.
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}


@dataclass(frozen=True)
class Class:
    """A class for a resource or for a block in it."""

    #: Arguments and whether they must be given.
    arguments: dict[str, bool]
    properties: frozenset[str]


def classes(kind: str) -> dict[str, Class]:
    """Those of a resource, or of a data source (`data_aws_…`), by their names in small letters."""
    return dict(read(kind))


@cache
def read(kind: str) -> tuple[tuple[str, Class], ...]:
    found = importlib.util.find_spec(PACKAGE)
    assert found
    assert found.origin
    file = Path(found.origin).with_name(kind) / "__init__.py"
    if not file.exists():
        return ()
    nodes = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    return tuple((node.name.lower(), of(node)) for node in nodes)


def of(node: ast.ClassDef) -> Class:
    functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    start = next((each.args for each in functions if each.name == "__init__"), None)
    given = zip(start.kwonlyargs, start.kw_defaults, strict=True) if start else ()
    # What is a word of Python has a line behind it.
    arguments = {argument.arg.rstrip("_"): default is None for argument, default in given}
    return Class(arguments, frozenset(each.name.rstrip("_") for each in functions))


def offences(file: Path) -> Iterator[str]:
    """What a file says that the provider does not know, and what it leaves out that must be there."""
    parsed = hcl2.loads(file.read_text())
    for section, prefix in (("resource", ""), ("data", "data_aws_")):
        for kind, name, body in blocks(parsed.get(section, [])):
            short = kind.removeprefix("aws_")
            known = classes(prefix + short)
            top = f"{prefix}{short}config".replace("_", "")
            if top not in known:
                yield f"{kind}.{name}: the provider has no such {section}"
            else:
                yield from wrong(known, top, body, f"{kind}.{name}")


def blocks(section: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, name and body of the resources of a section."""
    for each in section:
        for kind, named in each.items():
            for name, body in named.items():
                if isinstance(body, dict):
                    yield plain(kind), plain(name), body


def wrong(known: dict[str, Class], name: str, body: dict[str, Any], place: str) -> Iterator[str]:
    """Offences of a block and of those inside it."""
    arguments = known[name].arguments
    given = dict(entries(body))
    for key, value in given.items():
        if key not in arguments:
            yield f"{place}: does not take `{key}`, only {', '.join(sorted(arguments))}"
            continue
        inner = name.removesuffix("config") + key.replace("_", "")
        for each in value if isinstance(value, list) else []:
            if isinstance(each, dict) and inner in known:
                yield from wrong(known, inner, each, f"{place}.{key}")
    for key, is_required in arguments.items():
        if is_required and key not in given and key not in META:
            yield f"{place}: lacks `{key}`"


def entries(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Arguments and blocks of a body; a dynamic block is the block that it makes."""
    for key, value in ((plain(key), value) for key, value in body.items()):
        if key == "dynamic":
            for block in value:
                yield from ((plain(name), made["content"]) for name, made in block.items() if isinstance(made, dict))
        elif not key.startswith("__") and key not in META:
            yield key, value


def has(kind: str, attribute: str) -> bool:
    """Whether an attribute of a resource can be read."""
    found = classes(kind.removeprefix("aws_")).get(kind.removeprefix("aws_").replace("_", ""))
    return found is not None and attribute in found.properties


def plain(key: str) -> str:
    """A name without the quotes that it has in the file."""
    return key.strip('"')
