"""A browser before the pages: who is logged in, and what it sends along."""

from __future__ import annotations

from typing import Any

from tests.harness import token

PAGES = ("worklist", "models", "completeness")
#: What a browser adds to a form of the page itself.
OWN = {"Sec-Fetch-Site": "same-origin"}
#: What it adds to forms of other sites, or leaves out.
FOREIGN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
]


def log_in(client: Any, role: str) -> None:
    client.cookies.set("_token", token(role))
