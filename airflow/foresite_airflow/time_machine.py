"""`make time-machine FROM=... TO=...`: what was published in that time, computed again and compared.

With `MODEL=TASK=ID` (several with spaces between) it is the lists that those models would have made instead.
Works on the demo's data, or on those that `FORESITE_DATA_ROOT` names, by the DAG of the same name.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from foresite_airflow import settings
from foresite_airflow.clock import parse_time
from foresite_airflow.environment import one_machine
from foresite_airflow.network import Span
from foresite_airflow.session import Results, RunError, Session
from foresite_airflow.vocabulary import MODEL_TASKS

DAG_ID = "telecom_time_machine"
COUNTS = ("computations", "different", "other_code", "not_compared")


def main(arguments: list[str] | None = None) -> int:
    span, models = asked(arguments)
    home = settings.REPOSITORY / ".foresite" / "time-machine"
    data_root = os.environ.get("FORESITE_DATA_ROOT") or demo_data()
    os.environ.update({"FORESITE_BACKEND": "local", "FORESITE_DATA_ROOT": data_root, **one_machine(home)})
    session = Session(home)
    try:
        results, failure = session.run(DAG_ID, span.taken_up, {**span.params, "models": models}), None
    except RunError as failed:
        results, failure = failed.results, failed
    lines, code = outcome(results, failure, None if models else span)
    for line in lines:
        session.say(line)
    return code


def asked(arguments: list[str] | None) -> tuple[Span, dict[str, str]]:
    """The interval, and the models by task that are to speak about it."""
    parser = argparse.ArgumentParser(prog="make time-machine", description=__doc__)
    for name in ("start", "end"):
        parser.add_argument(name, type=moment, help="RFC 3339, UTC, for example 2026-01-31T12:00:00Z")
    parser.add_argument("--model", type=model, action="append", default=[], metavar="TASK=ID", dest="models")
    options = parser.parse_args(arguments)
    if options.start >= options.end:
        parser.error("TO must come after FROM")
    models = dict(options.models)
    if len(models) < len(options.models):
        parser.error("MODEL names a task twice")
    return Span(options.start, options.end), models


def moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no RFC 3339 time: {error}") from error


def model(text: str) -> tuple[str, str]:
    task, _, model_id = text.partition("=")
    if task not in MODEL_TASKS or not model_id:
        raise argparse.ArgumentTypeError(f"{text!r} is no TASK=ID, with a task of {', '.join(MODEL_TASKS)}")
    return task, model_id


def demo_data() -> str:
    data: Path = settings.REPOSITORY / ".foresite" / "demo" / "data"
    if not data.is_dir():
        sys.exit("time machine: no data: run `make demo`, or set FORESITE_DATA_ROOT")
    return data.as_uri()


def outcome(results: Results, failure: RunError | None, compared: Span | None) -> tuple[list[str], int]:
    """What is printed, and the exit code: 0 only where something was published in the interval that was to be
    compared, and all of it is as it was; or, without one, where the models that were asked made their lists."""
    lines = told(results) if compared else replayed(results)
    if failure:
        return [*lines, f"time machine: {failure}"], 1
    found = (result.get("numbers", {}).get("computations") for runs in results.values() for result in runs)
    if compared and not any(found):
        nothing = f"no stage published anything in {compared}, so nothing is compared"
        return [*lines, f"time machine: {nothing}: check FROM, TO and FORESITE_DATA_ROOT"], 1
    return lines, 0


def told(results: Results) -> list[str]:
    """A line for each stage: what was compared, and how much of it is as it was."""
    lines = [f"{'rebuilt':<34}{'verdict':<20}{''.join(f'{name:>14}' for name in COUNTS)}{'rows':>12}"]
    for task_id, runs in results.items():
        for result in runs:
            numbers = result.get("numbers", {})
            if "computations" not in numbers:
                continue
            counts = "".join(f"{numbers.get(name, 0):>14}" for name in COUNTS)
            rows = sum(value for name, value in numbers.items() if name.endswith("_rows"))
            lines.append(f"  {task_id:<32}{result.get('verdict', ''):<20}{counts}{rows:>12}")
            if "first_different" in numbers:
                lines.append(f"    {numbers['first_different']}")
    return lines


def replayed(results: Results) -> list[str]:
    """What the models that were asked said, and what the lists that come of it named."""
    lines = []
    for task_id, runs in results.items():
        for result in runs if task_id.startswith("asked.") else []:
            lines.append(f"{task_id:<34}{result.get('verdict', '')}")
            numbers = result.get("numbers", {})
            lines += [f"  {name:<40}{'-' if value is None else value}" for name, value in sorted(numbers.items())]
    return lines


if __name__ == "__main__":
    sys.exit(main())
