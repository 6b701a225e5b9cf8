"""What every back end shares: which stage to call, with what, and what its end means."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.definitions.mappedoperator import OperatorPartial
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from foresite_airflow import settings, stage_needs
from foresite_airflow.command import Command
from foresite_airflow.exits import STOPPED, failure, once_more
from foresite_airflow.operators import links
from foresite_airflow.operators.order import wait_for_earlier
from foresite_airflow.result import Result, ResultError, complaint, parse, summary
from foresite_airflow.run import PinnedRun

LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
}
LINE = re.compile(rf"^\s*({'|'.join(LEVELS)})\s+(.*)$")


class StageOperator(BaseOperator):
    """Calls one stage for the pinned run of its DAG run.

    Interval, as-of and configuration come from the task `pin`; a mapped task overrides the
    interval with that of its slot. `model_task` is the stage's `--task` (Airflow already uses
    that word), `check_only` its `--dry-run` (there Airflow has a method of that name), `rebuild` compares
    what was published with what the stage computes of it now. Retries belong into the DAG's `default_args`,
    where mapped tasks see them too; the time limit is that of the stage. `profile` names other resources than
    the stage's own; only a cluster knows them. `in_order` lets an instance of a mapped task begin when those
    before it have ended, after all their tries.
    """

    template_fields: Sequence[str] = (
        "stage",
        "model_task",
        "step",
        "plan",
        "shard",
        "interval_start",
        "interval_end",
        "as_of",
        "force",
        "check_only",
        "rebuild",
        "options",
        "profile",
    )
    operator_extra_links = links.LINKS
    ui_color = "#e8f1f2"

    @classmethod
    def limits(cls, stage: str, profile: str | None) -> dict[str, Any]:
        """Arguments of a task that follow from its stage, for whoever does not give others."""
        return {"execution_timeout": stage_needs.time_limit_of(stage)}

    @classmethod
    def partial(cls, *, stage: str, profile: Any = None, **kwargs: Any) -> OperatorPartial:
        """As in Airflow. A mapped task is scheduled before it is made, so its limits stand here as well."""
        return super().partial(stage=stage, profile=profile, **{**cls.limits(stage, profile), **kwargs})

    def __init__(
        self,
        *,
        stage: str,
        model_task: str | None = None,
        step: str | None = None,
        plan: str | None = None,
        shard: str | None = None,
        interval_start: str | None = None,
        interval_end: str | None = None,
        as_of: str | None = None,
        force: bool | str = False,
        check_only: bool | str = False,
        rebuild: bool | str = False,
        options: Mapping[str, str | Sequence[str]] | None = None,
        profile: str | None = None,
        in_order: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**self.limits(stage, profile), **kwargs})
        self.stage = stage
        self.model_task = model_task
        self.step = step
        self.plan = plan
        self.shard = shard
        self.interval_start = interval_start
        self.interval_end = interval_end
        self.as_of = as_of
        self.force = force
        self.check_only = check_only
        self.rebuild = rebuild
        self.options = dict(options or {})
        self.profile = profile
        self.in_order = in_order
        self.killed = False
        #: What the stage left when it ended well.
        self.result: Result | None = None
        #: What a person may want to open, by the name of the link.
        self.links: dict[str, str] = {}

    def pre_execute(self, context: Context) -> None:
        if self.in_order:
            wait_for_earlier(context["ti"], self.retry_delay)

    def command(self, context: Context) -> Command:
        """The call, with what the task leaves open taken from the pinned run."""
        run = PinnedRun.of(context)
        return Command(
            stage=self.stage,
            config=run.config_path(self.stage, self.model_task),
            data_root=settings.data_root(),
            interval_start=self.interval_start or run.interval_start,
            interval_end=self.interval_end or run.interval_end,
            as_of=self.as_of or run.as_of,
            task=self.model_task,
            step=self.step,
            plan=self.plan,
            shard=self.shard,
            options=self.options,
            run_id=context["run_id"],
            force=is_set(self.force),
            dry_run=is_set(self.check_only),
            rebuild=is_set(self.rebuild),
        )

    def conclude(self, context: Context, code: int, result_text: str, detail: str = "", cause: str = "") -> Result:
        """Returns the result of a stage that ended well; raises what its exit code means.

        `detail` is what the stage said at last, for one that left no result; `cause` what ended it from outside.
        """
        if self.killed:
            # A stage that managed to end with 0 after SIGTERM has not done its work (apache/airflow#73006).
            raise failure(self.stage, code or STOPPED, self.tries(context), "killed before it finished")
        if code != 0:
            raise failure(self.stage, code, self.tries(context), complaint(result_text) or detail, cause)
        try:
            result = parse(result_text)
        except ResultError as error:
            because = f" ({cause})" if cause else ""
            raise once_more(f"foresite-{self.stage}: exit 0, but {error}{because}", self.tries(context)) from error
        self.result = result
        self.links.update(links.of_result(result))
        self.log.info("%s %s", self.stage, summary(result))
        return result

    @contextmanager
    def within_its_time(self, context: Context) -> Iterator[None]:
        """Says what a time-out is: Airflow's own exception names neither the stage nor the limit."""
        try:
            yield
        except AirflowTaskTimeout as late:
            raise self.too_late(context) from late

    def too_late(self, context: Context) -> AirflowException:
        """The exception for a stage that ran past its time limit: as for any that was stopped, two tries."""
        seconds = int(self.execution_timeout.total_seconds()) if self.execution_timeout else 0
        limit = f"{seconds} s" if seconds % 60 else stage_needs.spoken(seconds // 60)
        text = f"foresite-{self.stage}: timed out: it was stopped at its limit of {limit}"
        return once_more(text, self.tries(context))

    def relay(self, text: str) -> None:
        """Passes a line of the stage on to the task log at the level that it starts with."""
        matched = LINE.match(text)
        level, message = matched.groups() if matched else ("INFO", text)
        self.log.log(LEVELS[level], message)

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> Any:
        """What the OpenLineage provider asks of an operator; nobody else pays for its import."""
        from foresite_airflow.operators import lineage

        return lineage.of(self.stage, settings.data_root(), self.result) if self.result else None

    def tries(self, context: Context) -> int:
        """Which try this is since the task was last cleared; `try_number` counts on for ever."""
        task_instance = context["ti"]
        before_clearing = max(task_instance.max_tries - (self.retries or 0), 0)
        return int(task_instance.try_number - before_clearing)


def is_set(flag: bool | str) -> bool:
    """A flag as Python or as a rendered template writes it."""
    return flag if isinstance(flag, bool) else flag.strip().lower() == "true"
