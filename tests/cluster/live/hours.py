"""What the tables hold of the hours that the tests land."""

from __future__ import annotations

from datetime import timedelta

from live.site import Site
from live.tables import KEYS, Tables


def nothing_twice(site: Site, tables: Tables) -> None:
    """Of what the last day brought; `test_twin` looks at everything."""
    for name in KEYS:
        if tables.version(name) >= 0:
            assert tables.repeated(name, site.born.date()) == [], name


def cells(tables: Tables, site: Site, hour: int) -> set[str]:
    """Cells with KPIs in the n-th hour after the history."""
    return tables.cells(site.born + timedelta(hours=hour - 1))
