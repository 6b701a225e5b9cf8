"""What the worklist's forms say about its items, told to the console in the name of the user.

The console checks a mark and keeps it; here is only whose it is, and what the form left open.
"""

from __future__ import annotations

from collections import OrderedDict
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


#: Forms whose last mark is remembered, and characters of what tells two of them apart.
MOST_FORMS = 1000
LONGEST_FORM = 40


@dataclass(frozen=True)
class Outcome:
    """What became of marks: how many, and whether somebody said the contrary."""

    count: int
    is_disputed: bool

    def query(self, word: str) -> dict[str, str]:
        """What the page that follows shows."""
        return {"marked": word, "count": str(self.count)} | ({"disputed": "1"} if self.is_disputed else {})


class Clicks:
    """When each drawn form was sent, so that a second click on it is the same mark.

    Another word from the same form, by the way back, is a mark of its own and the newer one. Kept in the
    process, of which the API server has one; with several a second click may be a second mark that says the same.
    """

    def __init__(self) -> None:
        self.last: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()

    def moment(self, form: tuple[str, ...], word: str) -> str:
        """Now to the microsecond, or when the form last said the same."""
        said = self.last.pop(form, None)
        if said is None or said[0] != word:
            said = (word, f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z")
        self.last[form] = said
        while len(self.last) > MOST_FORMS:
            self.last.popitem(last=False)
        return said[1]


clicks = Clicks()


async def send(mark: dict[str, str], user: Any, when: str, form: str = "") -> Outcome:
    """Hands one mark to the console; `form` tells two drawings of a form apart. Raises `ConsoleError`."""
    said, person = {name: value for name, value in mark.items() if value}, user.get_name()
    at = moment(when) if when else clicks.moment((person, form, mark.get("incident_id", "")), mark["mark"])
    taken = await tell("feedback", {**said, "at": at, "person": person})
    ids, notes = taken.get("feedback_ids"), taken.get("notes")
    return Outcome(len(ids) if isinstance(ids, list) else 0, bool(notes))


def moment(when: str) -> str:
    """A time that was typed, which is UTC. What is no time is for the console to refuse."""
    return f"{when}:00Z" if len(when) == len("2026-03-09T14:00") else f"{when}Z"
