"""Numbers and times as the pages say them; what cannot be said is a dash, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import Any

from foresite_airflow.clock import parse_time

NOTHING = "\u2013"
SPACE = "\u00a0"
TITLES = {"anomaly": "Anomalies", "maintenance": "Maintenance", "capacity": "Capacity"}
CHANGES = {"new": "●", "worse": "▲", "better": "▼", "ongoing": "→", "closed": "✓", "check": "?"}
ABBREVIATIONS = {
    "auc": "AUC",
    "pr": "PR",
    "roc": "ROC",
    "ece": "ECE",
    "mae": "MAE",
    "mase": "MASE",
    "rmse": "RMSE",
    "wape": "WAPE",
    "wql": "WQL",
    "f1": "F1",
}
#: A run now and then takes an hour longer.
OLD = timedelta(hours=3)
HORIZON = re.compile(r"^(.+)_(\d+)([hd])$")


def forgiving(say: Callable[..., str]) -> Callable[..., str]:
    """What is missing or of another kind than expected becomes a dash."""

    @wraps(say)
    def said(value: Any, *more: Any) -> str:
        try:
            return say(value, *more)
        except (TypeError, ValueError, OverflowError, AttributeError):
            return NOTHING

    return said


@forgiving
def stamp(text: str) -> str:
    return parse_time(text).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


@forgiving
def day(text: str) -> str:
    return parse_time(text).astimezone(timezone.utc).strftime("%a %-d %b %Y")


@forgiving
def hour(text: str) -> str:
    return parse_time(text).astimezone(timezone.utc).strftime("%a %-d %b, %H:%M")


@forgiving
def ago(text: str, now: datetime | None = None) -> str:
    """How long something is past: `35 min ago`, `3 h ago`, `12 d ago`."""
    past = (now or datetime.now(timezone.utc)) - parse_time(text)
    return f"{span(past)} ago" if past >= timedelta(minutes=1) else "just now"


def span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes}{SPACE}min"
    return f"{minutes // 60}{SPACE}h" if minutes < 48 * 60 else f"{minutes // 1440}{SPACE}d"


@forgiving
def deadline(text: str, cutoff: str) -> str:
    """A moment to act before: to the hour within three days, else the day."""
    at, seen = parse_time(text).astimezone(timezone.utc), parse_time(cutoff)
    if at <= seen:
        return "now"
    return at.strftime("%-d %b %Y") if at - seen > timedelta(days=3) else at.strftime("%Y-%m-%d %H:00 UTC")


@forgiving
def percent(value: float) -> str:
    """A probability; nobody is ever sure."""
    if not 0 <= value <= 1:
        return NOTHING
    share = round(100 * value)
    if value > 0 and share < 1:
        return f"<{SPACE}1{SPACE}%"
    return f">{SPACE}99{SPACE}%" if share >= 100 else f"{share}{SPACE}%"


@forgiving
def count(value: float) -> str:
    return f"{round(value):,}".replace(",", SPACE)


@forgiving
def quantity(value: float) -> str:
    return f"{value:.3g}" if 0 < abs(value) < 100 else count(value)


@forgiving
def figure(value: float) -> str:
    """A metric keeps three decimals: differences between models live there."""
    text = f"{value:.3f}" if abs(value) < 100 else count(value)
    return text.replace("-", "\u2212")


@forgiving
def metric(name: str) -> str:
    """`pr_auc_7d` as `PR AUC, 7 d`."""
    found = HORIZON.match(name)
    words = (found[1] if found else name).split("_")
    text = " ".join(ABBREVIATIONS.get(word, word) for word in words)
    return sentence(f"{text}, {found[2]}{SPACE}{found[3]}" if found else text)


@forgiving
def sentence(text: str) -> str:
    """Words of a table with blanks, the first letter large."""
    plain = text.replace("_", " ")
    return plain[:1].upper() + plain[1:]


@forgiving
def title(task: str) -> str:
    """A list's heading: the built-in tasks in people's words, any other by its name."""
    return TITLES.get(task) or sentence(task)


@forgiving
def sign(change: str) -> str:
    """A shape beside the word, so that colour only repeats it."""
    return CHANGES.get(change, "")


def is_old(text: Any, now: datetime) -> bool:
    """Whether something that is made every hour is long overdue."""
    try:
        return now - parse_time(text) > OLD
    except (TypeError, ValueError, AttributeError):
        return False


def on_record(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hours or days, newest first, without those before anything was recorded."""
    known = [at for at, span in enumerate(spans) if span["expected"] or span["quarantined"]]
    return spans[: known[-1] + 1] if known else []


FILTERS: dict[str, Callable[..., str]] = {
    say.__name__: say
    for say in (stamp, day, hour, ago, deadline, percent, count, quantity, figure, metric, sentence, title, sign)
}
