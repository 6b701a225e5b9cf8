"""The result that a stage leaves: at most 4 KiB of JSON, handed on between tasks."""

from __future__ import annotations

import json
from typing import Any

#: `status`, `outputs`, `numbers`, `verdict`, `lineage_id`: as the stage contract fixes them.
Result = dict[str, Any]

LIMIT_BYTES = 4096
#: How many of its last lines a failed stage leaves in the exception.
TAIL_LINES = 5


class ResultError(ValueError):
    """The text is not the result of a stage."""


def parse(text: str) -> Result:
    """Reads the result of a stage that ended well; raises `ResultError` that says what is wrong."""
    if not text:
        raise ResultError("it left no result")
    if len(text.encode()) > LIMIT_BYTES:
        raise ResultError(f"its result is longer than {LIMIT_BYTES} bytes")
    try:
        result = json.loads(text)
    except ValueError as error:
        raise ResultError(f"its result is not JSON: {error}") from error
    if not isinstance(result, dict) or result.get("status") not in {"done", "unchanged", "planned"}:
        raise ResultError("its result says neither `done` nor `unchanged`")
    return result


def complaint(text: str) -> str:
    """What a failed stage says about itself: error and hint of its result, or the text's last lines."""
    try:
        result = json.loads(text)
        return "; hint: ".join(str(result[name]) for name in ("error", "hint") if result.get(name))
    except (ValueError, TypeError, AttributeError):
        return "\n".join(text.strip().splitlines()[-TAIL_LINES:])


def summary(result: Result) -> str:
    """One line for the task log."""
    outputs = ", ".join(f"{o.get('table')}@{o.get('version')} {o.get('rows')} rows" for o in result.get("outputs", []))
    verdict = f" verdict={result['verdict']}" if result.get("verdict") else ""
    return f"{result['status']}{verdict}: {outputs or 'no table touched'}"
