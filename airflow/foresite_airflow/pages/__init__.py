"""Pages in Airflow's UI: the worklist, the models and the completeness of the data.

Rendered here, behind Airflow's authentication; what they show comes from the console service, and what
people say about it goes there, so that Airflow's API server needs no way to the tables.
"""
