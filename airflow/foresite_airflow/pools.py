"""Makes the pools that the stages name where they are missing, and leaves the others alone.

    python -m foresite_airflow.pools FILE

How many slots a pool has is the site's to say (*Admin*, *Pools*); `airflow pools import` sets them
back at every roll-out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path


def create_missing(file: Path) -> list[str]:
    """Names of the pools that it made, of a file as `python -m foresite_airflow.stage_needs pools` prints it."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = json.loads(file.read_text())
    with create_session() as session:
        missing = sorted(set(wanted) - set(session.scalars(select(Pool.pool))))
        for name in missing:
            session.add(Pool(pool=name, **wanted[name]))
    return missing


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m foresite_airflow.pools FILE\n")
        return 2
    made = create_missing(Path(arguments[0]))
    sys.stderr.write(f"INFO pools made names={','.join(made) or 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
