"""The asset that joins the DAGs, and what its events carry."""

from __future__ import annotations

from airflow.sdk import Asset

#: Features of an interval are there. The event's `extra` is the pinned run: interval, as-of,
#: configurations and their hash.
FEATURES = Asset(name="foresite.features", uri="foresite://tables/features", group="foresite")
