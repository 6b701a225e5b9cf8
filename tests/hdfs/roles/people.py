"""Who calls HDFS in these tests, and what each of them may do: the principals of the manifests, and three people."""

from __future__ import annotations

import data_root
from data_root import ADMINS, OWNER, PLACES, ROLES, Place

PEOPLE = {"kim": ["foresite-marks"], "lee": ["foresite-operators"], "stranger": list[str]()}
GROUPS = data_root.memberships() | PEOPLE
"""By user, the groups; `all.sh` tells them to the NameNode."""


def rights(user: str, place: Place) -> str:
    """The letters that a user has in a folder itself, of all groups together."""
    if ADMINS.group in GROUPS[user]:
        return "rwx"
    given = [getattr(place, role) for role, about in ROLES.items() if about.group in GROUPS[user]]
    return "".join(sorted(set("".join(given)) - {"-"}))


def may(user: str, place: Place, letter: str) -> bool:
    """Whether a user has a right in a folder and is let through to it."""
    above = [other for other in PLACES if not other.path or place.path.startswith(f"{other.path}/")]
    return letter in rights(user, place) and all("x" in rights(user, other) for other in (*above, place))


def may_delete(user: str, place: Place) -> bool:
    """Whether a user may delete what another one left there."""
    return may(user, place, "w") and (not place.sticky or user == OWNER)
