"""The names of the stages and of the built-in prediction tasks."""

from __future__ import annotations

STAGES = (
    "simulate",
    "ingest",
    "validate",
    "derive",
    "featurize",
    "train",
    "evaluate",
    "promote",
    "predict",
    "advise",
    "export",
    "monitor",
    "maintain",
)
MODEL_TASKS = ("anomaly", "maintenance", "capacity")
