"""The command line of a stage: the one place that knows its flags."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """One call of a stage. Times are RFC 3339 text, the interval is half-open."""

    stage: str
    config: str | None
    data_root: str
    interval_start: str
    interval_end: str
    as_of: str
    run_id: str
    task: str | None = None
    step: str | None = None
    plan: str | None = None
    shard: str | None = None
    force: bool = False
    dry_run: bool = False
    rebuild: bool = False
    #: What only this stage knows; a list is an option of several values.
    options: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def binary(self) -> str:
        return f"foresite-{self.stage}"

    def arguments(self) -> list[str]:
        """Flags in a fixed order, so that two logged commands can be compared by eye."""
        pairs = {
            "config": self.config,
            "data-root": self.data_root,
            "interval-start": self.interval_start,
            "interval-end": self.interval_end,
            "as-of": self.as_of,
            "task": self.task,
            "step": self.step,
            "plan": self.plan,
            "shard": self.shard,
            **self.options,
            "run-id": self.run_id,
        }
        flags = [part for name, value in pairs.items() if value for part in (f"--{name}", *values(value))]
        switches = {"--force": self.force, "--dry-run": self.dry_run, "--rebuild": self.rebuild}
        return flags + [name for name, is_on in switches.items() if is_on]

    def rerun(self, program: str) -> str:
        """The line that does the same by hand."""
        return shlex.join([program, *self.arguments()])


def values(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
