"""Which JSON files are not what their schemas say: json_faults.py SCHEMAS FILE...

The schema of `feedback.json` is `SCHEMAS/feedback.json`. A line a fault; a schema that is none ends the program. It
runs in the environment of Airflow, which has the validator.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator


def no_number(word: str) -> NoReturn:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(f"{word} is no JSON")


def document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=no_number)


def faults(schemas: Path, path: Path) -> list[str]:
    schema = document(schemas / path.name)
    Draft202012Validator.check_schema(schema)
    found = Draft202012Validator(schema).iter_errors(document(path))
    return [f"{path.name}: {fault.json_path}: {fault.message}"[:500] for fault in found]


def main() -> None:
    schemas, *paths = map(Path, sys.argv[1:])
    for path in paths:
        for fault in faults(schemas, path):
            print(fault.replace("\n", " "))


if __name__ == "__main__":
    main()
