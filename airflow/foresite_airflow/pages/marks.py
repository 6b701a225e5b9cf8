"""What the worklist's forms say about its items, told to the console in the name of the user.

The console checks a mark and keeps it; here is only whose it is, and what the form left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from foresite_airflow.pages.console import tell

#: By whom the worklist is made: who may start it may say how good it was.
DAG_ID = "telecom_inference"
#: Words of a form, and how the page says them.
WORDS = {
    "confirmed": "Right",
    "wrong": "Wrong",
    "done": "Dealt with",
    "missed": "Missed",
}


@dataclass(frozen=True)
class Outcome:
    """What became of marks: how many, and whether somebody said the contrary."""

    count: int
    is_disputed: bool

    def query(self, word: str) -> dict[str, str]:
        """What the page that follows shows."""
        return {"marked": word, "count": str(self.count)} | ({"disputed": "1"} if self.is_disputed else {})


async def send(mark: dict[str, str], user: Any, when: str) -> Outcome:
    """Hands one mark to the console. Raises `ConsoleError`."""
    said = {name: value for name, value in mark.items() if value}
    taken = await tell("feedback", {**said, "at": moment(when), "person": user.get_name()})
    ids, notes = taken.get("feedback_ids"), taken.get("notes")
    return Outcome(len(ids) if isinstance(ids, list) else 0, bool(notes))


def moment(when: str) -> str:
    """A time of a form, which is UTC; without one now, to the minute: a second click is the same mark.

    What is no time is for the console to refuse.
    """
    if not when:
        return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M}:00Z"
    return f"{when}:00Z" if len(when) == len("2026-03-09T14:00") else f"{when}Z"
