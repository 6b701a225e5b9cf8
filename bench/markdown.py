"""Tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: list[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table."""

    def line(cells: Iterable[object]) -> str:
        return "|" + "".join(f" {cell} |" if cell != "" else " |" for cell in cells)

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]
