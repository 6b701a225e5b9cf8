"""The section on worklists: what `advise --replay` told, beside what was to be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loop_network import TASKS
from markdown import digits, percent, section, table

Found = dict[str, Any]


def replay(found: Found) -> str:
    networks = found["networks"]
    lists = ["seed", "task", "lists", "most items", "incidents", "stated", "right"]
    lists += ["random", "events found", "missed: stated", "missed"]
    rows = [
        [seed, task, *judged(network["lists"], task)]
        for seed, network in networks.items()
        for task in TASKS
    ]
    sigma = [
        [seed, f"{one['sigma']:g}", one["items"], f"{one['found']} of {one['events']}"]
        for seed, network in networks.items()
        for one in network["three_sigma"]
    ]
    reached = [
        [what, reach, *(of(network) for network in networks.values())]
        for what, reach, of in REPLAY_REACH
    ]
    return section(
        f"{found['days']} days of worklists",
        table(["", "reach", *(f"seed {seed}" for seed in networks)], reached),
        "`advise --replay` with the budget of 10 items a list. *Stated* is what the lists expected to be right, summed\n"
        "over incidents; lists without calibrated probabilities state nothing. Random lists of the same length beside.\n"
        "*Missed* are entities with an event to come that no open incident names: as lists stated them, and as they\n"
        "came, both as a mean over lists.",
        table(lists, rows),
        "Three deviations per cell and channel (items of consecutive hours), on the same events:",
        table(["seed", "deviations", "items", "events found"], sigma),
    )


def greatest(name: str) -> Callable[[Found], object]:
    """The greatest of the tasks' numbers; nothing where none is told."""

    def of(network: Found) -> object:
        told = [network["lists"].get(f"{task}_{name}") for task in TASKS]
        return max((number for number in told if number is not None), default="")

    return of


def difference(task: str) -> Callable[[Found], str]:
    """What the lists of a task stated less what was right, in points."""

    def of(network: Found) -> str:
        stated, right = stated_share(network["lists"], task), network["lists"].get(f"{task}_precision")
        if stated is None or right is None:
            return "nothing stated"
        return f"{100 * (stated - right):+.1f}"

    return of


def at_three(network: Found) -> str:
    """Anomalies beside the items of three deviations, whatever these find."""
    own, three = network["lists"], network["three_sigma"][0]
    found = f"{own['anomaly_found']} of {own['anomaly_events']}"
    return f"{fewer(own, three['items'])} (found {found}, three deviations {three['found']} of {three['events']})"


def at_equal_recall(network: Found) -> str:
    """Anomalies beside the items of the cheapest multiple that finds at least as large a share of the events."""
    own = network["lists"]
    if not own["anomaly_events"]:
        return "no event"
    recall = own["anomaly_found"] / own["anomaly_events"]
    sigmas = [one for one in network["three_sigma"] if one["events"]]
    equal = [one for one in sigmas if one["found"] / one["events"] >= recall]
    if not equal:
        return "no multiple finds as many"
    cheapest = min(equal, key=lambda one: one["items"])
    return f"{fewer(own, cheapest['items'])} ({cheapest['sigma']:g} deviations)"


def fewer(own: Found, items: int) -> str:
    """How much less than these items the list of anomalies has."""
    listed = own["anomaly_incidents"]
    if not items:
        return f"{listed} for 0"
    word = "fewer" if listed <= items else "more"
    return f"{abs(1 - listed / items):.0%} {word}: {listed} for {items}"


REPLAY_REACH: list[tuple[str, str, Callable[[Found], object]]] = [
    ("most items on a list", "≤ 10", greatest("most_on_a_list")),
    ("most places beyond the budget of a list", "0", greatest("places_over_budget")),
    *((f"stated less right, {task}, points", "± 5", difference(task)) for task in TASKS),
    ("anomalies beside three deviations", "", at_three),
    ("anomalies beside the fewest deviations' items at equal event recall", "≥ 70 %", at_equal_recall),
]


def stated_share(numbers: Found, task: str) -> float | None:
    """The share of a task's incidents that its lists expected to be right."""
    stated, incidents = numbers.get(f"{task}_stated_hits"), numbers.get(f"{task}_incidents")
    return stated / incidents if stated is not None and incidents else None


def judged(numbers: Found, task: str) -> list[object]:
    """What the lists of a task came to."""

    def of(name: str, default: Any = 0) -> Any:
        return numbers.get(f"{task}_{name}", default)

    return [
        of("lists"),
        of("most_on_a_list"),
        of("incidents"),
        percent(stated_share(numbers, task)),
        percent(of("precision", None)),
        percent(of("random_precision", None)),
        f"{of('found')} of {of('events')}",
        digits(of("stated_misses", None)),
        digits(of("misses", None)),
    ]
