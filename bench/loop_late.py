"""Files that come late: held back before they are taken in, landed again weeks after their hour."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from loop_network import TRAINED_AT, Network

BEGINS = re.compile(r"/A(\d{8})\.(\d{4})\+0000-")


def held_back(network: Network, share: float) -> list[str]:
    """Takes this share of the performance files of the lived hours out of the landing folder, drawn by their names."""
    landing, aside = network.root / "landing", network.root / "late"
    late = []
    for path in sorted((landing / "pm").rglob("*.xml.gz")):
        name = str(path.relative_to(landing))
        drawn = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32
        if begins(path) >= TRAINED_AT and drawn < share:
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            late.append(name)
    return late


def begins(path: Path) -> datetime:
    found = BEGINS.search(str(path))
    if found is None:
        raise SystemExit(f"{path}: expected a name such as A20260301.0000+0000-...")
    return datetime.strptime("".join(found.groups()), "%Y%m%d%H%M").replace(
        tzinfo=UTC
    )


def landed(network: Network, late: list[str], at: datetime) -> None:
    """Puts them back, as if they had come then."""
    came = at.timestamp()
    for name in late:
        target = network.root / "landing" / name
        if (aside := network.root / "late" / name).exists():
            aside.rename(target)
        os.utime(target, (came, came))
