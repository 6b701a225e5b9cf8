"""What the pages show, asked of the console service (`foresite-serve console`)."""

from __future__ import annotations

import json
import ssl
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from foresite_airflow import settings
from foresite_airflow.clock import parse_time

#: A summary of a large network takes the console some seconds when nobody asked for a while.
PATIENCE = httpx.Timeout(30.0, connect=5.0)
#: No summary comes near it; whatever answers more is no console.
MOST_BYTES = 8 * 1024 * 1024
#: What is shown of an answer that is none.
MOST_TEXT = 300
#: Statuses of what is told and not taken, and what to do.
REFUSED = {
    403: "Start the console with --accept-feedback, or leave a file in landing/feedback (docs/operators.md).",
    409: "Go back and say which of the two holds.",
    422: "Go back and correct it.",
    429: "Wait a minute, then send it again.",
}


class ConsoleError(Exception):
    """A summary that could not be had: the status to answer, what happened, and what to do."""

    def __init__(self, status: int, what: str, advice: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.advice = advice


async def summary(name: str) -> dict[str, Any]:
    """The console's summary `worklist`, `models` or `completeness`. Raises `ConsoleError`."""
    return understood(*await asked("GET", name))


async def tell(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """What became of something that is told to the console. Raises `ConsoleError`."""
    status, body = await asked("POST", name, said)
    if status in REFUSED:
        answer = parsed(body)
        why = answer.get("error") if isinstance(answer, dict) else None
        what = f"The console does not take it: {str(why or f'HTTP {status}')[:MOST_TEXT]}"
        raise ConsoleError(status, what, REFUSED[status])
    return understood(status, body)


async def asked(method: str, name: str, said: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and body of a call. Raises `ConsoleError`."""
    url = settings.console_url()
    if not url:
        raise ConsoleError(
            503,
            "No console is configured.",
            "Set FORESITE_CONSOLE_URL for Airflow's API server to where `foresite-serve console` listens.",
        )
    place = f"{url.rstrip('/')}/console/v1/{name}"
    try:
        return await call(method, place, headers(), trusted(), said)
    except httpx.TimeoutException:
        raise ConsoleError(
            502,
            f"The console at {url} did not answer in time.",
            "Look at the log of foresite-console: it may wait for storage.",
        ) from None
    # `ValueError` is a malformed port, `InvalidURL` is none of `HTTPError`.
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise ConsoleError(
            502,
            f"The console at {url} cannot be reached: {reason(error)}.",
            "Check that `foresite-serve console` runs, and FORESITE_CONSOLE_URL of Airflow's API server.",
        ) from None


def headers() -> dict[str, str]:
    """The token is read for each call, so that a new one counts at once. Raises `ConsoleError`."""
    path = settings.console_token_file()
    if path is None:
        return {}
    try:
        token = first_valid(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConsoleError(
            503,
            f"The console's token cannot be read: {reason(error)}.",
            "FORESITE_CONSOLE_TOKEN_FILE names a file that Airflow's API server may read.",
        ) from None
    return {"Authorization": f"Bearer {token}"}


def first_valid(text: str) -> str:
    """The first token of a file as foresite-serve reads it: one a line, behind it the time when it ends.

    A token that is a person's cannot speak for whoever looks at a page.
    """
    now = datetime.now(timezone.utc)
    for line in text.split("\n"):
        token, *rest = line.split() or [""]
        if token and "as" not in rest and not (rest and parse_time(rest[0]) <= now):
            return token
    raise ValueError("no line of it holds a token that still counts")


async def call(
    method: str, place: str, sent: dict[str, str], trust: ssl.SSLContext, said: dict[str, Any] | None
) -> tuple[int, bytes]:
    """Status and body, read no further than a summary may reach."""
    # Proxies of the environment are for the outside.
    async with (
        httpx.AsyncClient(timeout=PATIENCE, trust_env=False, verify=trust) as client,
        client.stream(method, place, headers=sent, json=said) as answer,
    ):
        body = bytearray()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise OSError(f"more than {MOST_BYTES} bytes")
        return answer.status_code, bytes(body)


def trusted() -> ssl.SSLContext:
    """Who may have signed the console's certificate: the machine's authorities, and the one that is named.

    Raises `ConsoleError`.
    """
    path = settings.console_ca_file()
    try:
        return context(path, path.stat().st_mtime_ns if path else 0)
    except OSError as error:
        raise ConsoleError(
            503,
            f"The authority of the console's certificate cannot be read: {reason(error)}.",
            "FORESITE_CONSOLE_CA_FILE names a file of certificates (PEM) that Airflow's API server may read.",
        ) from None


@lru_cache(maxsize=1)
def context(authority: Path | None, _changed: int) -> ssl.SSLContext:
    """Made once for each state of the file. Raises `OSError`."""
    made = ssl.create_default_context()
    if authority:
        made.load_verify_locations(authority)
    return made


def parsed(body: bytes) -> Any:
    """The JSON of an answer; nothing where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def understood(status: int, body: bytes) -> dict[str, Any]:
    """The summary of an answer. Raises `ConsoleError`."""
    answer = parsed(body)
    if status in {httpx.codes.OK, httpx.codes.ACCEPTED} and isinstance(answer, dict):
        return answer
    said = answer.get("error") if isinstance(answer, dict) else None
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise ConsoleError(
            502,
            "The console refuses the token.",
            "FORESITE_CONSOLE_TOKEN_FILE must hold the token that foresite-serve was started with.",
        )
    if status == httpx.codes.SERVICE_UNAVAILABLE and said:
        raise ConsoleError(
            503,
            f"The console cannot read the data root: {str(said)[:MOST_TEXT]}",
            "It tries again at the next call; if this lasts, look at the storage.",
        )
    raise ConsoleError(
        502,
        f"The console gave an answer that is none: HTTP {status}.",
        "Check FORESITE_CONSOLE_URL, and that Airflow and foresite-serve are of one release.",
    )


def reason(error: BaseException) -> str:
    """An error in one line."""
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())[:MOST_TEXT]
