"""Spark on the tables: outside the gate for its weight."""
