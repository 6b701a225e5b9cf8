"""Runs a stage as a process on this machine: the back end of a laptop and of the tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from foresite_airflow import settings
from foresite_airflow.operators.process import ProcessStageOperator
from foresite_airflow.result import Result


class LocalStageOperator(ProcessStageOperator):
    """Starts `foresite-<stage>` and follows it to its end."""

    def execute(self, context: Context) -> Result:
        command = self.command(context)
        program = settings.binaries() / command.binary
        if not os.access(program, os.X_OK):
            raise AirflowFailException(f"{program} is not there: run `make build`, or point FORESITE_BIN_DIR at it")
        self.log.info("rerun by hand: %s", command.rerun(str(program)))
        with tempfile.TemporaryDirectory(prefix="foresite-") as folder:
            result_file = Path(folder) / "result.json"
            with self.within_its_time(context):
                code, tail = self.follow([str(program), *command.arguments(), "--result", str(result_file)])
            text = result_file.read_text() if result_file.exists() else ""
        return self.conclude(context, code, text, "\n".join(tail))
