"""Times as text: RFC 3339 in UTC, as the stages read and write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def rfc3339(value: datetime) -> str:
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Raises `ValueError` for what is no time; a time without a zone is UTC."""
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def just_after(text: str) -> str:
    """A second later: a list at the start of an interval belongs to the interval before."""
    return rfc3339(parse_time(text) + timedelta(seconds=1))


def day_before(text: str) -> str:
    return rfc3339(parse_time(text) - timedelta(days=1))
