"""How well the loop closes, on simulated networks that no rule was developed on; seeds are fixed here.

    evaluate_loop.py [PART]...

Parts: `drift` and `causes` (made-up cells), `feedback` (made-up sites), `replay` (90 days of worklists), `stated` (the same on six more networks, without
anomalies), `rebuild` (30 days hour by hour, then late corrections, then `why`), `steady` (100 days of growth, and the gate that trains again), `hdfs` (what
`rebuild` and `replay` left, on a cluster of its own).
`bench/results/loop.json` keeps what was found, with the share of it that was measured (FORESITE_BENCH_SHARE), the commit and the machine; `docs/loop.md` is made from it.
`replay` and `rebuild` that were interrupted after their days were lived go on from there, where the programs are the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import loop_hdfs
import loop_page
import loop_rebuild
import loop_steady
from loop_network import (
    DAY,
    HOUR,
    LATENESS,
    STATED_TASKS,
    TASKS,
    TRAINED_AT,
    Network,
    text,
)
from loop_sigma import three_sigma
from measure import BINARIES, ROOT, SHARE, machine, record, scaled

Found = dict[str, Any]

#: Chosen before anything was looked at; the demo's network is 349.
REPLAY_SEEDS = (1101, 1102)
REBUILD_SEED = 1201
STATED_SEEDS = range(1401, 1407)
DRIFT_SEED = 25
#: Of networks of other kinds than any rule was developed on.
DRAWN_SEED = 26
CAUSE_SEED = 22
FEEDBACK_SEED = 24
STEADY_SEED = 1301

REPLAY_DAYS = scaled(90)
REBUILD_DAYS = scaled(30)
STEADY_DAYS = scaled(100)


def drift() -> Found:
    """False alarms without drift, and a shift of a tenth on a fifth of 2,000 cells; then on networks of other kinds."""
    return {**drift_of(DRIFT_SEED), "drawn": drift_of(DRAWN_SEED, "drawn")}


def drift_of(seed: int, *kind: str) -> Found:
    months, runs = scaled(24), scaled(60)
    asked = ("quiet", months, "shift", runs, "seed", seed)
    said = example("drift_figures", *asked, *kind)
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
    """The cause that is named first, of injected ones: upgrade, carrier, holiday, outage, local event."""
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
    found = re.findall(
        r"^(\w+) (\w+): recall ([\d.]+), least ([\d.]+)", said, re.MULTILINE
    )
    visits: dict[str, Found] = {}
    for half, labels, mean, least in found:
        visits.setdefault(half, {})[labels] = {
            "recall": float(mean),
            "least": float(least),
        }
    return {"runs": runs, "visits": visits}


def replay() -> Found:
    """Lists of 90 days that the models did not learn from, by `advise --replay`, against the truth."""
    networks = {str(seed): replayed(seed) for seed in REPLAY_SEEDS}
    return {"days": REPLAY_DAYS, "networks": networks}


def replayed(seed: int) -> Found:
    network = lived_through(f"replay-{seed}", seed)
    end = TRAINED_AT + REPLAY_DAYS * DAY
    found = {"lists": lists(network, end), "three_sigma": three_sigma(network, end)}
    network.finished()
    return found


def lived_through(name: str, seed: int, tasks: Sequence[str] = TASKS) -> Network:
    """A network whose models learned until `TRAINED_AT`, and spoke on the days of a replay."""
    end = TRAINED_AT + REPLAY_DAYS * DAY
    # Everything lies in the history; each row says when it could be known.
    network = Network.begun(
        name,
        REPLAY_DAYS,
        seed=seed,
        end=end.isoformat(),
        hourly_days=183 + REPLAY_DAYS,
        xml_days=0,
    )

    def lived() -> None:
        network.run("ingest", (TRAINED_AT, end))
        network.learn(tasks, has_files=False)
        for hour in network.hours(REPLAY_DAYS):
            network.predict(hour, tasks)

    network.once("lived", lived)
    return network


def lists(network: Network, end: datetime) -> Found:
    """What `advise --replay` tells of the lists up to `end`."""
    asked = ("--replay", text(TRAINED_AT + HOUR), text(end))
    found: Found = network.run("advise", (end - HOUR, end), *asked)["numbers"]
    return found


def stated() -> Found:
    """What lists of tasks with probabilities stated, and what was right, over more networks than `replay` has."""
    networks = {str(seed): stated_of(seed) for seed in STATED_SEEDS}
    return {"days": REPLAY_DAYS, "networks": networks}


def stated_of(seed: int) -> Found:
    network = lived_through(f"stated-{seed}", seed, STATED_TASKS)
    found = lists(network, TRAINED_AT + REPLAY_DAYS * DAY)
    # No other part asks for them, and they are large.
    shutil.rmtree(network.root)
    return found


def rebuild() -> Found:
    """Every hour of 30 days published as the DAGs would, then computed again; late corrections; the way back."""
    return loop_rebuild.rebuilt(REBUILD_SEED, REBUILD_DAYS)


def steady() -> Found:
    """What the gate decides while traffic grows, and whether who was promoted stays the better one."""
    return loop_steady.lived(STEADY_SEED, STEADY_DAYS)


def hdfs() -> Found:
    """The past computed again on HDFS, and `why` there, over the days of `rebuild` and of `replay`."""
    end = TRAINED_AT + REBUILD_DAYS * DAY
    lived = loop_hdfs.copied(Network.left("rebuild"))
    predicted = loop_hdfs.copied(Network.left(f"replay-{REPLAY_SEEDS[0]}"))
    return {
        "past": loop_rebuild.compared(lived, end, end + LATENESS),
        "why_seconds": {
            f"{REBUILD_DAYS} days, from files": loop_rebuild.why_seconds(lived, end),
            f"{REPLAY_DAYS} days, from history": loop_rebuild.why_seconds(
                predicted, TRAINED_AT + REPLAY_DAYS * DAY
            ),
        },
    }


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


def revision() -> str:
    """The commit that is measured, with `+` where what computes was changed since; empty outside of a clone."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    commit = git("rev-parse", "--short", "HEAD").stdout.strip()
    computes = ("Cargo.lock", "bench/*.py", "crates", "docs/samples")
    is_changed = git("diff", "--quiet", "HEAD", "--", *computes).returncode != 0
    return commit + "+" if commit and is_changed else commit


PARTS: dict[str, Callable[[], Found]] = {
    "drift": drift,
    "causes": causes,
    "feedback": feedback,
    "replay": replay,
    "stated": stated,
    "rebuild": rebuild,
    "steady": steady,
    "hdfs": hdfs,
}


def main() -> None:
    asked = sys.argv[1:] or [part for part in PARTS if part != "hdfs"]
    if unknown := sorted(set(asked) - set(PARTS)):
        raise SystemExit(f"no part {', '.join(unknown)}: {', '.join(PARTS)}")
    of = {"share": SHARE, "revision": revision(), "machine": machine(), "profile": BINARIES.name}
    for part in asked:
        record("loop", {part: {"of": of, "found": PARTS[part]()}}, mixed=True)
    loop_page.write()


if __name__ == "__main__":
    main()
