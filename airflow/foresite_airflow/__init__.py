"""What the telecom DAGs are made of: the stage operators, the pinned run, its windows.

The DAG files say what runs after what; everything that they share lives here and imports nothing
heavy, because the scheduler parses the DAG files again and again.
"""
