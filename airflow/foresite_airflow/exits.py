"""How the exit code of a stage becomes the fate of its task.

| exit | meaning | the task |
|---|---|---|
| 0 | done, or unchanged | succeeds |
| 2, 65, 66, 73 | usage, bad data, input missing, cannot write | fails at once |
| 75 | transient: storage unreachable, conflict, GPU busy | 5 tries in all |
| 137, 143, 1, 101, 134, 139 and the rest | killed, stopped, unclassified, panic, abort | 2 tries in all |
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException

TRANSIENT = 75
KILLED = 137
STOPPED = 143
TRANSIENT_TRIES = 5
CRASH_TRIES = 2

#: Exits that another try cannot mend.
FINAL = {
    2: "usage or configuration",
    65: "bad data",
    66: "input root or table missing",
    73: "cannot write: disk full, quota or permission",
}
#: Exits that another try may mend.
PASSING = {
    1: "unclassified error",
    TRANSIENT: "transient: storage unreachable, conflict or busy device",
    101: "panic",
    134: "native abort",
    KILLED: "killed, often for memory",
    139: "segmentation fault",
    STOPPED: "stopped",
}


def exit_code(returncode: int) -> int:
    """The code as a shell would say it: a signal becomes 128 plus its number."""
    return 128 - returncode if returncode < 0 else returncode


def meaning(code: int) -> str:
    known = FINAL.get(code) or PASSING.get(code)
    return known or (f"ended by signal {code - 128}" if code > 128 else "unknown exit code")


def failure(stage: str, code: int, tries: int, detail: str = "", cause: str = "") -> AirflowException:
    """The exception for a stage that ended with `code` on its `tries`-th try.

    `detail` is what the stage said at last, `cause` what ended it from outside.
    `AirflowFailException` ends the task, anything else lets Airflow try again.
    """
    said = meaning(code)
    if cause:
        # "Often for memory" would mislead whoever reads that the disk was full.
        said = cause if code in {KILLED, STOPPED} else f"{said} ({cause})"
    text = f"foresite-{stage}: exit {code}: {said}"
    if detail:
        text = f"{text}: {one_line(detail)}"
    if code in FINAL:
        return AirflowFailException(text)
    return AirflowException(text) if code == TRANSIENT else once_more(text, tries)


def one_line(text: str) -> str:
    """Several lines as one, for the last line of a log."""
    return " | ".join(line.strip() for line in text.splitlines() if line.strip())


def once_more(text: str, tries: int) -> AirflowException:
    """The exception for what deserves a second try and no third."""
    if tries >= CRASH_TRIES:
        return AirflowFailException(f"{text} (try {tries} of {CRASH_TRIES})")
    return AirflowException(text)
