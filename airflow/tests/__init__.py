"""Tests of the DAGs and their operators: one process, no cluster, no stage binary."""
