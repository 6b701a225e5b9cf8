"""The operators that run a stage, one per back end, and the choice between them."""

from __future__ import annotations

from foresite_airflow import settings
from foresite_airflow.operators.base import StageOperator

__all__ = ["StageOperator", "stage_operator"]


def stage_operator() -> type[StageOperator]:
    """The operator class of the back end in force.

    A class and not an instance, so that a DAG can call `.partial(…).expand(…)` on it.
    """
    backend = settings.backend()
    if backend == "local":
        from foresite_airflow.operators.local import LocalStageOperator

        return LocalStageOperator
    if backend == "kubernetes":
        from foresite_airflow.operators.kubernetes import StagePodOperator

        return StagePodOperator
    if backend == "docker":
        from foresite_airflow.operators.docker import DockerStageOperator

        return DockerStageOperator
    raise ValueError(f"FORESITE_BACKEND={backend}: expected {', '.join(settings.BACKENDS)}")
