"""What pages are made of: sections, tables, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: list[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table."""

    def line(cells: Iterable[object]) -> str:
        return "|" + "".join(f" {cell} |" if cell != "" else " |" for cell in cells)

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]


def section(title: str, *parts: str | list[str]) -> str:
    """A heading, and paragraphs and tables below it."""
    blocks = ["\n".join(part) if isinstance(part, list) else part for part in parts]
    return "\n\n".join([f"## {title}", *blocks])


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})"


def digits(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
