"""How well the loop closes, on simulated networks that no rule was developed on; seeds are fixed here.

    evaluate_loop.py [PART]...

Parts: `drift` and `causes` (made-up cells), `feedback` (made-up sites), `replay` (90 days of worklists), `rebuild` (30 days hour by hour, then late
corrections, then `why`). `bench/results/loop.json` keeps what was found, `docs/loop.md` is made from it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import loop_page
from loop_late import held_back, landed
from loop_network import DAY, HOUR, LATENESS, TASKS, TRAINED_AT, Network
from loop_sigma import three_sigma
from measure import BINARIES, record, scaled

Found = dict[str, Any]

#: Chosen before anything was looked at; the demo's network is 349.
REPLAY_SEEDS = (1101, 1102, 1103)
REBUILD_SEED = 1201
DRIFT_SEED = 21
CAUSE_SEED = 22
FEEDBACK_SEED = 23

REPLAY_DAYS = scaled(90)
REBUILD_DAYS = scaled(30)
LATE_SHARE = 0.05


def drift() -> Found:
    """False alarms without drift, and a shift of a tenth on a fifth of 2,000 cells."""
    months, runs = scaled(24), scaled(60)
    said = example(
        "drift_figures",
        "quiet",
        months,
        "shift",
        runs,
        "seed",
        DRIFT_SEED,
    )
    defaults = re.findall(
        r"^(ks|psi|wasserstein) .*: ([\d.]+) channel-days", said, re.MULTILINE
    )
    return {
        "months": months,
        "confirmed_a_month": float(one(r"confirmed findings a month: ([\d.]+)", said)),
        "defaults_channel_days_a_month": {name: float(days) for name, days in defaults},
        "runs": runs,
        "found_within_3_days": int(one(r"found within 3 days: (\d+)", said)),
    }


def causes() -> Found:
    """The cause that is named first, of injected ones."""
    runs = scaled(25)
    said = example("cause_figures", runs, CAUSE_SEED)
    return {
        "runs": runs,
        "right": {
            cause: int(n)
            for cause, n in re.findall(r"^(\w+): (\d+) of", said, re.MULTILINE)
        },
    }


def feedback() -> Found:
    """Six cycles in which people act on half of what they are told, and what the next models learn from that."""
    runs = scaled(20)
    said = example("feedback_figures", runs, FEEDBACK_SEED)
    found = re.findall(r"^(\w+): recall ([\d.]+), least ([\d.]+)", said, re.MULTILINE)
    return {
        "runs": runs,
        "recall": {name: float(mean) for name, mean, _ in found},
        "least": {name: float(least) for name, _, least in found},
    }


def replay() -> Found:
    """Lists of 90 days that the models did not learn from, by `advise --replay`, against the truth."""
    return {str(seed): replayed(seed) for seed in REPLAY_SEEDS}


def replayed(seed: int) -> Found:
    end = TRAINED_AT + REPLAY_DAYS * DAY
    # Everything lies in the history; each row says when it could be known.
    network = Network.of(
        f"replay-{seed}",
        seed=seed,
        end=end.isoformat(),
        hourly_days=183 + REPLAY_DAYS,
        xml_days=0,
    )
    network.run("ingest", (TRAINED_AT, end))
    network.learn()
    for task in TASKS:
        network.run("predict", (TRAINED_AT, end), "--task", task)
    span = (end - HOUR, end)
    numbers = network.run(
        "advise", span, "--replay", *(m.isoformat() for m in (TRAINED_AT + HOUR, end))
    )["numbers"]
    return {"lists": numbers, "three_sigma": three_sigma(network, end)}


def rebuild() -> Found:
    """Every hour of 30 days published as the DAGs would, then computed again; late corrections; the way back."""
    end = TRAINED_AT + REBUILD_DAYS * DAY
    network = Network.of(
        "rebuild", seed=REBUILD_SEED, end=end.isoformat(), xml_days=28 + REBUILD_DAYS
    )
    late = held_back(network, LATE_SHARE)
    network.learn()
    for hour in network.hours(REBUILD_DAYS):
        publish(network, hour)
    past = compared(network, end, end + LATENESS)
    landed(network, late)
    week_later = end + 7 * DAY
    corrected(network, end, week_later)
    return {
        "past": past,
        "late_files": len(late),
        "past_after_corrections": compared(network, end, end + LATENESS),
        "present_after_corrections": compared(network, end, week_later),
        "why_seconds": why_seconds(network),
    }


def publish(network: Network, hour: tuple[Any, Any]) -> None:
    """What the DAGs do with one hour."""
    for stage in ("ingest", "validate", "derive"):
        network.run(stage, hour)
    if hour[1].hour == 0:
        network.run("featurize", hour, "--step", "profiles")
    for task in network.due(hour):
        network.run("predict", hour, "--task", task)
    network.run("advise", hour)


def corrected(network: Network, end: Any, as_of: Any) -> None:
    """Takes in what came late, and derives again what it touches."""
    for stage in ("ingest", "validate", "derive"):
        network.run(stage, (TRAINED_AT, end), as_of=as_of)


def compared(network: Network, end: Any, as_of: Any) -> Found:
    """What `--rebuild` finds of each stage."""
    calls = [
        ("derive", ()),
        *(("predict", ("--task", task)) for task in TASKS),
        ("advise", ()),
    ]
    found = {}
    for stage, of in calls:
        result = network.run(stage, (TRAINED_AT, end), "--rebuild", *of, as_of=as_of)
        numbers = result["numbers"]
        found[" ".join([stage, *of[1:]])] = {
            "verdict": result["verdict"],
            **{name: numbers[name] for name in ("computations", "different")},
            "rows": sum(
                value for name, value in numbers.items() if name.endswith("_rows")
            ),
            "first_different": numbers.get("first_different"),
        }
    return found


def why_seconds(network: Network) -> Found:
    """How long `why` takes for predictions of the newest hour, one of each task."""
    import polars

    seconds = {}
    for task in TASKS:
        rows = polars.read_delta(str(network.root / "tables" / f"predictions_{task}"))
        newest = rows.sort("cutoff").tail(1)["prediction_id"][0]
        started = time.monotonic()
        span = (TRAINED_AT, TRAINED_AT + HOUR)
        network.run("maintain", span, "--step", "why", "--prediction", newest)
        seconds[task] = round(time.monotonic() - started, 2)
    return seconds


def example(name: str, *arguments: object) -> str:
    """Runs an example of the crates; returns what it printed."""
    command = [BINARIES / "examples" / name, *map(str, arguments)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return said.stdout


def one(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    if found is None:
        raise SystemExit(f"no {pattern!r} in what was printed:\n{said[-500:]}")
    return found.group(1)


PARTS: dict[str, Callable[[], Found]] = {
    "drift": drift,
    "causes": causes,
    "feedback": feedback,
    "replay": replay,
    "rebuild": rebuild,
}


def main() -> None:
    asked = sys.argv[1:] or list(PARTS)
    if unknown := sorted(set(asked) - set(PARTS)):
        raise SystemExit(f"no part {', '.join(unknown)}: {', '.join(PARTS)}")
    for part in asked:
        record("loop", {part: PARTS[part]()}, add=True)
    loop_page.write()


if __name__ == "__main__":
    main()
