"""The section on worklists: what `advise --replay` told, beside what was to be reached."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from loop_network import STATED_TASKS, TASKS
from markdown import digits, percent, section, table

Found = dict[str, Any]

#: Sets of networks that are drawn for an interval.
DRAWS = 10_000


def replay(found: Found) -> str:
    networks = found["networks"]
    lists = ["seed", "task", "lists", "most items", "incidents", "right", "random", "events found"]
    lists += [f"{what}{of}" for what in ("right of a list", "missed") for of in (": stated", "")]
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
        "`advise --replay` with the budget of 10 items a list. *Right* are incidents that were right on any of their\n"
        "lists; random lists of the same length beside. *Right of a list* is judged list by list, within the time that it\n"
        "speaks of: the share of its items that lists with calibrated probabilities expect to be right, and the share that\n"
        "was, both over all of them. *Missed* are entities with an event to come that no open incident names: as lists\n"
        "stated them, and as they came, both as a mean over lists.",
        table(lists, rows),
        "Three deviations per cell and channel (items of consecutive hours), on the same events:",
        table(["seed", "deviations", "items", "events found"], sigma),
    )


def stated(found: Found) -> str:
    """What lists stated on networks of which nothing but tasks with probabilities was asked."""
    numbers = list(found["networks"].values())
    rows = [
        [task, seed, *of_lists(network, task)]
        for task in STATED_TASKS
        for seed, network in found["networks"].items()
    ]
    pooled = [[task, *over_all(numbers, task)] for task in STATED_TASKS]
    return section(
        f"{found['days']} days of what lists state, on {len(numbers)} more networks",
        "One network has too few incidents to tell five points from nothing. Over all: shares of the items of all lists,\n"
        "and what was stated less what was right in points, with the middle 95 % of it when networks are drawn anew\n"
        "(reach: ± 5).",
        table(["task", "incidents", "stated", "right", "stated less right"], pooled),
        table(["task", "seed", "incidents", "items of a list", "stated", "right", "missed: stated", "missed"], rows),
    )


def of_lists(numbers: Found, task: str) -> list[object]:
    """What the lists of a network came to."""
    misses = (numbers.get(f"{task}_{name}") for name in ("stated_misses", "misses"))
    return [
        numbers[f"{task}_incidents"],
        digits(numbers.get(f"{task}_mean_on_a_list")),
        *(percent(share(numbers, f"{task}_{hits}", task)) for hits in HITS),
        *map(digits, misses),
    ]


def over_all(networks: list[Found], task: str) -> list[object]:
    """Shares over all networks whose lists, equally many, state something."""
    names = [f"{task}_{name}" for name in (*HITS, "mean_on_a_list")]
    told = [[one.get(name) for name in names] for one in networks]
    sums = [numbers for numbers in told if numbers[-1]]

    def shares(of: list[list[float]]) -> tuple[float, float]:
        stated, right, items = map(sum, zip(*of, strict=True))
        return stated / items, right / items

    lots = random.Random(1)
    drawn = [shares(lots.choices(sums, k=len(sums))) for _ in range(DRAWS)]
    points = sorted(100 * (stated - right) for stated, right in drawn)
    low, high = points[DRAWS // 40], points[-DRAWS // 40]
    said, right = shares(sums)
    incidents = sum(one[f"{task}_incidents"] for one in networks)
    middle = f"{100 * (said - right):+.1f} ({low:+.1f} to {high:+.1f})"
    return [incidents, percent(said), percent(right), middle]


def greatest(name: str) -> Callable[[Found], object]:
    """The greatest of the tasks' numbers; nothing where none is told."""

    def of(network: Found) -> object:
        told = [network["lists"].get(f"{task}_{name}") for task in TASKS]
        return max((number for number in told if number is not None), default="")

    return of


def difference(task: str) -> Callable[[Found], str]:
    """What the lists of a task stated less what was right, in points."""

    def of(network: Found) -> str:
        stated, right = (share(network["lists"], f"{task}_{hits}", task) for hits in HITS)
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


#: As stated, and as they came.
HITS = ("stated_hits", "hits")


def share(numbers: Found, hits: str, task: str) -> float | None:
    """The share that such hits are of the items of a list."""
    right, items = numbers.get(hits), numbers.get(f"{task}_mean_on_a_list")
    return right / items if right is not None and items else None


def judged(numbers: Found, task: str) -> list[object]:
    """What the lists of a task came to."""

    def of(name: str, default: Any = 0) -> Any:
        return numbers.get(f"{task}_{name}", default)

    return [
        of("lists"),
        of("most_on_a_list"),
        of("incidents"),
        percent(of("precision", None)),
        percent(of("random_precision", None)),
        f"{of('found')} of {of('events')}",
        *(percent(share(numbers, f"{task}_{hits}", task)) for hits in HITS),
        digits(of("stated_misses", None)),
        digits(of("misses", None)),
    ]
